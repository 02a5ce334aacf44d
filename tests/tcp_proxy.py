"""A proxy in front of an HTTP server that spoils requests at random: cut connections, errors, silence."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread
from typing import Literal, Self

from tests.growing_table import seeded

Fault = Literal["cut before", "cut within", "cut after", "cut answer", "error", "error after", "silent", "silent after"]
CUTS: tuple[Fault, ...] = ("cut before", "cut within", "cut after", "cut answer")
ERRORS: tuple[Fault, ...] = ("error", "error after")
SILENCE: tuple[Fault, ...] = ("silent", "silent after")
AFTER: frozenset[Fault] = frozenset({"cut after", "cut answer", "error after", "silent after"})
"""The server has done what was asked of it, and the client does not hear so."""
SILENT_SECONDS = 20.0


class TcpProxy:
    """Serves on a port of its own; each request fails with ``probability``, in one of the ways of ``faults``."""

    def __init__(self, port: int, faults: tuple[Fault, ...], probability: float, seed: int) -> None:
        self.upstream, self.faults, self.probability = port, faults, probability
        self.spoiled: list[Fault] = []
        self.closing = Event()
        self._random, self._lock = seeded(seed), Lock()
        proxy = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # the client has gone
                    _Exchange(proxy, self.connection).serve()

        class Server(ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 50

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    def fate(self) -> tuple[Fault | None, int]:
        """What becomes of the next request, and the status of an error."""
        with self._lock:
            if self._random.random() >= self.probability:
                return None, 0
            fault = self._random.choice(self.faults)
            self.spoiled.append(fault)
            return fault, self._random.choice([500, 503])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Exchange:
    """One request and its answer: the server is asked to close the connection behind it."""

    def __init__(self, proxy: TcpProxy, client: socket.socket) -> None:
        self.proxy, self.client = proxy, client

    def serve(self) -> None:
        fault, status = self.proxy.fate()
        if fault == "cut before":
            return
        request = self._request()
        if not request:
            return
        answer = b""
        if fault is None or fault in AFTER or fault == "cut within":
            answer = self._asked(request if fault != "cut within" else request[: len(request) // 2], fault)
        if fault is None:
            self.client.sendall(answer)
        elif fault == "cut answer":
            self.client.sendall(answer[: len(answer) // 2])
        elif fault.startswith("error"):
            self.client.sendall(b"HTTP/1.1 %d Sorry\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        elif fault.startswith("silent"):
            self.proxy.closing.wait(SILENT_SECONDS)

    def _request(self) -> bytes:
        """Head and body, which has a length."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.client.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        told = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        assert b"chunked" not in head.lower()
        length = int(told[1]) if told else 0
        while len(body) < length:
            more = self.client.recv(1 << 20)
            if not more:
                return b""
            body += more
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body

    def _asked(self, request: bytes, fault: Fault | None) -> bytes:
        with socket.create_connection(("127.0.0.1", self.proxy.upstream)) as server:
            server.sendall(request)
            if fault == "cut within":
                return b""
            answer = b""
            while more := server.recv(1 << 20):
                answer += more
            return answer
