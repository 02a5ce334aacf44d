"""The ways that ``export_bench`` compares. ``python -m tests.bench.contenders WAY``: one run, in a process of its own.

The job comes in through standard input and the outcome goes out through standard output, both as JSON. The clock runs
from before the connection until everything lies in storage; imports are over by then, for all alike.
"""

from __future__ import annotations

import importlib
import resource
import sys
import tempfile
import time
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pyodbc

from shared.export.connection import address_of
from tests.bench.sales import SALES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import pandas as pd
    from azure.storage.blob import BlobClient

BATCH_ROWS = 500
PANDAS_ROWS = 50_000
SLOT = "20261123T020000Z"
CONTAINER, PEER = "peers", "sales.csv"


class Job(msgspec.Struct):
    """Where from and where to."""

    sql: str
    storage: str


class Outcome(msgspec.Struct):
    """What one run came to, and the CSV blobs that it left."""

    seconds: float
    cpu_seconds: float
    rows: int
    blobs: list[str]


Work = tuple[int, list[str]]
"""The number of rows, and the blobs."""


def bare(job: Job) -> Work:
    """Fetch all rows and do nothing with them: no export can be faster with one connection."""
    rows = 0
    with _connected(job) as connection, closing(connection.execute("SELECT * FROM sales")) as cursor:
        while batch := cursor.fetchmany(BATCH_ROWS):
            rows += len(batch)
    return rows, []


def cauce(job: Job, ranges: int) -> Work:
    """The export, as the timer runs it."""
    from shared.export.run import Exporter
    from shared.export.source import OdbcSource
    from shared.settings import Settings
    from shared.store.azure_blobs import connect

    settings = Settings(export_ranges=ranges)
    blobs = connect(job.storage, None, None, patient=True)
    record = Exporter(OdbcSource(job.sql), blobs, settings).export(SALES, SLOT)
    return record.rows, [info.name for info in blobs.list("exports/sales/") if info.name.endswith(".csv")]


def pandas_whole(job: Job) -> Work:
    """Chunks of a data frame into a temporary file, which is uploaded when it is whole."""
    rows = 0
    with tempfile.TemporaryFile() as file:
        for number, frame in enumerate(_frames(job)):
            frame.to_csv(file, index=False, header=number == 0)
            rows += len(frame)
        file.seek(0)
        _peer(job).upload_blob(file)
    return rows, [f"{CONTAINER}/{PEER}"]


def pandas_blocks(job: Job) -> Work:
    """Each chunk of a data frame uploaded as a block."""
    from azure.storage.blob import BlobBlock

    rows, ids, blob = 0, [], _peer(job)
    for number, frame in enumerate(_frames(job)):
        ids.append(f"{number:08d}")
        blob.stage_block(ids[-1], frame.to_csv(index=False, header=number == 0).encode())
        rows += len(frame)
    blob.commit_block_list([BlobBlock(block) for block in ids])
    return rows, [f"{CONTAINER}/{PEER}"]


BARE, ONE_RANGE, TWO_RANGES = "bare fetchmany", "Cauce, 1 range", "Cauce, 2 ranges"
PANDAS = ("pandas, one upload", "pandas, blocks")
WAYS: dict[str, Callable[[Job], Work]] = {
    BARE: bare,
    ONE_RANGE: lambda job: cauce(job, 1),
    TWO_RANGES: lambda job: cauce(job, 2),
    PANDAS[0]: pandas_whole,
    PANDAS[1]: pandas_blocks,
}
LIBRARIES = {
    BARE: (),
    ONE_RANGE: ("shared.export.run", "shared.export.source", "shared.store.azure_blobs"),
    TWO_RANGES: ("shared.export.run", "shared.export.source", "shared.store.azure_blobs"),
    PANDAS[0]: ("pandas", "azure.storage.blob"),
    PANDAS[1]: ("pandas", "azure.storage.blob"),
}
"""What each way imports, before the clock runs."""


def _connected(job: Job) -> AbstractContextManager[pyodbc.Connection]:
    """With the driver settings that Cauce uses: all ways have the same."""
    return address_of(job.sql, pyodbc.drivers()).connected(SALES.name)


def _frames(job: Job) -> Iterator[pd.DataFrame]:
    import pandas as pd

    with _connected(job) as connection:
        # Left to itself it makes floats of decimals, which is as slow and not what the database holds.
        yield from pd.read_sql("SELECT * FROM sales", connection, chunksize=PANDAS_ROWS, coerce_float=False)


def _peer(job: Job) -> BlobClient:
    from azure.storage.blob import BlobServiceClient

    container = BlobServiceClient.from_connection_string(job.storage).get_container_client(CONTAINER)
    container.create_container()
    return container.get_blob_client(PEER)


def _cpu_seconds() -> float:
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def _run(way: str, job: Job) -> Outcome:
    for library in LIBRARIES[way]:
        importlib.import_module(library)
    warnings.filterwarnings("ignore", "pandas only supports SQLAlchemy", UserWarning)
    began, before = time.perf_counter(), _cpu_seconds()
    rows, blobs = WAYS[way](job)
    return Outcome(time.perf_counter() - began, _cpu_seconds() - before, rows, blobs)


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.encode(_run(sys.argv[1], msgspec.json.decode(sys.stdin.buffer.read(), type=Job)))
    )
