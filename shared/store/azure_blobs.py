"""Blobs over Azure Blob Storage (and Azurite)."""

from __future__ import annotations

import logging
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.storage.blob import BlobBlock, BlobServiceClient, BlobType, ExponentialRetry

from shared.errors import BlobConflict, BlobMissing, StoreUnavailable
from shared.store.blobs import Blob, BlobInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from azure.storage.blob import BlobClient, BlobProperties

WHOLE_BYTES = 4 * 1024 * 1024
"""Up to this size a blob goes, or comes, in one request."""
BLOCK_BYTES = 1024 * 1024
BLOCKS_AT_ONCE = 4
"""So many blocks of one blob are on their way while the next is being made: each is in memory."""
BLOCKS_GONE = "InvalidBlockList"
"""What a commit is told when another writer of the blob has committed meanwhile, which takes all other blocks away."""
TALKATIVE = ("azure.core", "azure.identity")
"""Loggers that tell every request and its headers at level INFO, which Functions keeps and bills."""


class AzureBlobs:
    """See ``shared.store.blobs.Blobs``. Containers that do not exist are made on the first write."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service

    def read(self, name: str, *, unless: str | None = None) -> Blob | None:
        condition: dict[str, Any] = {}
        if unless is not None:
            condition = {"etag": unless, "match_condition": MatchConditions.IfModified}
        try:
            with _translated(name):
                download = self._client(name).download_blob(**condition)
                return Blob(download.readall(), download.properties.etag)
        except _NotModified:
            return None

    def chunks(self, name: str) -> Iterator[bytes]:
        client, done, made = self._client(name), 0, None
        while True:
            with _translated(name):
                download = client.download_blob(offset=done or None)
            if made not in {None, download.properties.creation_time}:
                msg = f"blob {name!r} was made anew by somebody else while it was read"
                raise BlobConflict(msg)
            made = download.properties.creation_time
            try:
                with _translated(name):
                    for chunk in download.chunks():
                        done += len(chunk)
                        yield chunk
            except BlobConflict:
                # A log has grown meanwhile, which changes its ETag and none of its bytes: what follows is read on.
                if download.properties.blob_type != BlobType.APPENDBLOB:
                    raise
            else:
                return

    def info(self, name: str) -> BlobInfo:
        with _translated(name):
            return _info(name.partition("/")[0], self._client(name).get_blob_properties())

    def write(self, name: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        condition: dict[str, Any] = {}
        if if_match is not None:
            condition = {"etag": if_match, "match_condition": MatchConditions.IfNotModified}
        client = self._client(name)
        return str(
            self._in_container(name, lambda: client.upload_blob(data, overwrite=not if_absent, **condition)["etag"])
        )

    def upload(self, name: str, chunks: Iterable[bytes]) -> None:
        client = self._client(name)
        # Blocks that wait for a commit belong to the blob, whoever sent them: two writers must not share their names.
        writer = uuid.uuid4().hex
        ids: list[str] = []
        under_way: deque[Future[Any]] = deque()
        with ThreadPoolExecutor(BLOCKS_AT_ONCE, "upload") as pool:
            for block in _blocks(chunks):
                if len(under_way) == BLOCKS_AT_ONCE:
                    under_way.popleft().result()
                ids.append(f"{writer}{len(ids):08d}")
                under_way.append(pool.submit(self._in_container, name, partial(client.stage_block, ids[-1], block)))
            for block_sent in under_way:
                block_sent.result()
        self._in_container(name, lambda: client.commit_block_list([BlobBlock(block_id) for block_id in ids]))

    def append(self, name: str, data: bytes, *, at: int) -> None:
        client = self._client(name)
        if at == 0:
            condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
            # Made before, by another writer or by a run that died here: the position below decides.
            with suppress(BlobConflict):
                self._in_container(name, lambda: client.create_append_blob(**condition))
        try:
            with _translated(name):
                client.append_block(data, appendpos_condition=at)
        except BlobMissing as error:
            msg = f"blob {name!r} does not exist; expected one of {at:,} bytes"
            raise BlobConflict(msg) from error

    def delete(self, name: str) -> None:
        with suppress(BlobMissing), _translated(name):
            self._client(name).delete_blob()

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        container, _, path = prefix.partition("/")
        try:
            with _translated(prefix):
                for properties in self._service.get_container_client(container).list_blobs(name_starts_with=path):
                    yield _info(container, properties)
        except BlobMissing:
            return

    def _client(self, name: str) -> BlobClient:
        container, _, path = name.partition("/")
        return self._service.get_blob_client(container, path)

    def _in_container[T](self, name: str, act: Callable[[], T]) -> T:
        """Run a write; where its container is missing, make the container and run it again."""
        try:
            with _translated(name):
                return act()
        except BlobMissing:
            self._make_container(name)
        with _translated(name):
            return act()

    def _make_container(self, name: str) -> None:
        with suppress(BlobConflict), _translated(name):
            self._service.create_container(name.partition("/")[0])


def connect(connection_string: str | None, uri: str | None, client_id: str | None, *, patient: bool) -> AzureBlobs:
    """Blobs of an account, by connection string or by ``uri`` and managed identity.

    ``patient`` suits jobs (some seconds of retries); an HTTP answer cannot wait and serves what it has.
    """
    retries, jitter_seconds = (3, 3) if patient else (1, 0)
    options: dict[str, Any] = {
        "retry_policy": ExponentialRetry(
            initial_backoff=1, increment_base=2, retry_total=retries, random_jitter_range=jitter_seconds
        ),
        "connection_timeout": 5 if patient else 1,
        "read_timeout": 60 if patient else 5,
        "max_single_put_size": WHOLE_BYTES,
        "max_single_get_size": WHOLE_BYTES,
    }
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    if connection_string is not None:
        return AzureBlobs(BlobServiceClient.from_connection_string(connection_string, **options))
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential(managed_identity_client_id=client_id)
    return AzureBlobs(BlobServiceClient(str(uri), credential=credential, **options))


class _NotModified(Exception):
    """The blob still has the ETag that the reader knows."""


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn the SDK's errors into Cauce's."""
    try:
        yield
    except HttpResponseError as error:
        raise _from_answer(name, error) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        msg = f"storage did not answer for {name!r}: {error}"
        raise StoreUnavailable(msg) from error


