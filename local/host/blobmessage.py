"""The messages between the Event Grid webhook and the blob trigger, and what becomes of them. No I/O here."""

import json
import urllib.parse
from dataclasses import dataclass
from enum import Enum
from typing import Any

FUNCTION_PREFIX = "Host.Functions."


class EventError(ValueError):
    """The body is not one that Event Grid sends for a written blob."""


@dataclass(frozen=True, slots=True)
class BlobMessage:
    """One blob for one function, spelled in the queue as the real host spells it."""

    function: str
    container: str
    blob: str
    etag: str
    blob_type: str = "Block"

    def to_text(self) -> str:
        """The queue message."""
        return json.dumps(
            {
                "Type": "BlobTrigger",
                "FunctionId": f"{FUNCTION_PREFIX}{self.function}",
                "BlobType": self.blob_type,
                "ContainerName": self.container,
                "BlobName": self.blob,
                "ETag": f'"{self.etag}"',
            }
        )

    @classmethod
    def from_text(cls, text: str) -> "BlobMessage":
        """Read a queue message.

        :raises EventError: it is not one of these.
        """
        try:
            stored = json.loads(text)
            return cls(
                function=stored["FunctionId"].removeprefix(FUNCTION_PREFIX),
                container=stored["ContainerName"],
                blob=stored["BlobName"],
                etag=str(stored.get("ETag", "")).strip('"'),
                blob_type=stored.get("BlobType", "Block"),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"not a blob trigger message: {text!r}"
            raise EventError(msg) from error


def parse_events(body: bytes) -> list[dict[str, Any]]:
    """The events of a request: an array or one object, in Event Grid's schema or as CloudEvents.

    :raises EventError: it is neither.
    """
    try:
        parsed = json.loads(body)
    except ValueError as error:
        msg = "the body is not JSON"
        raise EventError(msg) from error
    events = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(event, dict) for event in events):
        msg = "expected a JSON object or an array of objects"
        raise EventError(msg)
    return events


def message_of(event: dict[str, Any], function: str) -> BlobMessage:
    """What the queue holds for one event. Both schemas keep the blob in ``data``.

    :raises EventError: ``data`` does not name a blob.
    """
    try:
        data = event["data"]
        container, blob = split_blob_url(data["url"])
        return BlobMessage(function, container, blob, data["eTag"], data["blobType"].replace("Blob", ""))
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"the event's data needs url, eTag and blobType: {error!r}"
        raise EventError(msg) from error


def validation_code(events: list[dict[str, Any]]) -> str:
    """The code that Event Grid wants back before it delivers. In a CloudEvent ``data`` is JSON within JSON.

    :raises EventError: there is none.
    """
    try:
        data = events[0]["data"]
        return str((json.loads(data) if isinstance(data, str) else data)["validationCode"])
    except (LookupError, TypeError, ValueError) as error:
        msg = "a subscription validation needs data.validationCode"
        raise EventError(msg) from error


def split_blob_url(url: str) -> tuple[str, str]:
    """Container and blob name of a blob's address, in Azure (account in the host name) or in Azurite (in the path).

    :raises EventError: it is no blob's address.
    """
    parts = urllib.parse.urlsplit(url)
    path = parts.path.lstrip("/")
    host = parts.hostname or ""
    if host == "localhost" or host.replace(".", "").isdigit():
        path = path.partition("/")[2]
    container, _, blob = path.partition("/")
    if not container or not blob:
        msg = f"'{url}' is not the address of a blob"
        raise EventError(msg)
    return container, urllib.parse.unquote(blob)


class Verdict(Enum):
    """What becomes of a message."""

    DONE = "done"
    RETRY = "retry"
    POISON = "poison"


def verdict(*, succeeded: bool, dequeue_count: int, threshold: int) -> Verdict:
    """After a run. ``dequeue_count`` counts the deliveries, this one included."""
    if succeeded:
        return Verdict.DONE
    return Verdict.POISON if dequeue_count >= threshold else Verdict.RETRY


def is_spent(dequeue_count: int, threshold: int) -> bool:
    """Before a run: the message was delivered so often that its runs must have taken the host down with them."""
    return dequeue_count > threshold


def retry_delay_seconds(base_seconds: float, dequeue_count: int) -> int:
    """Doubling from ``base_seconds``; queues count in whole seconds."""
    return round(base_seconds * (1 << min(dequeue_count - 1, 10)))
