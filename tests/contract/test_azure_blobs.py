"""What only the Azure store can get wrong: its errors, its time limits and its identity."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from azure.core import exceptions as azure
from azure.storage.blob import BlobServiceClient

from local.azurite import ACCOUNT, ACCOUNT_KEY
from shared.errors import BlobConflict, BlobMissing, CauceError, StoreUnavailable, TransientError
from shared.store.azure_blobs import AzureBlobs, _NotModified, _translated, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    ],
    ids=["chunks", "info", "upload", "append", "append later"],
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


def test_a_blob_that_is_no_log_cannot_be_appended_to(azure_blobs: AzureBlobs, container: str) -> None:
    azure_blobs.write(f"{container}/log", b"one\n")
    with pytest.raises(CauceError):
        azure_blobs.append(f"{container}/log", b"two\n", at=4)


def test_requests_are_not_told_to_the_log(unreachable: AzureBlobs, caplog: pytest.LogCaptureFixture) -> None:
    """Functions keeps what is logged at INFO: each request with its headers, two records for every block."""
    with caplog.at_level("INFO"), pytest.raises(StoreUnavailable):
        unreachable.read("models/phone/champion.json")
    assert not [record.name for record in caplog.records if record.name.startswith("azure.")]
