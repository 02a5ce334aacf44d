"""The host's own endpoints under ``/admin``: status, the list of functions, and running one by hand."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from local.host.assembly import Assembly
from local.host.functions import Function
from local.host.settings import HostSettingsError

log = logging.getLogger("host.admin")

type ManualRun = Callable[[Function, str], Awaitable[object]]
FUNCTIONS = "/admin/functions/"


class Admin:
    """``runs`` says, per trigger type, how to run a function with the ``input`` of the request."""

    def __init__(self, host_id: str, assembly: Assembly, runs: Mapping[str, ManualRun]) -> None:
        self._host_id = host_id
        self._functions = assembly.functions
        self._faults = assembly.faults
        self._runs = runs
        self._tasks: set[asyncio.Task[object]] = set()

    async def status(self, _: web.BaseRequest) -> web.Response:
        """Running as soon as it answers: functions are loaded before the server listens.

        ``errors`` has the functions that could not be loaded (the real host has these at ``/admin/functions``).
        """
        errors = [f"The '{name}' function is in error: {fault}" for name, fault in self._faults.items()]
        return web.json_response({"id": self._host_id, "state": "Running", "version": "local", "errors": errors})

    async def list_functions(self, _: web.BaseRequest) -> web.Response:
        """Every function that was loaded."""
        return web.json_response([_described(function) for function in self._functions.values()])

    async def run(self, request: web.BaseRequest) -> web.Response:
        """Start a function and answer 202 at once, whatever will come of it."""
        function = self._functions.get(request.path.removeprefix(FUNCTIONS))
        if function is None:
            return web.Response(status=404)
        run = self._runs.get(function.trigger.type)
        if run is None:
            return web.Response(status=400, text="HTTP functions are called at their own address")
        try:
            argument = _input(await request.read())
        except HostSettingsError as error:
            return web.Response(status=400, text=str(error))
        task = asyncio.ensure_future(self._logged(run, function, argument))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response(status=202)

    async def _logged(self, run: ManualRun, function: Function, argument: str) -> None:
        """Nobody awaits a manual run: what it raises must not be lost."""
        try:
            await run(function, argument)
        except Exception:
            log.exception("the manual run of %s failed before the function began", function.name)


def _described(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "config": {"bindings": [dict(binding.options) for binding in function.bindings]},
        "isDisabled": function.disabled,
        "language": "python",
    }


def _input(body: bytes) -> str:
    """``input`` of the JSON body; an object that has none, as in ``{}``, means no input."""
    try:
        parsed = json.loads(body)
    except ValueError as error:
        msg = 'expected a JSON object such as {"input": ""}'
        raise HostSettingsError(msg) from error
    if not isinstance(parsed, dict):
        msg = 'expected a JSON object such as {"input": ""}'
        raise HostSettingsError(msg)
    return str(parsed.get("input") or "")
