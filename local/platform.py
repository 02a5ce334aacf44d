"""Everything that Cauce needs of Azure, on this machine: storage, events, and the host that runs the functions."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from local.azurite import PROJECT_ROOT, Azurite
from local.eventgrid import EventGridRelay
from local.launch import start_host
from shared.store.azure_blobs import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shared.store.azure_blobs import AzureBlobs

LOCAL = PROJECT_ROOT / ".local"
RUNNING = LOCAL / "running.json"
LOCK = LOCAL / "lock"
HOST_LOG = LOCAL / "host.log"
VISIBILITY_SECONDS = "30"
ACCOUNT = "CAUCE_ACCOUNT"


class NotRunning(RuntimeError):
    """No platform runs on this machine, so there is no storage to look into."""


class AlreadyRunning(RuntimeError):
    """Another platform runs here: two would share one folder of blobs, one log and one ``running.json``."""


@dataclass(frozen=True)
class Platform:
    """A platform that answers."""

    url: str
    function_key: str | None
    storage: str
    """Connection string of the account that holds the data; or, of one in Azure, its blob endpoint."""

    @property
    def blobs(self) -> AzureBlobs:
        """The data account: one in Azure by the login of ``az``."""
        if self.storage.startswith("https://"):
            return connect(None, self.storage, None, patient=True)
        return connect(self.storage, None, None, patient=True)

    @property
    def headers(self) -> dict[str, str]:
        """What a request to a function must carry; ``func start`` asks for no key."""
        return {"x-functions-key": self.function_key} if self.function_key else {}


@contextmanager
def platform(environment: Mapping[str, str], *, storage_folder: Path | None, port: int) -> Iterator[Platform]:
    """Start all of it, and end all of it with the block.

    ``storage_folder`` keeps the blobs for the next time; without it they live in memory. ``environment`` is laid over
    the settings of local.settings.json.

    :raises AlreadyRunning: one runs in this folder.
    """
    with _the_only_one(), Azurite(storage_folder) as azurite:
        storage = azurite.connection_string
        settings = {
            "AzureWebJobsStorage": storage,
            "DataStorage": storage,
            "CAUCE_HOST_VISIBILITY_SECONDS": VISIBILITY_SECONDS,
            **environment,
        }
        with start_host(PROJECT_ROOT, settings, output=HOST_LOG, port=port) as host:
            # Drops of an earlier time are announced again: what is done has a run record, what is not is done now.
            relay = EventGridRelay(storage, host.url).start()
            running = Platform(host.url, host.function_key, storage)
            try:
                _remember(running)
                yield running
            finally:
                RUNNING.unlink(missing_ok=True)
                relay.stop()


def attach() -> Platform:
    """The platform in Azure that CAUCE_ACCOUNT names, or the one that another process here runs. Raises NotRunning."""
    account = os.environ.get(ACCOUNT, "")
    if account:
        if not account.startswith("https://"):
            msg = f"{ACCOUNT}: expected a blob endpoint, https://NAME.blob.core.windows.net, got {account!r}"
            raise NotRunning(msg)
        return Platform("", None, account)
    with suppress(AlreadyRunning), _the_only_one():
        pass  # ``running.json`` is then gone, also where a process was killed before it could take it away
    try:
        return Platform(**json.loads(RUNNING.read_text()))
    except FileNotFoundError as error:
        msg = "nothing is running here: start it with 'make up' (or 'make demo') in another terminal"
        raise NotRunning(msg) from error


@contextmanager
def _the_only_one() -> Iterator[None]:
    """Hold the lock that one platform has as long as it lives: the kernel takes it back however the process ends."""
    LOCAL.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = "'make up' or 'make demo' is running here already: end it first (Ctrl-C in its terminal)"
            raise AlreadyRunning(msg) from error
        RUNNING.unlink(missing_ok=True)
        yield


def _remember(running: Platform) -> None:
    """For ``attach``, readable by this user alone: it holds the function key."""
    RUNNING.unlink(missing_ok=True)
    with os.fdopen(os.open(RUNNING, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(running), file)