def _from_answer(name: str, error: HttpResponseError) -> Exception:
    """By the status first: the SDK has one class for several of them, and none for some."""
    if error.status_code == 304:
        return _NotModified()
    if isinstance(error, ResourceNotFoundError):
        return BlobMissing(f"blob {name!r} does not exist")
    is_conflict = error.status_code in {409, 412} or _code(error) == BLOCKS_GONE
    if is_conflict or isinstance(error, (ResourceExistsError, ResourceModifiedError)):
        return BlobConflict(f"blob {name!r} was written by somebody else: {_reason(error)}")
    if isinstance(error, ClientAuthenticationError) or error.status_code in {401, 403}:
        role = "does the identity have Storage Blob Data Contributor?"
        return StoreUnavailable(f"storage refused {name!r} ({_reason(error)}): {role}")
    return StoreUnavailable(f"storage failed for {name!r}: {_reason(error)}")


def _reason(error: HttpResponseError) -> str:
    if error.status_code is None:  # no answer of storage: the identity could not be had
        return error.message
    return f"{error.status_code} {_code(error) or error.reason}"


def _code(error: HttpResponseError) -> str | None:
    code = getattr(error, "error_code", None)
    return getattr(code, "value", code)


def _info(container: str, properties: BlobProperties) -> BlobInfo:
    etag = f'"{properties.etag.strip('"')}"'  # lists give it without the quotes that all other answers have
    return BlobInfo(f"{container}/{properties.name}", etag, properties.size, properties.last_modified)


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Regroup chunks of any size into blocks of at least BLOCK_BYTES, the last one excepted."""
    pending: list[bytes] = []
    size = 0
    for chunk in chunks:
        pending.append(chunk)
        size += len(chunk)
        if size >= BLOCK_BYTES:
            block = b"".join(pending)
            pending, size = [], 0  # before the block is waited for: each byte would be in memory twice
            yield block
    if pending:
        yield b"".join(pending)
