"""The sample app: copies of it that run on the local host, and what tests do to them."""

import http.client
import json
import shutil
import urllib.parse
import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobClient, BlobServiceClient

from local.azurite import Azurite
from local.host.schedule import ScheduleStatus
from local.launch import RunningHost, start_host

SAMPLE_APP = Path(__file__).parent / "sample_app"
TIMERS = ("switchedoff", "everysecond", "nightly", "sleepy")


@dataclass
class App:
    """An app of one test, or of all of them, and what its functions recorded."""

    root: Path
    records_path: Path
    environment: dict[str, str]

    def records(self, kind: str, **expected: object) -> list[dict[str, Any]]:
        if not self.records_path.exists():
            return []
        found = [json.loads(line) for line in self.records_path.read_text().splitlines()]
        return [one for one in found if one["kind"] == kind and expected.items() <= one.items()]

    def start(self) -> RunningHost:
        return start_host(self.root, self.environment, output=self.root / "host.log", kind="local")


def make_app(root: Path, storage: Azurite, *timers: str) -> App:
    """A copy of the sample app under an id of its own, in which only these timers fire."""
    shutil.copytree(SAMPLE_APP, root, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {f"AzureWebJobs.{name}.Disabled": "true" for name in TIMERS if name not in timers}
    environment |= {
        "AzureWebJobsStorage": storage.connection_string,
        "DataStorage": storage.connection_string,
        "NIGHTLY": "0 0 2 * * *",
        "RECORDS": str(root / "records.jsonl"),
        "AzureFunctionsWebHost__hostid": f"test-{uuid.uuid4().hex[:12]}",
        "CAUCE_HOST_VISIBILITY_SECONDS": "2",
        "CAUCE_HOST_RETRY_SECONDS": "0",
    }
    return App(root, root / "records.jsonl", environment)


def status_blob(app: App, service: BlobServiceClient, function: str) -> BlobClient:
    host_id = app.environment["AzureFunctionsWebHost__hostid"]
    return service.get_blob_client("azure-webjobs-hosts", f"timers/{host_id}/Host.Functions.{function}/status")


def pretend_missed(app: App, service: BlobServiceClient, function: str) -> datetime:
    """Store the status of a host that ended three days ago; returns the first occurrence that it missed."""
    last = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=3)
    missed = ScheduleStatus(last, last + timedelta(days=1), last)
    status_blob(app, service, function).upload_blob(json.dumps(missed.as_json()))
    return missed.next


def has_moved_on(app: App, service: BlobServiceClient, function: str) -> bool:
    stored = status_blob(app, service, function).download_blob().readall()
    return ScheduleStatus.from_json(stored).next > datetime.now(UTC)


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """One request on a connection of its own; underscores in header names stand for dashes."""
    with closing(http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=20)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def announce(url: str, account_url: str, name: str, function: str = "drop") -> int:
    """Deliver the event of a written drop to the host, as Event Grid would; the status it answers with."""
    data = {"url": f"{account_url.rstrip('/')}/drops/{name}", "eTag": "0x1", "blobType": "BlockBlob", "api": "PutBlob"}
    path = f"/runtime/webhooks/blobs?functionName=Host.Functions.{function}"
    body = json.dumps([{"eventType": "Microsoft.Storage.BlobCreated", "data": data}]).encode()
    return call(url, "POST", path, body, aeg_event_type="Notification").status


def drop(service: BlobServiceClient, content: str, **metadata: str) -> str:
    """Write a drop under a name of its own, which is returned."""
    name = f"phone/{uuid.uuid4().hex}.csv"
    service.get_blob_client("drops", name).upload_blob(content, metadata=metadata)
    return name
