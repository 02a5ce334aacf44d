"""From a written blob to a message: events, the webhook's parsing, retries and poison."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.eventgrid import Announcements, WrittenBlob, blob_created
from local.host.blobmessage import (
    BlobMessage,
    EventError,
    Verdict,
    is_spent,
    message_of,
    parse_events,
    retry_delay_seconds,
    split_blob_url,
    validation_code,
    verdict,
)
from local.host.blobtrigger import compile_path
from local.host.settings import HostSettingsError

URL = "http://127.0.0.1:10000/devstoreaccount1/drops"
BLOB = WrittenBlob("phone/a b.csv", "0x8D1", 12, "text/csv")
WHEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def event(**data: Any) -> dict[str, Any]:
    created = blob_created("devstoreaccount1", URL, BLOB, WHEN)
    created["data"] |= data
    return created


def test_event_has_what_event_grid_sends() -> None:
    """The fields that the host, and people who read logs, rely on."""
    created = event()
    assert created["subject"] == "/blobServices/default/containers/drops/blobs/phone/a b.csv"
    assert created["eventType"] == "Microsoft.Storage.BlobCreated"
    assert created["eventTime"] == "2026-11-23T02:00:00Z"
    assert created["topic"].endswith("/Microsoft.Storage/storageAccounts/devstoreaccount1")
    data = created["data"]
    assert (data["api"], data["blobType"], data["contentLength"]) == ("PutBlob", "BlockBlob", 12)
    assert (data["eTag"], data["url"]) == ("0x8D1", f"{URL}/phone/a%20b.csv")
    assert (created["dataVersion"], created["metadataVersion"]) == ("", "1")
    assert created["id"] != event()["id"]


def test_event_becomes_a_message() -> None:
    """Through the webhook's parsing, into the queue and out of it."""
    message = message_of(event(), "train_blob_trigger")
    assert message == BlobMessage("train_blob_trigger", "drops", "phone/a b.csv", "0x8D1")
    assert BlobMessage.from_text(message.to_text()) == message
    assert json.loads(message.to_text()) == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.train_blob_trigger",
        "BlobType": "Block",
        "ContainerName": "drops",
        "BlobName": "phone/a b.csv",
        "ETag": '"0x8D1"',
    }


def test_bodies() -> None:
    """One event or several, in either schema: both keep the blob in data."""
    one = event()
    cloud = {"specversion": "1.0", "type": "Microsoft.Storage.BlobCreated", "data": one["data"]}
    assert parse_events(json.dumps(one).encode()) == [one]
    assert len(parse_events(json.dumps([one, cloud]).encode())) == 2
    assert message_of(cloud, "f") == message_of(one, "f")


@pytest.mark.parametrize("body", [b"", b"x", b"3", b'["a"]'])
def test_wrong_bodies(body: bytes) -> None:
    """What is no event is refused, so that its sender hears of it."""
    with pytest.raises(EventError):
        parse_events(body)


@pytest.mark.parametrize("wrong", [{}, {"data": None}, {"data": {"url": "http://h/x"}}, {"data": {"url": 3}}])
def test_events_without_a_blob(wrong: dict[str, Any]) -> None:
    """An event that names no blob is refused as well."""
    with pytest.raises(EventError):
        message_of(wrong, "f")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"FunctionId": 3}'])
def test_foreign_messages(text: str) -> None:
    """The queue may hold what somebody else wrote."""
    with pytest.raises(EventError, match="not a blob trigger message"):
        BlobMessage.from_text(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://acct.blob.core.windows.net/drops/phone/x.csv", ("drops", "phone/x.csv")),
        ("http://127.0.0.1:1/devstoreaccount1/drops/a%20b", ("drops", "a b")),
        ("http://localhost:1/devstoreaccount1/drops/x", ("drops", "x")),
    ],
)
def test_blob_addresses(url: str, expected: tuple[str, str]) -> None:
    """In Azure the account is in the host's name, in Azurite it leads the path."""
    assert split_blob_url(url) == expected


def test_validation_handshake() -> None:
    """Event Grid's own schema holds an object, a CloudEvent holds JSON within JSON."""
    assert validation_code([{"data": {"validationCode": "abc"}}]) == "abc"
    assert validation_code([{"data": '{"validationCode": "abc"}'}]) == "abc"
    with pytest.raises(EventError):
        validation_code([])


def test_verdicts() -> None:
    """The threshold is the number of attempts; a message seen more often than that is not even tried."""
    decisions = [verdict(succeeded=False, dequeue_count=n, threshold=3) for n in (1, 2, 3, 4)]
    assert decisions == [Verdict.RETRY, Verdict.RETRY, Verdict.POISON, Verdict.POISON]
    assert verdict(succeeded=True, dequeue_count=3, threshold=3) is Verdict.DONE
    assert [is_spent(n, 3) for n in (3, 4)] == [False, True]


def test_retry_delays() -> None:
    """Doubling, in whole seconds; zero stays zero."""
    assert [retry_delay_seconds(1, n) for n in (1, 2, 3)] == [1, 2, 4]
    assert retry_delay_seconds(0, 5) == 0
    assert retry_delay_seconds(1, 500) == 1024


def test_announcements() -> None:
    """New and changed blobs wait until they are delivered; what is unchanged is not announced again."""
    memory = Announcements()
    memory.observe([BLOB])
    assert memory.pending == [BLOB]
    memory.observe([BLOB])
    assert memory.pending == [BLOB]
    memory.delivered(BLOB)
    memory.observe([BLOB])
    assert memory.pending == []
    changed = WrittenBlob(BLOB.name, "0x8D2", 13, BLOB.content_type)
    memory.observe([changed])
    assert memory.pending == [changed]


def test_a_change_during_delivery_is_announced() -> None:
    """Delivery of an older state does not settle the newer one."""
    memory = Announcements()
    memory.observe([BLOB])
    changed = WrittenBlob(BLOB.name, "0x8D2", 13, BLOB.content_type)
    memory.observe([changed])
    memory.delivered(BLOB)
    assert memory.pending == [changed]


def test_skipping_what_is_there() -> None:
    """A relay may begin with what comes."""
    memory = Announcements()
    memory.observe([BLOB])
    memory.skip_all()
    memory.observe([BLOB])
    assert memory.pending == []


def test_deleted_and_written_again() -> None:
    """A name that comes back is new."""
    memory = Announcements()
    memory.observe([BLOB])
    memory.delivered(BLOB)
    memory.observe([])
    memory.observe([BLOB])
    assert memory.pending == [BLOB]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("drops/phone/x.csv", {"dataset": "phone", "name": "x.csv"}),
        ("drops/a/b/x.csv", {"dataset": "a/b", "name": "x.csv"}),
        ("drops/x.csv", None),
        ("other/phone/x.csv", None),
    ],
)
def test_binding_expressions(name: str, expected: dict[str, str] | None) -> None:
    """Names are bound when the blob fits; each takes as much as it can."""
    match = compile_path("drops/{dataset}/{name}").fullmatch(name)
    assert (match.groupdict() if match else None) == expected


@pytest.mark.parametrize("path", ["drops", "drops/", "drops/{a}/{a}"])
def test_wrong_paths(path: str) -> None:
    """A path needs a container and a blob, and each name once."""
    with pytest.raises(HostSettingsError, match="path"):
        compile_path(path)
