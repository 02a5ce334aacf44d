"""A timer's stored status: what is past due, what a run changes, and how it is spelled."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.functions import Binding, Function
from local.host.invoker import Call
from local.host.ncrontab import Schedule
from local.host.retry import RetryPolicy
from local.host.schedule import NEVER, ScheduleStatus, after_run, at_start, timer_request
from local.host.settings import HostSettingsError
from local.host.timers import TimerFunction, TimerListener
from local.host.worker import Result

NIGHTLY = Schedule("0 0 2 * * *")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(day: int, hour: int, microsecond: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, microsecond=microsecond, tzinfo=UTC)


def test_first_start() -> None:
    """Nothing stored: nothing was missed, and the coming occurrence is written down."""
    start = at_start(None, NOW, NIGHTLY)
    assert (start.past_due, start.changed) == (False, True)
    assert start.status == ScheduleStatus(NEVER, at(24, 2), NOW)


def test_missed_while_down() -> None:
    """Three nights missed are one run, for the oldest of them."""
    stored = ScheduleStatus(at(20, 2), at(21, 2), at(20, 2))
    start = at_start(stored, NOW, NIGHTLY)
    assert (start.past_due, start.changed, start.status) == (True, False, stored)


def test_missed_before_it_ever_ran() -> None:
    """The status written at the first start counts as well."""
    start = at_start(ScheduleStatus(NEVER, at(23, 2), at(22, 12)), NOW, NIGHTLY)
    assert start.past_due


def test_nothing_missed() -> None:
    """A restart between two occurrences changes nothing."""
    stored = ScheduleStatus(at(23, 2), at(24, 2), at(23, 2))
    start = at_start(stored, NOW, NIGHTLY)
    assert (start.past_due, start.changed, start.status) == (False, False, stored)


def test_changed_schedule_is_not_past_due() -> None:
    """A status of another schedule is replaced, and its past is not caught up."""
    stored = ScheduleStatus(at(23, 2), at(23, 3), at(23, 2))
    start = at_start(stored, at(30, 12), NIGHTLY)
    assert (start.past_due, start.changed) == (False, True)
    assert start.status.next == datetime(2026, 12, 1, 2, tzinfo=UTC)


def test_after_a_run() -> None:
    """The next occurrence counts from when the run was fired, not from when it ended."""
    status = ScheduleStatus(at(22, 2), at(23, 2), at(22, 2))
    moved = after_run(status, at(23, 2, 1500), NIGHTLY, past_due=False)
    assert moved == ScheduleStatus(at(23, 2, 1500), at(24, 2), at(23, 2, 1500))


def test_fired_early() -> None:
    """A clock that ran ahead must not fire one occurrence twice."""
    status = ScheduleStatus(at(22, 2), at(23, 2), at(22, 2))
    early = at(23, 2) - timedelta(milliseconds=3)
    assert after_run(status, early, NIGHTLY, past_due=False).next == at(24, 2)


def test_request_during_a_run() -> None:
    """Next is the very occurrence that is being fired; the library reads this JSON."""
    status = ScheduleStatus(NEVER, at(23, 2), at(22, 2))
    assert json.loads(timer_request(status, past_due=False)) == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": "0001-01-01T00:00:00+00:00",
            "Next": "2026-11-23T02:00:00+00:00",
            "LastUpdated": "2026-11-22T02:00:00+00:00",
        },
        "IsPastDue": False,
    }
    assert json.loads(timer_request(None, past_due=True))["ScheduleStatus"] is None


def test_reads_what_the_real_host_writes() -> None:
    """Seven decimals, and no offset on times that were never set."""
    updated = "2026-11-22T02:00:00.0012345+00:00"
    text = f'{{"Last":"0001-01-01T00:00:00","Next":"2026-11-23T02:00:00+00:00","LastUpdated":"{updated}"}}'
    status = ScheduleStatus.from_json(text)
    assert status == ScheduleStatus(NEVER, at(23, 2), at(22, 2, 1234))
    with pytest.raises(ValueError, match="not a schedule status"):
        ScheduleStatus.from_json("{}")


def test_retry_policies() -> None:
    """Both strategies, counted from the first repetition."""
    fixed = RetryPolicy.from_json({"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:30"})
    assert [fixed.delay_seconds(n) for n in (1, 2)] == [30, 30]
    assert [fixed.allows(n) for n in (1, 2, 3)] == [True, True, False]
    backoff = RetryPolicy.from_json(
        {
            "strategy": "exponentialBackoff",
            "maxRetryCount": -1,
            "minimumInterval": "00:00:04",
            "maximumInterval": "00:00:10",
        }
    )
    assert [backoff.delay_seconds(n) for n in (1, 2, 3, 4000)] == [4, 8, 10, 10]
    assert backoff.allows(4000)
    for wrong in ({"strategy": "often", "maxRetryCount": 1}, {"strategy": "fixedDelay", "maxRetryCount": 1}):
        with pytest.raises(HostSettingsError, match="retry"):
            RetryPolicy.from_json(wrong)


class FakeStore:
    def __init__(self) -> None:
        self.status: ScheduleStatus | None = None

    async def read(self, function: str) -> ScheduleStatus | None:
        return self.status

    async def write(self, function: str, status: ScheduleStatus) -> None:
        self.status = status


class FakeInvoker:
    """Fails so many times, then succeeds."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls: list[Call] = []

    async def run(self, call: Call) -> Result:
        self.calls.append(call)
        return Result(ok=len(self.calls) > self.failures)


def listener(store: Any, invoker: Any, retry: RetryPolicy | None) -> TimerListener:
    trigger = Binding("timer", "timerTrigger", "in")
    function = Function("t", Path("t"), Path("t/__init__.py"), "", trigger, (trigger,), retry)
    return TimerListener(TimerFunction.of(function, "0 0 2 * * *"), store, invoker)


@pytest.mark.parametrize(("failures", "runs"), [(0, 1), (1, 2), (9, 3)])
def test_timer_retries(failures: int, runs: int) -> None:
    """A failed run is repeated as often as function.json says, and told how often it was."""
    invoker = FakeInvoker(failures)
    asyncio.run(listener(FakeStore(), invoker, RetryPolicy(2, 0, 0)).run_by_hand())
    assert [call.retry for call in invoker.calls] == [(n, 2) for n in range(runs)]


def test_by_hand_leaves_the_status_alone() -> None:
    """A manual run sees the stored status, whose Next lies ahead, and moves nothing."""
    store, invoker = FakeStore(), FakeInvoker(0)
    store.status = ScheduleStatus(at(23, 2), at(24, 2), at(23, 2))
    asyncio.run(listener(store, invoker, None).run_by_hand())
    sent = json.loads(invoker.calls[0].trigger.value)
    assert (sent["ScheduleStatus"]["Next"], sent["IsPastDue"]) == ("2026-11-24T02:00:00+00:00", False)
    assert store.status == ScheduleStatus(at(23, 2), at(24, 2), at(23, 2))
