"""Start the function app as a child process: with ``func`` where Core Tools are installed, else with ``local.host``."""

import http.client
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from local.children import Child
from local.host.settings import apply_local_settings
from local.waiting import wait_until

type HostKind = Literal["auto", "func", "local"]

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_READY_LINE = re.compile(r"^host ready (http://\S+)$", re.MULTILINE)


class HostStartError(RuntimeError):
    """The host ended or did not become ready; the message carries its last output."""


@dataclass(slots=True)
class RunningHost:
    """A host that answers. Keys are None where none are asked for (``func start``)."""

    url: str
    function_key: str | None
    master_key: str | None
    output: Path
    child: Child

    def stop(self, grace_seconds: float = 20.0) -> int:
        """Let running functions end, then end the host; its exit code."""
        return self.child.close(grace_seconds)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_host(
    root: Path,
    environment: Mapping[str, str],
    *,
    output: Path,
    port: int = 0,
    kind: HostKind = "auto",
    start_seconds: float = 60.0,
) -> RunningHost:
    """Start the app at ``root`` and wait until it answers.

    :param environment: settings laid over this process's environment; they win over local.settings.json.
    :param output: a file that gets everything the host prints.
    :param port: 0 takes a free one.
    :param kind: ``auto`` takes ``func`` when it is on PATH.
    :raises HostStartError: it ended, or did not answer within ``start_seconds``.
    """
    func = shutil.which("func") if kind != "local" else None
    if kind == "func" and func is None:
        msg = "'func' (Azure Functions Core Tools) is not on PATH"
        raise HostStartError(msg)
    merged = {**os.environ, **environment}
    start = _start_func if func else _start_local
    host = start(root.resolve(), merged, output, port)
    try:
        _wait_until_ready(host, start_seconds)
    except BaseException:
        host.stop()
        raise
    return host


def _start_local(root: Path, environment: dict[str, str], output: Path, port: int) -> RunningHost:
    """The address is not known before the host prints it. Keys are those that are set, else random ones."""
    apply_local_settings(root, environment)
    function_key = environment.setdefault("CAUCE_FUNCTION_KEY", secrets.token_urlsafe(32))
    master_key = environment.setdefault("CAUCE_MASTER_KEY", secrets.token_urlsafe(32))
    command = [sys.executable, "-m", "local.host", "--root", str(root), "--port", str(port)]
    with output.open("wb") as stream:
        child = Child(command, output=stream, environment=environment, folder=PROJECT_ROOT)
    return RunningHost("", function_key, master_key, output, child)


def _start_func(root: Path, environment: dict[str, str], output: Path, port: int) -> RunningHost:
    """``func`` finds this interpreter on PATH, and gets a signal that lets it end its own children."""
    port = port or _free_port()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    environment.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    with output.open("wb") as stream:
        child = Child(
            ["func", "start", "--port", str(port)],
            output=stream,
            environment=environment,
            folder=root,
            death_signal=signal.SIGTERM,
        )
    return RunningHost(f"http://127.0.0.1:{port}", None, None, output, child)


def _wait_until_ready(host: RunningHost, seconds: float) -> None:
    def ready() -> bool:
        if host.child.exit_code is not None:
            msg = f"the host ended with {host.child.exit_code}:\n{_tail(host.output)}"
            raise HostStartError(msg)
        if not host.url and (line := _READY_LINE.search(host.output.read_text(errors="replace"))):
            host.url = line[1]
        return bool(host.url) and _answers(host.url)

    try:
        wait_until(ready, seconds)
    except TimeoutError as error:
        msg = f"the host did not become ready within {seconds:g} s:\n{_tail(host.output)}"
        raise HostStartError(msg) from error


def _answers(url: str) -> bool:
    """Whether the status endpoint says Running."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/admin/host/status")
        response = connection.getresponse()
        return response.status == 200 and b"Running" in response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(path: Path, characters: int = 4000) -> str:
    return path.read_text(errors="replace")[-characters:]
