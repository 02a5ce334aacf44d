"""Answers with the request."""

import hashlib
import json

import azure.functions as func


def main(req: func.HttpRequest) -> func.HttpResponse:
    body = req.get_body()
    answer = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route": dict(req.route_params),
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "type": type(req).__module__,
    }
    return func.HttpResponse(json.dumps(answer), mimetype="application/json")
