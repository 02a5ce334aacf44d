"""What Event Grid does for Cauce in Azure: tell the host about every blob that is written under ``drops``.

Azurite raises no events, so this watches the container by listing it. Delivery is at least once, as in Azure: an event
is repeated until the host takes it, and what was delivered is remembered in memory only, so a new relay announces every
blob again unless it is told to skip what is there. It works alike with ``local.host`` and with ``func start``.
"""

import http.client
import json
import logging
import threading
import urllib.parse
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient

log = logging.getLogger(__name__)

_POST_TIMEOUT_SECONDS = 10.0
_TOPIC = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.Storage/storageAccounts/"
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whose blobs are told to which function; ``code`` is the key that the webhook may ask for."""

    container: str
    function: str
    code: str | None = None


TRAINING = Subscription("drops", "train_blob_trigger")


@dataclass(frozen=True, slots=True)
class WrittenBlob:
    """One state of one blob; a later write of the same name is another."""

    name: str
    etag: str
    size_bytes: int
    content_type: str


def blob_created(account: str, container_url: str, blob: WrittenBlob, when: datetime) -> dict[str, Any]:
    """The event in Event Grid's own schema, as a storage account raises it for one Put Blob."""
    container = container_url.rsplit("/", 1)[-1]
    request_id = str(uuid.uuid4())
    return {
        "topic": f"{_TOPIC}{account}",
        "subject": f"/blobServices/default/containers/{container}/blobs/{blob.name}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": str(uuid.uuid4()),
        "eventTime": when.isoformat().replace("+00:00", "Z"),
        "data": {
            "api": "PutBlob",
            "requestId": request_id,
            "eTag": blob.etag,
            "contentType": blob.content_type,
            "contentLength": blob.size_bytes,
            "blobType": "BlockBlob",
            "url": f"{container_url}/{urllib.parse.quote(blob.name)}",
            "sequencer": "00000000000000000000000000000000",
            "storageDiagnostics": {"batchId": request_id},
        },
        "dataVersion": "",
        "metadataVersion": "1",
    }


class Announcements:
    """Which blobs are still to be announced: the whole memory of the relay."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._pending: dict[str, WrittenBlob] = {}

    def observe(self, listing: Iterable[WrittenBlob]) -> None:
        """Take in one complete listing; a name that is new or has another ETag becomes pending."""
        now = {blob.name: blob for blob in listing}
        for blob in now.values():
            if self._seen.get(blob.name) != blob.etag:
                self._pending[blob.name] = blob
        self._seen = {name: blob.etag for name, blob in now.items()}

    def skip_all(self) -> None:
        """Regard everything that was observed as announced."""
        self._pending.clear()

    @property
    def pending(self) -> list[WrittenBlob]:
        """In the order in which they were observed."""
        return list(self._pending.values())

    def delivered(self, blob: WrittenBlob) -> None:
        """The host took the event of this very state of the blob."""
        if self._pending.get(blob.name) == blob:
            del self._pending[blob.name]


class EventGridRelay:
    """A thread that lists the container and posts events to the host's webhook."""

    def __init__(
        self,
        connection_string: str,
        host_url: str,
        *,
        subscription: Subscription = TRAINING,
        skip_existing: bool = False,
        poll_seconds: float = 0.3,
    ) -> None:
        """Watch the subscription's container and tell its function on the host at ``host_url``.

        ``skip_existing`` leaves out what is there at the first look.
        ``host_url`` is public and may be changed while the relay runs, for a host that came back on another port.
        """
        self.host_url = host_url
        self._subscription = subscription
        self._skip_existing = skip_existing
        self._poll_seconds = poll_seconds
        self._announcements = Announcements()
        self._listing_fails = self._posting_fails = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="eventgrid-relay", daemon=True)
        self._container = ContainerClient.from_connection_string(
            connection_string, subscription.container, retry_total=0, connection_timeout=2, read_timeout=10
        )

    def start(self) -> Self:
        """Begin to watch; a relay can be started once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop watching and wait for the thread; events not yet taken are forgotten."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._container.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._observe():
                self._deliver()
            self._stopping.wait(self._poll_seconds)

    def _observe(self) -> bool:
        """List once; False when the storage account did not answer."""
        try:
            listing = [_written(blob) for blob in self._container.list_blobs()]
        except ResourceNotFoundError:
            listing = []  # the container is made by whoever writes the first drop
        except AzureError as error:
            if not self._listing_fails:
                log.warning("cannot list %s, will keep trying: %s", self._container.url, error)
            self._listing_fails = True
            return False
        self._listing_fails = False
        self._announcements.observe(listing)
        if self._skip_existing:
            self._announcements.skip_all()
            self._skip_existing = False
        return True

    def _deliver(self) -> None:
        """Post what is pending, in order; the first refusal ends the round, the next one begins there."""
        for blob in self._announcements.pending:
            fault = self._post(blob)
            if fault is not None:
                if not self._posting_fails:
                    log.warning(
                        "%s did not take the event of %s, will keep trying: %s", self.host_url, blob.name, fault
                    )
                self._posting_fails = True
                return
            self._posting_fails = False
            self._announcements.delivered(blob)
            log.info("announced %s (%d bytes)", blob.name, blob.size_bytes)

    def _post(self, blob: WrittenBlob) -> str | None:
        """None when the host took the event, else what went wrong."""
        event = blob_created(self._container.account_name or "", self._container.url, blob, datetime.now(UTC))
        connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(self.host_url).netloc, timeout=_POST_TIMEOUT_SECONDS
        )
        try:
            headers = {"Content-Type": "application/json", "aeg-event-type": "Notification"}
            connection.request("POST", self._webhook(), json.dumps([event]), headers)
            response = connection.getresponse()
            return None if response.status // 100 == 2 else f"HTTP {response.status}"
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()

    def _webhook(self) -> str:
        query = {"functionName": f"Host.Functions.{self._subscription.function}"}
        if self._subscription.code is not None:
            query["code"] = self._subscription.code
        return f"/runtime/webhooks/blobs?{urllib.parse.urlencode(query)}"


def _written(blob: BlobProperties) -> WrittenBlob:
    return WrittenBlob(
        name=str(blob.name),
        etag=str(blob.etag).strip('"'),
        size_bytes=int(blob.size or 0),
        content_type=str(blob.content_settings.content_type or "application/octet-stream"),
    )
