"""HTTPS: score rows with the version that serves."""

from __future__ import annotations

import azure.functions as func

from shared import wiring


def main(request: func.HttpRequest) -> func.HttpResponse:
    """Pass the request on, and the answer back; the routes are in ``shared.scoring.run``."""
    path = request.route_params.get("path", "")
    answer = wiring.scorer().answer(request.method, path, request.get_body())
    return func.HttpResponse(
        answer.body, status_code=answer.status, mimetype=answer.content_type, headers=answer.headers
    )
