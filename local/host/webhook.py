"""``POST /runtime/webhooks/blobs``: where Event Grid tells the host about a written blob."""

import logging
from typing import Protocol

from aiohttp import web
from azure.core.exceptions import AzureError

from local.host.blobmessage import (
    FUNCTION_PREFIX,
    BlobMessage,
    EventError,
    message_of,
    parse_events,
    validation_code,
)

log = logging.getLogger("host.webhook")

PATH = "/runtime/webhooks/blobs"


class Queue(Protocol):
    """Where messages go; a name is in it when there is such a blob function."""

    def __contains__(self, function: object) -> bool: ...

    async def enqueue(self, message: BlobMessage) -> None: ...


class BlobWebhook:
    """Writes a message per event and answers 202; the function runs later, out of the queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one delivery, by its ``aeg-event-type``."""
        kind = request.headers.get("aeg-event-type", "").lower()
        try:
            if kind == "notification":
                return await self._notify(request)
            if kind == "subscriptionvalidation":
                code = validation_code(parse_events(await request.read()))
                return web.json_response({"validationResponse": code})
        except EventError as error:
            log.warning("refused a delivery: %s", error)
            return web.Response(status=400, text=str(error))
        return web.Response(status=202 if kind == "unsubscribe" else 400)

    async def _notify(self, request: web.BaseRequest) -> web.Response:
        """500 when the queue cannot be written: Event Grid then delivers again."""
        function = request.query.get("functionName", "").removeprefix(FUNCTION_PREFIX)
        messages = [message_of(event, function) for event in parse_events(await request.read())]
        if function not in self._queue:
            log.warning("functionName=%s is no blob function of this app: %d events dropped", function, len(messages))
            return web.Response(status=202)
        try:
            for message in messages:
                await self._queue.enqueue(message)
        except AzureError as error:
            log.warning("cannot write to the blob trigger's queue: %s", error)
            return web.Response(status=500)
        return web.Response(status=202)
