"""A client that keeps its connection and costs little itself, so that what it measures is the server."""

from __future__ import annotations

import json
import socket
import urllib.parse
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

READ_BYTES = 1 << 16
PATIENT_SECONDS = 30.0


class Closed(Exception):
    """The server closed the connection before the answer was whole."""


class KeepAlive:
    """One connection to this machine; it is never opened again: a server that drops it has failed."""

    def __init__(self, port: int, seconds: float = PATIENT_SECONDS) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, which has a Content-Length. Raises Closed, OSError."""
        self._socket.sendall(request)
        received = self._more(b"")
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more(received)
        whole = end + 4 + _content_length(received[:end].lower())
        while len(received) < whole:
            received += self._more(received)
        return int(received[9:12]), received[end + 4 :]

    def _more(self, received: bytes) -> bytes:
        data = self._socket.recv(READ_BYTES)
        if not data:
            msg = f"the connection was closed after {received[:300]!r}"
            raise Closed(msg)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def port_of(url: str) -> int:
    """Of ``http://127.0.0.1:PORT``."""
    port = urllib.parse.urlsplit(url).port
    assert port is not None
    return port


def post(path: str, content: Any, headers: Mapping[str, str]) -> bytes:
    """A request with ``content`` as JSON, ready to be sent as often as one likes."""
    body = json.dumps(content).encode()
    told = {"Host": "127.0.0.1", "Content-Type": "application/json", **headers, "Content-Length": str(len(body))}
    head = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(head).encode() + body


def _content_length(head: bytes) -> int:
    place = head.find(b"\r\ncontent-length:")
    assert place >= 0, head
    return int(head[place + 17 :].split(b"\r", 1)[0])
