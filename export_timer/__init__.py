"""Timer: export every dataset of the catalog."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import azure.functions as func

from shared import wiring

EARLY = timedelta(seconds=5)
"""Timers may fire a moment before their time."""


def main(timer: func.TimerRequest) -> None:
    """Export the slot that the timer fired for; raises, so that the run counts as failed, where a dataset failed."""
    exporter = wiring.exporter()
    exporter.export_all(wiring.catalog().use_cases, scheduled(timer, datetime.now(UTC)))


def scheduled(timer: func.TimerRequest, now: datetime) -> datetime:
    """The instant that the timer fired for, or ``now`` when it was started by hand.

    While a function runs, the host's schedule status still names as ``Next`` the occurrence that is being fired; when
    somebody starts it by hand, ``Next`` lies ahead.
    """
    status = getattr(timer, "schedule_status", None) or {}
    if "Next" in status:
        occurrence = datetime.fromisoformat(status["Next"])
        if occurrence.tzinfo is None:
            occurrence = occurrence.replace(tzinfo=UTC)
        if occurrence <= now + EARLY and occurrence.year > 1:
            return occurrence
    return now
