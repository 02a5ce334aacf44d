"""Reading in a process of its own. Python runs one thread at a time: two processes read twice as fast, two threads not.

The job, which holds the database's password, goes in through standard input; chunks come back through standard output,
each behind a small header. ``python -m shared.export.apart`` is the other process.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from shared.errors import CauceError, SourceError, SourceUnavailable
from shared.export.connection import Address
from shared.export.cursor import from_record, to_record
from shared.export.dialects import DIALECTS, OTHER
from shared.export.reading import Chunk, Layout, chunks
from shared.export.sql import Statement
from shared.store.records import CursorValue  # msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from shared.store.records import CursorValue

ROOT = Path(__file__).parents[2]
HEADER = struct.Struct(">cQQ")
"""What follows, the rows in it, and its length in bytes."""
PIPE_BYTES = 1024 * 1024
"""Some chunks wait in the pipe (on Linux), so that one process reads on while the other is busy."""
ROWS, PERMANENT, TRANSIENT, END = b"R", b"P", b"T", b"E"


@dataclass(frozen=True)
class Job:
    """One statement, to be read elsewhere."""

    address: Address
    statement: Statement
    layout: Layout


class _JobRecord(msgspec.Struct):
    """A job as it goes through the pipe."""

    text: str
    dialect: str
    token: str | None
    statement: str
    parameters: list[CursorValue]
    layout: Layout


def read_apart(job: Job) -> Generator[Chunk]:
    """Give what the other process reads; closing the iterator ends it. Raises SourceError, SourceUnavailable."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pipesize=PIPE_BYTES,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    ) as process:
        try:
            yield from _conversation(process, job)
        finally:
            process.kill()


def _conversation(process: subprocess.Popen[bytes], job: Job) -> Iterator[Chunk]:
    assert process.stdin is not None  # noqa: S101  # both are pipes
    assert process.stdout is not None  # noqa: S101
    with suppress(BrokenPipeError), process.stdin as pipe:  # where it ended before it began, that is told below
        pipe.write(_packed(job))
    yield from _chunks(process.stdout, job.layout.dataset)


def _chunks(pipe: IO[bytes], dataset: str) -> Iterator[Chunk]:
    while True:
        header = pipe.read(HEADER.size)
        kind, rows, length = HEADER.unpack(header) if len(header) == HEADER.size else (b"", 0, 0)
        data = pipe.read(length)
        if not kind or len(data) < length:
            msg = f"dataset {dataset!r}: the process that read from the database ended before it was done"
            raise SourceUnavailable(msg)
        if kind == END:
            return
        if kind == PERMANENT:
            raise SourceError(data.decode())
        if kind == TRANSIENT:
            raise SourceUnavailable(data.decode())
        yield Chunk(rows, data)


def _packed(job: Job) -> bytes:
    address = job.address
    return msgspec.json.encode(
        _JobRecord(
            address.text,
            address.dialect.title,
            address.token,
            job.statement.text,
            [to_record(value) for value in job.statement.parameters],
            job.layout,
        )
    )


def _unpacked(data: bytes) -> Job:
    record = msgspec.json.decode(data, type=_JobRecord)
    dialect = next((dialect for dialect in DIALECTS if dialect.title == record.dialect), OTHER)
    statement = Statement(record.statement, tuple(from_record(value) for value in record.parameters))
    return Job(Address(record.text, dialect, record.token), statement, record.layout)


def _work(job: Job, pipe: IO[bytes]) -> None:
    try:
        with job.address.connected(job.layout.dataset) as connection:
            for chunk in chunks(connection, job.statement, job.layout, job.address.dialect):
                pipe.write(HEADER.pack(ROWS, chunk.rows, len(chunk.data)))
                pipe.write(chunk.data)
        pipe.write(HEADER.pack(END, 0, 0))
    except CauceError as error:
        told = str(error).encode()
        pipe.write(HEADER.pack(PERMANENT if isinstance(error, SourceError) else TRANSIENT, 0, len(told)) + told)


if __name__ == "__main__":
    work = _unpacked(sys.stdin.buffer.read())
    # Whatever else prints must not get between the chunks.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        _work(work, output)
