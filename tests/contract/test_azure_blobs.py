"""What only the Azure store can get wrong: its errors, its time limits and its identity."""

from __future__ import annotations

import itertools
import socket
import threading
import time
import tracemalloc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from azure.core import exceptions as azure
from azure.storage.blob import BlobServiceClient

from local.azurite import ACCOUNT, ACCOUNT_KEY
from shared.errors import BlobConflict, BlobMissing, CauceError, StoreUnavailable, TransientError
from shared.store import azure_blobs as module
from shared.store.azure_blobs import BLOCKS_AT_ONCE, AzureBlobs, _NotModified, _translated, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.storage.blob import BlobBlock

    from local.azurite import Azurite

MEGABYTE = 1024 * 1024


def connection_string(endpoint: str, key: str = ACCOUNT_KEY) -> str:
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def unreachable(closed_port: int) -> Iterator[AzureBlobs]:
    made = connect(connection_string(f"http://127.0.0.1:{closed_port}/{ACCOUNT}"), None, None, patient=False)
    yield made
    made._service.close()


CALLS: dict[str, Callable[[AzureBlobs], object]] = {
    "read": lambda blobs: blobs.read("contacts/a"),
    "list": lambda blobs: list(blobs.list("contacts/")),
    "write": lambda blobs: blobs.write("contacts/a", b"x", if_absent=True),
    "delete": lambda blobs: blobs.delete("contacts/a"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_storage_that_cannot_be_reached_is_told_soon(unreachable: AzureBlobs, call: Callable[[Any], object]) -> None:
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"^storage did not answer for 'contacts/"):
        call(unreachable)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "call",
    [
        lambda blobs: list(blobs.chunks("contacts/a")),
        lambda blobs: blobs.info("contacts/a"),
        lambda blobs: blobs.upload("contacts/a", [b"x"]),
        lambda blobs: blobs.append("contacts/a", b"x", at=0),
        lambda blobs: blobs.append("contacts/a", b"x", at=1),
        lambda blobs: blobs.delete("contacts/a"),
    ],
    ids=["chunks", "info", "upload", "append", "append later", "delete"],
)
def test_every_call_tells_so(closed_port: int, call: Callable[[Any], object]) -> None:
    """Without the SDK's own retries, so that the test is quick."""
    endpoint = connection_string(f"http://127.0.0.1:{closed_port}/{ACCOUNT}")
    with BlobServiceClient.from_connection_string(endpoint, retry_total=0) as service, pytest.raises(StoreUnavailable):
        call(AzureBlobs(service))


def test_a_key_that_is_refused_says_which_role_is_needed(azurite: Azurite) -> None:
    made = connect(connection_string(azurite.blob_url, key="d3Jvbmc="), None, None, patient=False)
    with (
        made._service,
        pytest.raises(StoreUnavailable, match=r"refused 'contacts/a' \(403 .*Storage Blob Data Contributor"),
    ):
        made.read("contacts/a")


def test_an_identity_that_cannot_be_had_says_why() -> None:
    with pytest.raises(StoreUnavailable, match="no managed identity endpoint"), _translated("contacts/a"):
        raise azure.ClientAuthenticationError(message="no managed identity endpoint")


def test_a_uri_is_opened_with_the_managed_identity() -> None:
    made = connect(None, "https://acme.blob.core.windows.net", "an-id", patient=True)
    with made._service as service:
        assert service.account_name == "acme"
        assert service.credential.__class__.__name__ == "DefaultAzureCredential"


