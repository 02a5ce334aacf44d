"""Timer-triggered functions: firing on time, once for what was missed, and by hand."""

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from local.host.functions import Function
from local.host.invoker import Call, Invoker
from local.host.ncrontab import Schedule
from local.host.schedule import ScheduleStatus, after_run, at_start, timer_request
from local.host.worker import Datum

log = logging.getLogger("host.timers")

_CONTAINER = "azure-webjobs-hosts"
_STORAGE_RETRY_SECONDS = 2.0
# An upper bound on one sleep, so that a clock that was set is noticed.
_LONGEST_SLEEP_SECONDS = 60.0


class StatusStore:
    """The blob ``azure-webjobs-hosts/timers/{host id}/Host.Functions.{function}/status`` of each timer."""

    def __init__(self, service: BlobServiceClient, host_id: str) -> None:
        self._service = service
        self._host_id = host_id

    async def read(self, function: str) -> ScheduleStatus | None:
        """None when nothing is stored, or something that is no status.

        :raises AzureError: the account did not answer.
        """
        try:
            download = await self._service.get_blob_client(_CONTAINER, self._name(function)).download_blob()
            return ScheduleStatus.from_json(await download.readall())
        except ResourceNotFoundError:
            return None
        except ValueError as error:
            log.warning("%s: %s", function, error)
            return None

    async def write(self, function: str, status: ScheduleStatus) -> None:
        """Best effort, as in the real host: a failure is logged, and a run may then be repeated after a restart."""
        client = self._service.get_blob_client(_CONTAINER, self._name(function))
        content = timer_status_text(status)
        try:
            try:
                await client.upload_blob(content, overwrite=True)
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError):
                    await self._service.create_container(_CONTAINER)
                await client.upload_blob(content, overwrite=True)
        except AzureError as error:
            log.warning("%s: cannot store the schedule status: %s", function, error)

    def _name(self, function: str) -> str:
        return f"timers/{self._host_id}/Host.Functions.{function}/status"


def timer_status_text(status: ScheduleStatus) -> str:
    """What the status blob holds."""
    return json.dumps(status.as_json())


@dataclass(frozen=True, slots=True)
class TimerFunction:
    """``monitored``: its status is stored, so that a missed run is caught up; too frequent timers are not."""

    function: Function
    schedule: Schedule
    monitored: bool
    run_on_startup: bool

    @classmethod
    def of(cls, function: Function, expression: str) -> "TimerFunction":
        """Read the trigger; ``expression`` is its schedule with settings filled in.

        :raises ScheduleError: the real host would not take it.
        """
        schedule = Schedule(expression)
        options = function.trigger.options
        monitored = options.get("useMonitor", True) and not schedule.fires_within_a_minute(datetime.now(UTC))
        return cls(function, schedule, bool(monitored), bool(options.get("runOnStartup", False)))


class TimerListener:
    """One timer. Scheduled runs never overlap: the next occurrence is looked for when a run is over."""

    def __init__(self, timer: TimerFunction, store: StatusStore, invoker: Invoker) -> None:
        self._timer = timer
        self._store = store
        self._invoker = invoker
        self._firing: asyncio.Task[ScheduleStatus] | None = None

    async def listen(self) -> None:
        """Fire until cancelled. Without storage a monitored timer waits for it: it cannot know what it missed."""
        status, past_due = await self._begin()
        log.info("%s: next at %s%s", self._timer.function.name, status.next.isoformat(), " (past due)" * past_due)
        if past_due or self._timer.run_on_startup:
            status = await self._fire_whole(status, past_due=past_due)
        while True:
            await _sleep_until(status.next)
            status = await self._fire_whole(status, past_due=False)

    async def finish(self, seconds: float) -> None:
        """Once ``listen`` was cancelled: let a run that has begun end and its status be stored."""
        if self._firing is not None:
            await asyncio.wait({self._firing}, timeout=seconds)

    async def run_by_hand(self) -> None:
        """As the real host does: with the stored status, whose ``Next`` lies ahead, and without touching it."""
        status = await self._store.read(self._timer.function.name) if self._timer.monitored else None
        await self._run(status, past_due=False, reason="This function was programmatically called via the host APIs")

    async def _begin(self) -> tuple[ScheduleStatus, bool]:
        stored = await self._stored() if self._timer.monitored else None
        start = at_start(stored, datetime.now(UTC), self._timer.schedule)
        if start.changed and self._timer.monitored:
            await self._store.write(self._timer.function.name, start.status)
        return start.status, start.past_due

    async def _stored(self) -> ScheduleStatus | None:
        complained = False
        while True:
            try:
                return await self._store.read(self._timer.function.name)
            except AzureError as error:
                if not complained:
                    log.warning("%s waits for storage: %s", self._timer.function.name, error)
                complained = True
                await asyncio.sleep(_STORAGE_RETRY_SECONDS)

    async def _fire_whole(self, status: ScheduleStatus, *, past_due: bool) -> ScheduleStatus:
        """Out of reach of cancellation: a run whose status is not stored would be repeated at the next start."""
        self._firing = asyncio.ensure_future(self._fire(status, past_due=past_due))
        return await asyncio.shield(self._firing)

    async def _fire(self, status: ScheduleStatus, *, past_due: bool) -> ScheduleStatus:
        """Run for an occurrence; whatever comes of it, the timer goes on."""
        fired = datetime.now(UTC)
        known = status if self._timer.monitored else None
        await self._run(known, past_due=past_due, reason=f"Timer fired at {fired.isoformat()}")
        moved = after_run(status, fired, self._timer.schedule, past_due=past_due)
        if self._timer.monitored:
            await self._store.write(self._timer.function.name, moved)
        return moved

    async def _run(self, status: ScheduleStatus | None, *, past_due: bool, reason: str) -> None:
        """Once, and again as often as the function's retry policy says."""
        policy = self._timer.function.retry
        trigger = Datum(timer_request(status, past_due=past_due), "json")
        retry = 0
        while True:
            counts = (retry, policy.max_retries if policy else 0)
            result = await self._invoker.run(Call(self._timer.function, trigger, {}, reason, counts))
            retry += 1
            if result.ok or policy is None or not policy.allows(retry):
                return
            await asyncio.sleep(policy.delay_seconds(retry))


async def _sleep_until(moment: datetime) -> None:
    while (remaining := (moment - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(remaining, _LONGEST_SLEEP_SECONDS))
