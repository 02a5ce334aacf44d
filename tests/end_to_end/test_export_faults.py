"""Storage behind a line that breaks, a database that dies while it is read, reading processes that are killed."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import re
import signal
import threading
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from azure.storage.blob import BlobServiceClient, LinearRetry

from local.memory_blobs import MemoryBlobs
from shared.errors import SourceUnavailable, StoreUnavailable, TransientError
from shared.export.run import Exporter
from shared.export.source import OdbcSource
from shared.settings import Settings
from shared.store import names
from shared.store.azure_blobs import AzureBlobs, connect
from tests.announced import Announced
from tests.end_to_end.export_process import Job, Nursery
from tests.end_to_end.writers import Events, Orders, busy
from tests.growing_table import KINDS, dataset, seeded
from tests.mortal_blobs import MortalBlobs
from tests.postgres import PostgreSQL
from tests.tcp_proxy import CUTS, ERRORS, SILENCE, Fault, TcpProxy
from tests.tiny_versions import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.azurite import Azurite
    from shared.store.blobs import Blobs

MOMENT = datetime(2026, 11, 23, 2, tzinfo=UTC)
SLOT = names.stamp(MOMENT)
SMALL_PARTS = Settings(export_part_bytes=16_384)
ROWS = 60_000

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
    gc.collect()  # sockets of answers that the SDK gave up: their warnings belong to this test


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Orders | Events]:
    if request.param == "orders":
        with closing(Orders(tmp_path, 1)) as orders:
            yield orders
        return
    postgres: PostgreSQL = request.getfixturevalue("postgres")
    with postgres.new_database() as database, closing(Events(database, 1)) as events:
        yield events


# Storage


def behind(proxy: TcpProxy, azurite: Azurite) -> AzureBlobs:
    """A client that asks through the proxy, is soon out of patience, and asks once more."""
    text = re.sub(r"(BlobEndpoint=http://127.0.0.1:)\d+", rf"\g<1>{proxy.port}", azurite.connection_string)
    return AzureBlobs(
        BlobServiceClient.from_connection_string(
            text,
            retry_policy=LinearRetry(backoff=0, retry_total=1, random_jitter_range=0),
            connection_timeout=1,
            read_timeout=0.4,
        )
    )


@pytest.mark.parametrize(
    ("faults", "probability", "attempts"),
    [(CUTS, 0.1, 12), (CUTS, 0.3, 16), (ERRORS, 0.1, 12), (ERRORS, 0.3, 25), (SILENCE, 0.1, 8)],
    ids=["cuts, 0.1", "cuts, 0.3", "errors, 0.1", "errors, 0.3", "silence, 0.1"],
)
def test_a_line_to_storage_that_breaks_loses_and_doubles_no_row(
    shop: Orders | Events, azurite: Azurite, faults: tuple[Fault, ...], probability: float, attempts: int
) -> None:
    name = f"{shop.kind}-{uuid.uuid4().hex[:8]}"
    use_case = msgspec.structs.replace(catalog("phone").use_cases[0], dataset=dataset(shop.kind, name))
    straight = connect(azurite.connection_string, None, None, patient=True)
    random = seeded(3)
    moment = MOMENT
    outcomes = []
    source = OdbcSource(shop.connection_string)
    proxy_port = int(azurite.blob_url.split(":")[2].split("/")[0])
    with TcpProxy(proxy_port, faults, probability, seed=5) as proxy, busy(shop, 0.02) as paused:
        blobs = behind(proxy, azurite)
        for _ in range(attempts):
            moment += timedelta(seconds=random.choice([0, 1, 1]))
            try:
                outcomes += [one.outcome for one in Exporter(source, blobs, SMALL_PARTS).export_all([use_case], moment)]
            except TransientError as error:
                outcomes.append(type(error).__name__)
        with paused:
            settled = shop.table()
        moment += timedelta(seconds=1)
        Exporter(source, straight, SMALL_PARTS).export_all([use_case], moment)
        Announced(straight, name).assert_holds(settled)
    assert len(proxy.spoiled) > 5
    assert set(outcomes) <= {"exported", "nothing new", "done before", "StoreUnavailable", "BlobConflict"}
    assert "StoreUnavailable" in outcomes or probability < 0.3
    Exporter(source, straight, SMALL_PARTS).export_all([use_case], moment + timedelta(seconds=1))
    Announced(straight, name).assert_is(shop.table())


def test_an_export_that_another_one_overtakes_at_any_write_doubles_no_row(
    shop: Orders | Events, azurite: Azurite
) -> None:
    blobs = connect(azurite.connection_string, None, None, patient=True)
    source = OdbcSource(shop.connection_string)
    orders = dataset(shop.kind, f"{shop.kind}-{uuid.uuid4().hex[:8]}")
    slots = (names.stamp(MOMENT + timedelta(seconds=second)) for second in itertools.count())

    def other() -> None:
        shop.step()
        shop.settle()
        Exporter(source, blobs, SMALL_PARTS).export(orders, next(slots))

    outcomes = set()
    for at in range(1, 9):
        shop.step()
        shop.settle()
        overtaken = MortalBlobs(blobs, other, at=at)
        outcomes.add(Exporter(source, overtaken, SMALL_PARTS).export(orders, next(slots)).outcome)
        Announced(blobs, orders.name).assert_holds([])
    other()
    Exporter(source, blobs, SMALL_PARTS).export(orders, next(slots))
    Announced(blobs, orders.name).assert_is(shop.table())
    assert outcomes == {"exported", "overtaken"}


def test_a_store_that_is_away_is_told_as_such(azurite: Azurite, tmp_path: Path) -> None:
    with closing(Orders(tmp_path, 1)) as orders, TcpProxy(1, CUTS, 1.0, seed=1) as proxy:
        blobs = behind(proxy, azurite)
        with pytest.raises(StoreUnavailable):
            Exporter(OdbcSource(orders.connection_string), blobs, SMALL_PARTS).export(dataset("orders"), SLOT)


# The database


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """One to kill, with a table that takes a while to read."""
    with PostgreSQL() as running:
        running.execute("CREATE TABLE orders (id integer PRIMARY KEY, at timestamp, body text)")
        running.execute(
            f"INSERT INTO orders SELECT n, timestamp '2026-01-01', repeat('x', 100) FROM generate_series(1, {ROWS}) n"  # noqa: S608
        )
        yield running


def export_but(
    server: PostgreSQL, blobs: Blobs, at_once: int, happens: Callable[[], None] = lambda: None
) -> Callable[[str], Any]:
    """An export of everything, in the midst of which something happens."""
    lock, happened = threading.Lock(), []

    def progress(_dataset: str, rows: int, _size_bytes: int) -> None:
        with lock:
            happened.append(rows)
            if sum(happened) >= 2000 > sum(happened[:-1]):
                happens()

    settings = Settings(export_part_bytes=200_000, export_ranges=at_once)
    exporter = Exporter(OdbcSource(server.connection_string), blobs, settings, progress)
    return lambda slot: exporter.export(dataset("orders"), slot)


def readers() -> list[int]:
    """The reading processes that this process has started."""
    children = [
        int(child) for listed in Path("/proc/self/task").glob("*/children") for child in listed.read_text().split()
    ]
    return [child for child in children if b"shared.export.apart" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.xdist_group("killed-database")
@pytest.mark.parametrize("at_once", [1, 2])
def test_a_database_that_dies_while_it_is_read_announces_nothing_and_then_all(server: PostgreSQL, at_once: int) -> None:
    blobs = MemoryBlobs()
    with pytest.raises(SourceUnavailable):
        export_but(server, blobs, at_once, server.kill)(SLOT)
    assert readers() == []
    left = {name.rpartition("/")[2] for name in blobs.blobs if "/part-" not in name}
    assert left == {"export.json"}
    with pytest.raises(SourceUnavailable):
        export_but(server, blobs, at_once)(SLOT)
    server.start()
    export_but(server, blobs, at_once)(SLOT)
    assert_all_announced(blobs)


@pytest.mark.xdist_group("killed-database")
def test_a_killed_reading_process_announces_nothing_and_then_all(server: PostgreSQL) -> None:
    blobs = MemoryBlobs()

    def kill() -> None:
        os.kill(readers()[0], signal.SIGKILL)

    with pytest.raises(SourceUnavailable, match="ended before it was done"):
        export_but(server, blobs, 2, kill)(SLOT)
    assert readers() == []
    assert {name.rpartition("/")[2] for name in blobs.blobs if "/part-" not in name} == {"export.json"}
    export_but(server, blobs, 2)(SLOT)
    assert_all_announced(blobs)


def assert_all_announced(blobs: MemoryBlobs) -> None:
    expected = [(str(number), "2026-01-01 00:00:00", "x" * 100) for number in range(1, ROWS + 1)]
    Announced(blobs, "orders").assert_is(expected)


# Files


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.xdist_group("killed-database")
def test_an_export_writes_no_file(
    server: PostgreSQL, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Not one byte: neither a table of some megabytes nor a part of it comes to lie on a disk."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    name = f"orders-{uuid.uuid4().hex[:8]}"
    job = Job(
        "orders", name, server.connection_string, azurite.connection_string, SLOT,
        part_bytes=1 << 20, ranges=at_once, file_bytes=0,
    )  # fmt: skip
    with Nursery() as nursery:
        ending = nursery.run(job)
    assert (ending.outcome, ending.status, ending.orphans) == ("exported", 0, 0)
    assert list(tmp_path.iterdir()) == []
    straight = connect(azurite.connection_string, None, None, patient=True)
    assert Announced(straight, name).rows().total() == ROWS
