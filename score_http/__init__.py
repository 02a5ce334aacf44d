"""HTTPS: score rows with the version that serves."""

from __future__ import annotations

import azure.functions as func

from shared import wiring
from shared.errors import CatalogError, SettingsError
from shared.scoring.http import Call


def main(request: func.HttpRequest) -> func.HttpResponse:
    """Pass the request on, and the answer back; the routes are in ``shared.scoring.run``."""
    call = Call(
        method=request.method,
        path=request.route_params.get("path", ""),
        body=request.get_body(),
        query=request.params,
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    try:
        answer = wiring.scorer().answer(call)
    except (SettingsError, CatalogError) as error:
        from shared.scoring.answers import not_set_up

        answer = not_set_up(error, call.headers)
    return func.HttpResponse(
        answer.body, status_code=answer.status, mimetype=answer.content_type, headers=answer.headers
    )
