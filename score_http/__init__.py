"""HTTPS: score rows with the version that serves."""

from __future__ import annotations

import asyncio

import azure.functions as func

from shared import wiring
from shared.errors import CatalogError, SettingsError
from shared.scoring.http import Answer, Call


async def main(request: func.HttpRequest) -> func.HttpResponse:
    """Pass the request on, and the answer back; the routes are in ``shared.scoring.run``.

    A few rows are answered here and now, which is quicker than handing them to a thread. All else would hold up other
    requests, and gets one.
    """
    call = Call(
        method=request.method,
        path=request.route_params.get("path", ""),
        body=request.get_body(),
        query=request.params,
        headers=request.headers,
    )
    scorer = wiring.scorer_at_hand()
    if scorer is not None and scorer.answers_at_once(call):
        answer = scorer.answer(call)
    else:
        answer = await asyncio.to_thread(_answer, call)
    return func.HttpResponse(
        answer.body, status_code=answer.status, mimetype=answer.content_type, headers=answer.headers
    )


def _answer(call: Call) -> Answer:
    try:
        return wiring.scorer().answer(call)
    except (SettingsError, CatalogError) as error:
        from shared.scoring.answers import not_set_up

        return not_set_up(error, call.headers)
