"""Nights one after the other: what is new goes out, training reads it behind all that went out before."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pyodbc
import pytest

from local.company import connection_string
from local.waiting import wait_until
from shared.store.records import ExportRecord, Manifest, from_json
from tests.end_to_end.world import World
from tests.phone_data import contacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

ROWS = contacts(900)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[World]:
    """A world whose database has a table of made-up contacts, of which 600 are there from the beginning."""
    world = World(tmp_path, {"SQL_CONNECTION_STRING": connection_string(tmp_path / "company.db")})
    columns = ", ".join(
        f'"{name}" {"INTEGER" if isinstance(value, int) else "VARCHAR(20)"}' for name, value in ROWS[0].items()
    )
    run(world, f"CREATE TABLE contacts ({columns})")
    add(world, ROWS[:600])
    yield world
    world.stop()


def run(world: World, statement: str, *rows: list[Any]) -> None:
    with closing(pyodbc.connect(world.settings["SQL_CONNECTION_STRING"])) as connection:
        with closing(connection.cursor()) as cursor:
            if rows:
                cursor.executemany(statement, rows)
            else:
                cursor.execute(statement)
        connection.commit()


def add(world: World, rows: list[dict[str, Any]]) -> None:
    places = ", ".join("?" * len(ROWS[0]))
    run(world, f"INSERT INTO contacts VALUES ({places})", *(list(row.values()) for row in rows))  # noqa: S608


def night(world: World) -> ExportRecord:
    """Run the timer by hand, in a second of its own, and give what became of the export."""
    before = records(world)
    time.sleep(1.1)
    assert world.call("/admin/functions/export_timer", {"input": ""})[0] == 202
    wait_until(lambda: len(records(world)) > len(before), 120)
    (name,) = set(records(world)) - set(before)
    return read(world, name, ExportRecord)


def records(world: World) -> list[str]:
    return [info.name for info in world.blobs.list("exports/contacts/") if info.name.endswith("/export.json")]


def read[R: (ExportRecord, Manifest)](world: World, name: str, kind: type[R]) -> R:
    blob = world.blobs.read(name)
    assert blob is not None
    return from_json(blob.data, kind, name)


def test_each_night_exports_what_is_new_and_the_model_learns_from_all(company: World) -> None:
    company.start()
    first = night(company)
    assert (first.outcome, first.rows, first.whole) == ("exported", 600, True)
    assert company.record(first.slot).outcome == "promoted"

    quiet = night(company)
    assert (quiet.outcome, quiet.rows) == ("nothing new", 0)

    add(company, ROWS[600:])
    second = night(company)
    assert (second.outcome, second.rows, second.whole) == ("exported", 300, False)
    manifest = read(company, f"drops/contacts/{second.slot}.json", Manifest)
    assert (manifest.follows, manifest.rows) == (first.slot, 300)
    trained = company.record(second.slot)
    assert (trained.rows, trained.refused) == (900, 0)

    assert [info.name for info in company.blobs.list(f"drops/contacts/{quiet.slot}")] == []


def test_a_manifest_whose_event_was_lost_is_announced_again(company: World) -> None:
    company.environment["EXPORT_ANNOUNCE_AFTER_SECONDS"] = "0.5"
    company.start(events=False)
    lost = night(company)
    night(company)
    name = f"drops/contacts/{lost.slot}.json"
    wait_until(lambda: read(company, name, Manifest).announcements >= 2, 120)
