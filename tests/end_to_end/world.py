"""The whole platform for one test: storage that can stop and come back, events, and a host that can be killed."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from local.azurite import PROJECT_ROOT, Azurite
from local.children import Child
from local.eventgrid import EventGridRelay, WrittenBlob, blob_created
from local.launch import RunningHost, start_host
from local.waiting import wait_until
from shared.errors import BlobMissing
from shared.settings import BUILT_IN_CATALOG
from shared.store import names
from shared.store.azure_blobs import connect
from shared.store.records import RunRecord, from_json
from shared.store.registry import Registry
from shared.training.drop import slot_of
from tests.phone_data import ROW

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shared.store.azure_blobs import AzureBlobs

QUICK_TRAINING = """
[training]
seconds = 0.001
history = ["all"]
folds = 1
[retraining]
every_days = 0
"""
KEY = "test-function-key"


def quick_catalog(folder: Path) -> Path:
    """A catalog outside the code whose phone model trains in a second."""
    folder.mkdir()
    (folder / "phone.toml").write_text((BUILT_IN_CATALOG / "phone.toml").read_text() + QUICK_TRAINING)
    return folder


@dataclass
class World:
    """What a test does to the platform, and what it sees of it."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    host: RunningHost | None = None
    relay: EventGridRelay | None = None

    def __post_init__(self) -> None:
        self.azurite = Azurite(self.folder / "storage").start()
        storage = self.azurite.connection_string
        self.environment = {
            "AzureWebJobsStorage": storage,
            "DataStorage": storage,
            "CATALOG_DIR": str(quick_catalog(self.folder / "catalog")),
            "EXPORT_SCHEDULE": "0 0 2 * * *",
            "MODEL_REFRESH_SECONDS": "0.5",
            "CAUCE_FUNCTION_KEY": KEY,
            "CAUCE_HOST_VISIBILITY_SECONDS": "3",
            "CAUCE_HOST_RETRY_SECONDS": "0.2",
            **self.settings,
        }

    @property
    def blobs(self) -> AzureBlobs:
        return connect(self.azurite.connection_string, None, None, patient=True)

    @property
    def registry(self) -> Registry:
        return Registry(self.blobs)

    def start(self, *, events: bool = True) -> None:
        """Start the host, and with it the relay unless the test sends the events itself."""
        self.host = start_host(PROJECT_ROOT, self.environment, output=self.folder / "host.log", kind="local")
        if events:
            self.relay = EventGridRelay(self.azurite.connection_string, self.host.url, poll_seconds=0.1).start()

    def start_mortal(self, at: int, moment: str) -> Child:
        """Start a host that is killed at its ``at``-th write; the events go to it."""
        log = self.folder / "mortal.log"
        command = [sys.executable, "-m", "tests.end_to_end.mortal_host", str(at), moment]
        with log.open("wb") as output:
            child = Child(
                [*command, "--root", str(PROJECT_ROOT), "--port", "0"],
                output=output,
                environment={**os.environ, **self.environment},
                folder=PROJECT_ROOT,
            )
        ready = wait_until(lambda: re.search(r"^host ready (\S+)$", log.read_text(), re.MULTILINE), 90)
        assert ready
        self.host = RunningHost(ready[1], KEY, None, log, child)
        return child

    def stop(self) -> None:
        """End all of it."""
        if self.relay:
            self.relay.stop()
        if self.host:
            self.host.kill()
        self.azurite.stop()

    def drop(self, file: bytes, name: str = "contacts.csv") -> str:
        """Put a file under ``drops/contacts``; the slot that it gets."""
        blob = names.dropped_csv("contacts", name)
        self.blobs.write(blob, file)
        return slot_of(names.parse_drop(blob), self.blobs)

    def send_event(self, blob: str, when: datetime) -> None:
        """Post the BlobCreated event of a blob to the host, as Event Grid does."""
        info = self.blobs.info(blob)
        container, _, path = blob.partition("/")
        written = WrittenBlob(path, info.etag, info.size_bytes, "text/csv")
        event = blob_created("devstoreaccount1", f"{self.azurite.blob_url}/{container}", written, when)
        path = "/runtime/webhooks/blobs?functionName=Host.Functions.train_blob_trigger"
        status, _ = self.call(path, [event], {"aeg-event-type": "Notification"})
        assert status == 202

    def send_events(self, blob: str, when: datetime, times: int) -> None:
        """The same event, many times at once."""
        with ThreadPoolExecutor(times) as pool:
            list(pool.map(lambda _: self.send_event(blob, when), range(times)))

    def record(self, slot: str, seconds: float = 180) -> RunRecord:
        """The run record of a slot, when it is there."""
        name = names.run_record("contacts", slot, "phone")
        return wait_until(lambda: self._peek(name), seconds, 0.1)  # type: ignore[return-value]

    def _peek(self, name: str) -> RunRecord | None:
        try:
            blob = self.blobs.read(name)
        except BlobMissing:
            return None
        return from_json(blob.data, RunRecord, name) if blob else None

    def call(self, path: str, content: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """A request to the host; status and decoded body. The function key opens functions alone."""
        assert self.host is not None
        key = {"x-functions-key": KEY} if path.startswith("/api/") else {}
        data = None if content is None else json.dumps(content).encode()
        response = httpx.request(
            "GET" if data is None else "POST", self.host.url + path, content=data, headers={**key, **(headers or {})}
        )
        return response.status_code, response.json() if response.content else None

    def answer(self, **changes: Any) -> tuple[int, Any]:
        """The answer to one row."""
        return self.call("/api/models/phone/score", {**ROW, **changes})

    def answered_by(self, version: str, seconds: float = 10) -> Any:
        """The answer to one row when ``version`` has taken over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status, body = self.answer(job="retired", balance=2500)
            if status == 200 and body["version"] == version:
                return body
            time.sleep(0.1)
        msg = f"{version} did not take over: {status} {body}"
        raise AssertionError(msg)