def with_status(kind: type[azure.HttpResponseError], status: int) -> azure.HttpResponseError:
    error = kind(message="as storage says it")
    error.status_code, error.reason = status, "Reason"
    return error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (with_status(azure.ResourceNotFoundError, 404), BlobMissing),
        (with_status(azure.ResourceExistsError, 409), BlobConflict),
        (with_status(azure.ResourceModifiedError, 412), BlobConflict),
        (with_status(azure.HttpResponseError, 409), BlobConflict),
        (with_status(azure.HttpResponseError, 412), BlobConflict),
        (with_status(azure.HttpResponseError, 304), _NotModified),
        (with_status(azure.ClientAuthenticationError, 401), StoreUnavailable),
        (with_status(azure.ClientAuthenticationError, 403), StoreUnavailable),
        (with_status(azure.ResourceModifiedError, 304), _NotModified),
        (with_status(azure.HttpResponseError, 403), StoreUnavailable),
        (with_status(azure.HttpResponseError, 400), StoreUnavailable),
        (with_status(azure.HttpResponseError, 500), StoreUnavailable),
        (with_status(azure.HttpResponseError, 503), StoreUnavailable),
        (azure.ServiceRequestError("no route"), StoreUnavailable),
        (azure.ServiceRequestTimeoutError("slow"), StoreUnavailable),
        (azure.ServiceResponseError("broke off"), StoreUnavailable),
        (azure.ServiceResponseTimeoutError("slow"), StoreUnavailable),
        (azure.IncompleteReadError("half"), StoreUnavailable),
    ],
    ids=lambda value: getattr(value, "__name__", None) or f"{type(value).__name__} {getattr(value, 'status_code', '')}",
)
def test_the_sdks_errors_become_ours(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, _translated("contacts/a"):
        raise raised
    assert caught.value.__cause__ is raised
    if expected is not _NotModified:
        assert "'contacts/a'" in str(caught.value)


def test_what_is_not_the_sdks_passes_as_it_is() -> None:
    for error in (KeyError("x"), BlobMissing("y")):
        with pytest.raises(type(error)) as caught, _translated("contacts/a"):
            raise error
        assert caught.value is error


def test_a_blob_that_changes_while_it_is_read_is_told_and_never_mixed(azure_blobs: AzureBlobs, container: str) -> None:
    azure_blobs.upload(f"{container}/a", [b"o" * 9 * MEGABYTE])
    chunks = azure_blobs.chunks(f"{container}/a")
    assert set(next(chunks)) == set(b"o")
    azure_blobs.upload(f"{container}/a", [b"n" * 9 * MEGABYTE])
    with pytest.raises(TransientError):
        list(chunks)


def test_a_log_that_is_made_anew_while_it_is_read_is_told_and_never_mixed(
    azure_blobs: AzureBlobs, container: str
) -> None:
    name = f"{container}/log"
    for place in range(3):
        azure_blobs.append(name, b"o" * 4 * MEGABYTE, at=place * 4 * MEGABYTE)
    chunks = azure_blobs.chunks(name)
    assert set(next(chunks)) == set(b"o")
    azure_blobs.delete(name)
    time.sleep(1.1)  # storage tells the time of making to the second
    for place in range(3):
        azure_blobs.append(name, b"n" * 4 * MEGABYTE, at=place * 4 * MEGABYTE)
    with pytest.raises(BlobConflict, match="anew"):
        list(chunks)


@dataclass
class Uplink:
    """A storage service whose blocks can be watched on their way."""

    service: BlobServiceClient | None
    on_the_way: Callable[[int, bytes], None] = lambda _index, _block: None
    """Called with each block's number before it is sent."""
    arrived: list[int] = field(default_factory=list)

    def get_blob_client(self, container: str, path: str) -> Uplink:
        self._client = self.service.get_blob_client(container, path) if self.service else None
        return self

    def create_container(self, name: str) -> None:
        if self.service:
            self.service.create_container(name)

    def stage_block(self, block_id: str, data: bytes) -> None:
        index = int(block_id[-8:])
        self.on_the_way(index, data)
        if self._client:
            self._client.stage_block(block_id, data)
        self.arrived.append(index)

    def commit_block_list(self, blocks: list[BlobBlock]) -> None:
        if self._client:
            self._client.commit_block_list(blocks)


BLOCKS = 7
PATIENCE_SECONDS = 60


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a hundred bytes."""
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)


def block(index: int) -> bytes:
    return b"%03d," % index * 25


@pytest.mark.usefixtures("small_blocks")
def test_blocks_are_in_order_whatever_order_they_arrive_in(azure_blobs: AzureBlobs, container: str) -> None:
    """Every other block is held back until the next one is there."""
    there = [threading.Event() for _ in range(BLOCKS + 1)]

    def hold_back(index: int, _: bytes) -> None:
        if index % 2 == 0 and index < BLOCKS - 1:
            assert there[index + 1].wait(PATIENCE_SECONDS)
        else:
            there[index].set()

    azure_blobs.write(f"{container}/other", b"")
    uplink = Uplink(azure_blobs._service, hold_back)
    AzureBlobs(uplink).upload(f"{container}/a", map(block, range(BLOCKS)))  # type: ignore[arg-type]
    assert sorted(uplink.arrived) == list(range(BLOCKS))
    assert b"".join(azure_blobs.chunks(f"{container}/a")) == b"".join(map(block, range(BLOCKS)))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("failing", [0, 1, 3, BLOCKS - 1])
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_block_that_fails_fails_the_upload_and_nothing_appears(
    azure_blobs: AzureBlobs, container: str, failing: int, before: bytes | None
) -> None:
    name = f"{container}/a"
    azure_blobs.write(name if before else f"{container}/other", before or b"")
    there = list(azure_blobs.list(f"{container}/"))
    made = 0

    def source() -> Iterator[bytes]:
        nonlocal made
        for made in range(1, BLOCKS + 1):
            yield block(made)

    def fail(index: int, _: bytes) -> None:
        if index == failing:
            raise with_status(azure.HttpResponseError, 500)

    with pytest.raises(StoreUnavailable, match=f"storage failed for '{name}': 500 Reason"):
        AzureBlobs(Uplink(azure_blobs._service, fail)).upload(name, source())  # type: ignore[arg-type]
    assert made <= failing + 1 + BLOCKS_AT_ONCE
    assert list(azure_blobs.list(f"{container}/")) == there
    if before:
        blob = azure_blobs.read(name)
        assert blob is not None
        assert blob.data == before
    azure_blobs.upload(name, map(block, range(BLOCKS)))
    assert b"".join(azure_blobs.chunks(name)) == b"".join(map(block, range(BLOCKS)))


@pytest.mark.usefixtures("small_blocks")
def test_the_next_block_is_made_while_others_are_on_their_way_but_never_more() -> None:
    """Each block arrives only when as many as may be there are there, so that one too many would be seen."""
    made, arrived, most = itertools.count(1), 0, 0
    there = [threading.Event() for _ in range(BLOCKS + BLOCKS_AT_ONCE + 1)]

    def source() -> Iterator[bytes]:
        nonlocal most
        for index in range(BLOCKS):
            most = max(most, next(made) - arrived)
            there[index].set()
            yield block(index)
        for event in there:
            event.set()

    def hold_back(index: int, _: bytes) -> None:
        nonlocal arrived
        assert there[index + BLOCKS_AT_ONCE].wait(PATIENCE_SECONDS)
        with lock:
            arrived += 1

    lock = threading.Lock()
    AzureBlobs(Uplink(None, hold_back)).upload("contacts/a", source())  # type: ignore[arg-type]
    assert most == BLOCKS_AT_ONCE + 1


def test_an_upload_takes_no_more_memory_for_more_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", MEGABYTE)

    def peak(blocks: int) -> int:
        tracemalloc.start()
        uplink = Uplink(None)
        AzureBlobs(uplink).upload("contacts/a", (bytes(MEGABYTE // 4) for _ in range(4 * blocks)))  # type: ignore[arg-type]
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sorted(uplink.arrived) == list(range(blocks))
        return used

    assert peak(40) < (BLOCKS_AT_ONCE + 4) * MEGABYTE  # the pieces of the next one, and it, beside those on their way


@pytest.mark.usefixtures("small_blocks")
def test_an_upload_leaves_no_thread_behind() -> None:
    def broken() -> Iterator[bytes]:
        yield from map(block, range(BLOCKS))
        message = "the source broke off"
        raise RuntimeError(message)

    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="the source broke off"):
        AzureBlobs(Uplink(None)).upload("contacts/a", broken())  # type: ignore[arg-type]
    AzureBlobs(Uplink(None)).upload("contacts/a", map(block, range(BLOCKS)))  # type: ignore[arg-type]
    assert set(threading.enumerate()) <= before


def test_a_blob_that_is_no_log_cannot_be_appended_to(azure_blobs: AzureBlobs, container: str) -> None:
    azure_blobs.write(f"{container}/log", b"one\n")
    with pytest.raises(CauceError):
        azure_blobs.append(f"{container}/log", b"two\n", at=4)


def test_requests_are_not_told_to_the_log(unreachable: AzureBlobs, caplog: pytest.LogCaptureFixture) -> None:
    """Functions keeps what is logged at INFO: each request with its headers, two records for every block."""
    with caplog.at_level("INFO"), pytest.raises(StoreUnavailable):
        unreachable.read("models/phone/champion.json")
    assert not [record.name for record in caplog.records if record.name.startswith("azure.")]
