"""The HTTP side of the host: functions by their routes, and the host's own endpoints.

What happens for every request is kept short: routes are compiled at start, the query is parsed only when there is one,
and the worker gets its own types without a detour over protobuf.
"""

import ipaddress
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from local.host.invoker import Call, Invoker
from local.host.keys import Keys
from local.host.routes import RouteTable
from local.host.worker import Datum, Result

log = logging.getLogger("host.http")

type SystemHandler = Callable[[web.BaseRequest], Awaitable[web.Response]]

DEFAULT_BODY_LIMIT_BYTES = 210 * 1024 * 1024
_SYSTEM_PREFIXES = ("/admin/", "/runtime/")
# aiohttp decides about these itself.
_HOP_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})


class Front:
    """Answers every request of the server."""

    def __init__(
        self, routes: RouteTable, keys: Keys, invoker: Invoker, *, body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES
    ) -> None:
        self._routes = routes
        self._keys = keys
        self._invoker = invoker
        self._body_limit_bytes = body_limit_bytes
        self._system: list[tuple[str, str, SystemHandler]] = []

    def add_system(self, method: str, path: str, handler: SystemHandler) -> None:
        """Register an endpoint of the host; a path that ends in ``/`` stands for everything below it."""
        self._system.append((method, path, handler))

    def make_request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        """The server's request factory: a request that refuses bodies over the limit while it reads them."""
        loop = task.get_loop()
        limit = self._body_limit_bytes
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Find who answers and let them."""
        path = _decoded(request.rel_url.raw_path)
        if path.startswith(_SYSTEM_PREFIXES):
            return await self._handle_system(request, path)
        found = self._routes.find(request.method, path)
        if found is None:
            return web.Response(status=404)
        route, parameters = found
        query = _joined(request.query) if request.rel_url.raw_query_string else {}
        if not self._keys.admit(route, request.headers.get("x-functions-key") or query.get("code")):
            return web.Response(status=401)
        body = await self._body(request)
        if body is None:
            return _too_large()
        trigger = Datum(_http_value(request, query, parameters, body), "http")
        result = await self._invoker.run(Call(route.function, trigger, {}, "This function was called over HTTP"))
        return _response(result, route.function.http_output)

    async def _handle_system(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        for method, known, handler in self._system:
            if method == request.method and (path == known or (known.endswith("/") and path.startswith(known))):
                presented = request.headers.get("x-functions-key") or request.query.get("code")
                if not self._keys.admit_system(presented, from_this_machine=_is_loopback(request.remote)):
                    return web.Response(status=401)
                return await handler(request)
        return web.Response(status=404)

    async def _body(self, request: web.BaseRequest) -> bytes | None:
        """The raw body; None when it is over the limit."""
        if not request.can_read_body:
            return b""
        if (request.content_length or 0) > self._body_limit_bytes:
            return None
        try:
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            return None


def _decoded(raw_path: str) -> str:
    """Percent-decoded, but for an encoded slash, which must not become a separator."""
    if "%" not in raw_path:
        return raw_path
    return unquote(raw_path.replace("%2F", "%252F").replace("%2f", "%252f"))


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    """A name that comes several times has its values joined by commas, as the real host hands them on."""
    joined: dict[str, str] = {}
    for name, value in values.items():
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _http_value(
    request: web.BaseRequest, query: Mapping[str, str], parameters: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """What the library's HttpRequest is made of."""
    return {
        "method": Datum(request.method, "string"),
        "url": Datum(f"http://{request.host}{request.path_qs}", "string"),
        "headers": _strings(_joined(request.headers).items()),
        "query": _strings(query.items()),
        "params": _strings(parameters.items()),
        "body": Datum(body, "bytes"),
    }


def _strings(pairs: Iterable[tuple[str, str]]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in pairs}


def _response(result: Result, output: str | None) -> web.Response:
    """The function's response; 500 without a body when it failed, as in Azure."""
    if not result.ok:
        return web.Response(status=500)
    answer = result.returned if output == "$return" else dict(result.outputs).get(output or "")
    if answer is None:
        return web.Response(status=200 if output else 204)
    if answer.type != "http":
        return web.Response(text=str(answer.value))
    value = answer.value
    headers = CIMultiDict(
        (name, header.value) for name, header in value["headers"].items() if name.lower() not in _HOP_HEADERS
    )
    for cookie in value["cookies"] or ():
        _add_cookie(headers, cookie)
    return web.Response(status=int(value["status_code"].value), headers=headers, body=value["body"].value)


def _add_cookie(headers: CIMultiDict[str], cookie: SimpleCookie) -> None:
    for morsel in cookie.values():
        headers.add("Set-Cookie", morsel.OutputString())


def _too_large() -> web.Response:
    response = web.Response(status=413)
    response.force_close()
    return response


def _is_loopback(address: str | None) -> bool:
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
