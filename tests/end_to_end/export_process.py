"""Exports in processes of their own that die by SIGKILL: at a chosen write, or after a chosen time.

A process that imports all that an export needs takes a second to start. ``python -m tests.end_to_end.export_process``
does so once, then forks for each job that comes in, as a line of JSON, and says how the child ended.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import msgspec

from shared.errors import CauceError
from shared.export import ranges, reading
from shared.export.run import Exporter
from shared.export.source import OdbcSource
from shared.settings import Settings
from shared.store.azure_blobs import connect
from tests.growing_table import Kind, dataset
from tests.mortal_blobs import MortalBlobs

if TYPE_CHECKING:
    from tests.mortal_blobs import MortalBlobs as Blobs

PR_SET_CHILD_SUBREAPER = 36
ORPHANS_END_SECONDS = 20.0


class Job(msgspec.Struct):
    """One export, and how it dies."""

    kind: Kind
    name: str
    sql: str
    storage: str
    slot: str
    at: int = 0
    """The write at which it dies; 0: at none."""
    after: bool = False
    """It dies when that write is done, not before."""
    seconds: float | None = None
    """It dies after so long."""
    part_bytes: int = 4096
    ranges: int = 1
    file_bytes: int | None = None
    """No file may become larger than this."""


class Ending(msgspec.Struct):
    """How it ended."""

    status: int
    """The exit code; negative where a signal ended it."""
    seconds: float
    outcome: str = ""
    """Of the record; or what failed."""
    writes: int = 0
    orphans: int = 0
    """Processes that it had started and that did not end after it."""


class Nursery:
    """The helper process, seen from a test."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def run(self, job: Job) -> Ending:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            got = self._process.stdout.read(65536)
            assert got, "the helper process ended"
            line += got
        return msgspec.json.decode(line, type=Ending)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _forked(job: Job) -> Ending:
    """Fork, wait, kill when it is time, and wait for what the child leaves behind."""
    ours, theirs = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.write(theirs, msgspec.json.encode(_exported(job)))
            os._exit(0)
        os._exit(1)
    os.close(theirs)
    watched = os.pidfd_open(child)
    if not select.select([watched], [], [], job.seconds)[0]:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - began
    told = os.read(ours, 65536)
    os.close(ours)
    os.close(watched)
    ending = msgspec.json.decode(told, type=Ending) if told else Ending(0, 0)
    ending.status, ending.seconds, ending.orphans = os.waitstatus_to_exitcode(status), seconds, _orphans()
    return ending


def _orphans() -> int:
    """What the dead child had started belongs to this process now; 1 where some of it lives on."""
    deadline = time.monotonic() + ORPHANS_END_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.002)
        return 1
    return 0


def _exported(job: Job) -> Ending:
    if job.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_bytes, job.file_bytes))
    blobs: Blobs = MortalBlobs(connect(job.storage, None, None, patient=True), _die, at=job.at, after=job.after)
    settings = Settings(export_part_bytes=job.part_bytes, export_ranges=job.ranges)
    try:
        outcome = Exporter(OdbcSource(job.sql), blobs, settings).export(dataset(job.kind, job.name), job.slot).outcome
    except CauceError as error:
        return Ending(0, 0, f"{type(error).__name__}: {error}", blobs.writes)
    return Ending(0, 0, outcome, blobs.writes)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    import pyodbc

    pyodbc.drivers()  # is loaded before the first child needs it
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    # Small, so that a few hundred rows are several parts and several ranges.
    ranges.LEAST_WIDTH, reading.FIRST_BATCH_ROWS, reading.MOST_BATCH_ROWS = 20, 20, 50
    for line in sys.stdin.buffer:
        ended = _forked(msgspec.json.decode(line, type=Job))
        sys.stdout.buffer.write(msgspec.json.encode(ended) + b"\n")
        sys.stdout.buffer.flush()
