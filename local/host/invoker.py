"""Running functions: ids, time limit, log lines, and the count of what is running."""

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from local.host.functions import Function
from local.host.worker import Datum, Result, Worker

log = logging.getLogger("host.invoker")


@dataclass(frozen=True, slots=True)
class Call:
    """One thing to run: the trigger's value, what the function may know about it, and why it runs."""

    function: Function
    trigger: Datum
    metadata: Mapping[str, Datum]
    reason: str
    retry: tuple[int, int] = (0, 0)


class Invoker:
    """Runs functions one way for all triggers."""

    def __init__(self, worker: Worker, timeout_seconds: float | None, *, log_http: bool = False) -> None:
        self._worker = worker
        self._timeout_seconds = timeout_seconds
        self._log_http = log_http
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, call: Call) -> Result:
        """Run it and log it. HTTP calls that succeed are logged only when that was asked for."""
        invocation_id = str(uuid.uuid4())
        verbose = self._log_http or call.function.trigger.type != "httpTrigger"
        if verbose:
            log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", call.function.name, call.reason, invocation_id)
        began = time.perf_counter()
        self._enter()
        try:
            result = await self._limited(call, invocation_id)
        finally:
            self._leave()
        if verbose or not result.ok:
            _log_end(call, invocation_id, result, time.perf_counter() - began)
        return result

    async def drain(self, seconds: float) -> bool:
        """Wait for what is running; whether all of it ended in time."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            log.warning("%d invocations were still running after %g s", self._running, seconds)
            return False
        return True

    async def _limited(self, call: Call, invocation_id: str) -> Result:
        """A sync function that is out of time goes on in its thread, unheard: a thread cannot be stopped."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._worker.invoke(
                    call.function, invocation_id, call.trigger, call.metadata, retry=call.retry
                )
        except TimeoutError:
            return Result(ok=False, error=f"the time limit of {self._timeout_seconds:g} s was exceeded")

    def _enter(self) -> None:
        self._running += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._running -= 1
        if self._running == 0:
            self._idle.set()


def _log_end(call: Call, invocation_id: str, result: Result, seconds: float) -> None:
    if result.ok:
        log.info(
            "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%.0fms)",
            call.function.name,
            invocation_id,
            seconds * 1000,
        )
        return
    log.error(
        "Executed 'Functions.%s' (Failed, Id=%s, Duration=%.0fms): %s\n%s",
        call.function.name,
        invocation_id,
        seconds * 1000,
        result.error,
        result.trace or "",
    )
