"""The slot of a timer: the occurrence that it fired for, not the moment at which it runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.functions.timer import TimerRequest

from export_timer import EARLY, scheduled

MOMENT = datetime(2026, 11, 23, 2, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 2, 0, 3, tzinfo=UTC)


def timer(following: str | None, *, past_due: bool = False) -> TimerRequest:
    """What the worker makes of the host's message, ``following`` being its ``Next``."""
    if following is None:
        return TimerRequest(past_due=past_due)
    status = {"Last": "2026-11-22T02:00:00.0005+00:00", "Next": following, "LastUpdated": "2026-11-22T02:00:00+00:00"}
    return TimerRequest(past_due=past_due, schedule_status=status)


@pytest.mark.parametrize(
    "following",
    [
        "2026-11-23T02:00:00+00:00",
        "2026-11-23T02:00:00Z",
        "2026-11-23T02:00:00.0000000Z",
        "2026-11-23T03:00:00+01:00",
        "2026-11-23T02:00:00",
    ],
)
def test_the_slot_is_the_occurrence_that_fired_however_it_is_written(following: str) -> None:
    assert scheduled(timer(following), NOW) == MOMENT


@pytest.mark.parametrize("late", [timedelta(minutes=4), timedelta(hours=9), timedelta(days=3)])
def test_a_timer_that_is_past_due_exports_the_slot_that_it_missed(late: timedelta) -> None:
    assert scheduled(timer("2026-11-23T02:00:00+00:00", past_due=True), MOMENT + late) == MOMENT


def test_a_timer_may_fire_a_moment_early() -> None:
    assert scheduled(timer("2026-11-23T02:00:00+00:00"), MOMENT - EARLY) == MOMENT
    assert scheduled(timer("2026-11-23T02:00:00+00:00"), MOMENT - timedelta(milliseconds=1)) == MOMENT


@pytest.mark.parametrize("following", ["2026-11-24T02:00:00+00:00", "2026-11-24T02:00:00", "2026-11-23T02:00:09+00:00"])
def test_a_start_by_hand_has_a_slot_of_its_own(following: str) -> None:
    assert scheduled(timer(following), NOW) == NOW


@pytest.mark.parametrize(
    "following", [None, "0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z"]
)
def test_a_timer_that_never_fired_has_the_slot_of_now(following: str | None) -> None:
    assert scheduled(timer(following), NOW) == NOW


def test_a_status_without_a_next_has_the_slot_of_now() -> None:
    assert scheduled(TimerRequest(schedule_status={"Last": "2026-11-22T02:00:00+00:00"}), NOW) == NOW
    assert scheduled(TimerRequest(schedule_status={}), NOW) == NOW
