"""The client of ``score_bench``, the same for all contenders: keep-alive connections, little work of its own.

``python -m tests.bench.score_client``: one run, in a process of its own. The job comes in through standard input and
the outcome goes out through standard output, both as JSON. Each connection sends its next request as soon as it has
the whole answer to its last one. Latency runs from before the request is written until the answer's last byte is here.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import sys
import time
from array import array
from itertools import cycle
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READ_BYTES = 1 << 18
SILENT_SECONDS = 120.0


class Job(msgspec.Struct, frozen=True):
    """What to send, to whom, how often."""

    port: int
    path: str
    headers: dict[str, str]
    bodies: list[bytes]
    """Sent in turn."""
    clients: int = 1
    seconds: float = 5.0
    warm_up_seconds: float = 1.0
    least: int = 5
    """At least so many answers, however long it takes."""
    compared: int = 1
    """So many of ``bodies`` are sent once before, for their answers."""


class Outcome(msgspec.Struct, frozen=True):
    """Times in milliseconds."""

    requests: int
    sent: int
    """With those before and the warm-up's."""
    median: float
    p99: float
    fastest: float
    per_second: float
    answers: list[bytes]
    """To the first of ``bodies``."""
    peak_megabytes: float = 0.0
    """The most that the process has held, where it is the one that answers."""


class BadAnswer(Exception):
    """Not 200, or cut off."""


class _Connection:
    """One client: writes a request, collects its answer."""

    def __init__(self, job: Job, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", job.port), timeout=SILENT_SECONDS)
        self.socket.settimeout(None)  # with one, each read would ask the kernel twice
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._received = bytearray()
        self._length = -1
        self._head_length = 0
        self.began = 0.0

    def send(self) -> None:
        self._received.clear()
        self._length = -1
        self.began = time.perf_counter()
        self.socket.sendall(next(self._requests))

    def receive(self) -> bool:
        """Whether the answer is whole now."""
        data = self.socket.recv(READ_BYTES)
        if not data:
            msg = f"the connection was closed after {bytes(self._received[:300])!r}"
            raise BadAnswer(msg)
        self._received += data
        if self._length < 0 and not self._read_head():
            return False
        return len(self._received) >= self._head_length + self._length

    @property
    def body(self) -> bytes:
        return bytes(self._received[self._head_length :])

    def _read_head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end]).lower()
        status = head[9:12]
        if status != b"200":
            msg = f"expected 200, got {bytes(self._received[:1000])!r}"
            raise BadAnswer(msg)
        place = head.find(b"\r\ncontent-length:")
        if place < 0:
            msg = f"expected a Content-Length, got {head!r}"
            raise BadAnswer(msg)
        self._length = int(head[place + 17 : place + 40].split(b"\r", 1)[0])
        self._head_length = end + 4
        return True


def _request(job: Job, body: bytes) -> bytes:
    headers = {"Host": f"127.0.0.1:{job.port}", **job.headers, "Content-Length": str(len(body))}
    lines = [f"POST {job.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def run(job: Job) -> Outcome:
    """Send until the time is over. Raises BadAnswer, OSError."""
    requests = [_request(job, body) for body in job.bodies]
    answers = _answers(job, requests[: job.compared])
    connections = [_Connection(job, cycle(requests[place:] + requests[:place])) for place in range(job.clients)]
    warm_up, _ = _spread(connections, job.warm_up_seconds, 1) if job.warm_up_seconds else ([], 0)
    times, seconds = _spread(connections, job.seconds, job.least)
    for connection in connections:
        connection.socket.close()
    return outcome_of(times, seconds, len(answers) + len(warm_up) + len(times), answers)


def _answers(job: Job, requests: Sequence[bytes]) -> list[bytes]:
    """One after the other, over one connection."""
    connection = _Connection(job, iter(requests))
    found = []
    for _ in requests:
        connection.send()
        while not connection.receive():
            pass
        found.append(connection.body)
    connection.socket.close()
    return found


def outcome_of(times: Sequence[float], seconds: float, sent: int, answers: list[bytes]) -> Outcome:
    """From latencies in seconds."""
    cuts = statistics.quantiles(times, n=100, method="inclusive") if len(times) > 1 else [times[0]] * 99
    return Outcome(
        requests=len(times),
        sent=sent,
        median=statistics.median(times) * 1000,
        p99=cuts[98] * 1000,
        fastest=min(times) * 1000,
        per_second=len(times) / seconds,
        answers=answers,
    )


def _spread(connections: list[_Connection], seconds: float, least: int) -> tuple[array[float], float]:
    """The latencies of all answers, and how long it took."""
    times = array("d")
    began = time.perf_counter()
    ends = began + seconds
    if len(connections) == 1:
        (only,) = connections
        while len(times) < least or time.perf_counter() < ends:
            only.send()
            while not only.receive():
                pass
            times.append(time.perf_counter() - only.began)
        return times, time.perf_counter() - began
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        waiting = len(connections)
        while waiting:
            ready = selector.select(SILENT_SECONDS)
            if not ready:
                msg = f"no answer within {SILENT_SECONDS:g} s"
                raise BadAnswer(msg)
            for key, _ in ready:
                connection = key.data
                if not connection.receive():
                    continue
                now = time.perf_counter()
                times.append(now - connection.began)
                if now < ends or len(times) < least:
                    connection.send()
                else:
                    waiting -= 1
    return times, time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))))
