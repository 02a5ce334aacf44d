"""Azurite, Microsoft's storage emulator, as one child process that serves blobs, queues and tables.

``make setup`` installs it under ``.local/azurite``; ``azurite`` on PATH is used when that is not there.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Self

from local.children import Child
from local.waiting import wait_until

ACCOUNT = "devstoreaccount1"
# The key that every copy of the emulator has; Microsoft publishes it, it protects nothing.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

PROJECT_ROOT = Path(__file__).resolve().parent.parent
INSTALLED = PROJECT_ROOT / ".local/azurite/node_modules/.bin/azurite"

_SERVICES = ("Blob", "Queue", "Table")
_LISTENING = re.compile(r"Azurite (\w+) service is successfully listening at https?://[^:\s]+:(\d+)")


class AzuriteError(RuntimeError):
    """Azurite is not installed, or did not start; the message says where it was looked for or what it printed."""


def find_azurite() -> str:
    """The program to run.

    :raises AzuriteError: it is installed neither in this project nor on PATH.
    """
    if INSTALLED.exists():
        return str(INSTALLED)
    on_path = shutil.which("azurite")
    if on_path is None:
        msg = f"Azurite is neither at {INSTALLED} nor on PATH: run 'make setup'"
        raise AzuriteError(msg)
    return on_path


class Azurite:
    """One storage account on free ports of this machine.

    Without ``location`` the data lives in memory and ends with the process. With it the data is in that folder:
    ``stop()`` and ``start()`` give the same data on the same ports. Azurite writes its index every few seconds and when
    it is stopped, so only ``stop()`` is sure to keep the last writes.
    """

    def __init__(self, location: Path | None = None, start_seconds: float = 30.0) -> None:
        self._location = location
        self._start_seconds = start_seconds
        self._ports = dict.fromkeys(_SERVICES, 0)
        self._child: Child | None = None

    def start(self) -> Self:
        """Start it and wait until all services listen.

        :raises AzuriteError: not installed, or not ready in time; with what it printed.
        """
        if self._child is not None:
            return self
        with tempfile.NamedTemporaryFile(prefix="azurite-", suffix=".log") as output:
            self._child = Child(self._command(), output=output.file)
            try:
                self._ports = self._wait_for_ports(self._child, Path(output.name))
            except BaseException:
                self.stop()
                raise
        return self

    def stop(self) -> None:
        """End it; nothing happens when it is not running."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.exit_code is None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid if self._child else None

    @property
    def blob_url(self) -> str:
        """The account's blob endpoint."""
        return self._endpoint("Blob")

    @property
    def connection_string(self) -> str:
        """What ``AzureWebJobsStorage`` and ``DataStorage`` hold; valid across stop and start."""
        endpoints = ";".join(f"{service}Endpoint={self._endpoint(service)}" for service in _SERVICES)
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoints};"

    def _endpoint(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}/{ACCOUNT}"

    def _command(self) -> list[str]:
        """``--skipApiVersionCheck``: the storage libraries ask for API versions newer than Azurite knows."""
        ports = [part for name in _SERVICES for part in (f"--{name.lower()}Port", str(self._ports[name]))]
        store = ["--location", str(self._location)] if self._location else ["--inMemoryPersistence"]
        return [find_azurite(), *ports, *store, "--skipApiVersionCheck", "--disableTelemetry", "--silent"]

    def _wait_for_ports(self, child: Child, log: Path) -> dict[str, int]:
        def listening() -> dict[str, int] | None:
            ended = child.exit_code is not None
            ports = {name: int(port) for name, port in _LISTENING.findall(log.read_text())}
            if ports.keys() >= set(_SERVICES):
                return ports
            if ended:
                msg = f"Azurite ended with {child.exit_code} before it listened:\n{log.read_text()}"
                raise AzuriteError(msg)
            return None

        try:
            return wait_until(listening, self._start_seconds) or {}
        except TimeoutError as error:
            msg = f"Azurite did not listen within {self._start_seconds:g} s:\n{log.read_text()}"
            raise AzuriteError(msg) from error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
