"""What the host knows about a timer between two runs, and what follows from it. No I/O here.

This follows TimerListener and ScheduleMonitor of azure-webjobs-sdk-extensions: while a function runs, ``Next`` is still
the occurrence that is being fired; the status moves on after the run.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.host.ncrontab import Schedule

NEVER = datetime.min.replace(tzinfo=UTC)
_UNSET_BEFORE = NEVER.replace(year=2)


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """``last``: when it last ran. ``next``: the occurrence that is due. ``last_updated``: when this was computed."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        """As the real host spells it, in the status blob and in the function's argument."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> "ScheduleStatus":
        """Read a status blob, of this host or of the real one.

        :raises ValueError: it is no such thing.
        """
        stored = json.loads(text)
        try:
            return cls(*(_moment(stored[key]) for key in ("Last", "Next", "LastUpdated")))
        except (KeyError, TypeError) as error:
            msg = f"not a schedule status: {text!r}"
            raise ValueError(msg) from error


@dataclass(frozen=True, slots=True)
class Start:
    """How a timer begins: its status, whether that is news to be stored, and whether a run was missed."""

    status: ScheduleStatus
    changed: bool
    past_due: bool


def at_start(stored: ScheduleStatus | None, now: datetime, schedule: Schedule) -> Start:
    """Compare the stored status with the schedule: a missed occurrence is past due, a changed schedule is not."""
    if stored is None:
        status = ScheduleStatus(NEVER, schedule.next_after(now), now)
        return Start(status, changed=True, past_due=False)
    computed_at = next((moment for moment in (stored.last, stored.last_updated) if moment > _UNSET_BEFORE), now)
    expected = schedule.next_after(computed_at)
    if stored.next == expected:
        return Start(stored, changed=False, past_due=now > expected)
    if now > expected:
        expected, computed_at = schedule.next_after(now), now
    return Start(ScheduleStatus(NEVER, expected, computed_at), changed=True, past_due=False)


def after_run(status: ScheduleStatus, fired: datetime, schedule: Schedule, *, past_due: bool) -> ScheduleStatus:
    """The status once a run that began at ``fired`` is over.

    A timer that fired a little early is taken to have fired on time, or it would fire again for the same occurrence.
    """
    moment = status.next if not past_due and status.next > fired else fired
    return ScheduleStatus(moment, schedule.next_after(moment), moment)


def timer_request(status: ScheduleStatus | None, *, past_due: bool) -> str:
    """The JSON from which the worker library makes a TimerRequest; without a monitor there is no status."""
    request: dict[str, Any] = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status.as_json() if status else None,
        "IsPastDue": past_due,
    }
    return json.dumps(request)


def _moment(text: str) -> datetime:
    """An instant; the real host writes seven decimals, of which Python keeps six, and may leave out the offset."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
