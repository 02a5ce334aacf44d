"""A file of the past becomes blocks in time order, each an export that follows the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from local.memory_blobs import MemoryBlobs
from local.replay.history import announce, blocks_of, read_history, start_of
from shared.errors import DropError
from shared.store import names
from shared.training.drop import manifests_of
from shared.training.table import read_table
from tests.phone_data import contacts, to_csv
from tests.replay_bench import EVERY, ROWS, START, publish, quick_use_case

if TYPE_CHECKING:
    from pathlib import Path

    from local.replay.history import History


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return read_history(publish(tmp_path_factory.mktemp("published")), quick_use_case())


def test_blocks_hold_every_row_once_and_are_known_one_after_the_other(history: History) -> None:
    blocks = blocks_of(history, START, 7)
    places = [place for block in blocks for place in range(block.rows.start, block.rows.stop)]
    assert places == list(range(ROWS))
    assert [blocks[0].count, {block.count for block in blocks[1:-1]}, blocks[-1].count] == [START, {7}, 4]
    slots = [block.slot for block in blocks]
    assert slots == sorted(set(slots))
    newest = [history.times[block.rows.stop - 1] for block in blocks]
    ends = [np.datetime64(block.moment.replace(tzinfo=None)) for block in blocks]
    assert all(time < end < time + np.timedelta64(2, "D") for time, end in zip(newest, ends, strict=True))


def test_rows_stand_in_time_order_then_by_key(history: History) -> None:
    keys = [int(row[history.header.index("contact_id")] or "") for row in history.texts]
    assert keys == list(range(1, ROWS + 1))
    assert list(history.table.frame["contact_id"]) == [str(key) for key in keys]


def test_the_drops_together_are_the_file_and_each_holds_its_own_rows_alone(history: History) -> None:
    blobs, before, blocks = MemoryBlobs(), None, blocks_of(history, START, EVERY)
    for block in blocks:
        drop, before = announce(block, before, history, blobs), block
    dataset = history.use_case.dataset
    chain = manifests_of(names.parse_drop(drop), blocks[-1].slot, dataset, blobs)
    assert [manifest.rows for manifest in chain] == [block.count for block in blocks]
    assert [manifest.follows for manifest in chain] == [None, *(block.slot for block in blocks[:-1])]
    assert [manifest.schema_version for manifest in chain] == [1, 2, 2, 2]
    again = read_table(chain, dataset, blobs)
    assert again.sha256 == history.table.sha256
    assert again.refused_rows == 0


def test_rows_that_do_not_fit_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = contacts(ROWS)
    rows[5]["age"] = "old"
    path = tmp_path / "some.csv"
    path.write_bytes(to_csv(rows))
    history = read_history(path, quick_use_case())
    assert (len(history.texts), len(history.table.frame), history.table.refused_rows) == (ROWS - 1, ROWS - 1, 1)


@pytest.mark.parametrize(
    ("text", "start"),
    [("80%", 240), ("50.5 %", 152), ("2024-01-10", 179), ("2024-01-10T12:00", 199), ("2024-01-10T02:00+02:00", 179)],
)
def test_from_is_a_share_or_a_moment(history: History, text: str, start: int) -> None:
    assert start_of(text, history.times) == start


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_bytes(to_csv([{key: value for key, value in row.items() if key != "y"} for row in contacts(20)]))
    with pytest.raises(DropError, match="'y'"):
        read_history(path, quick_use_case())


def test_a_file_that_hardly_fits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(to_csv([{**row, "age": "old"} for row in contacts(20)]))
    with pytest.raises(DropError, match=r"20 of 20 rows do not fit the catalog; .*The first: odd\.csv:2 age"):
        read_history(path, quick_use_case())
