"""What ``shared.store.blobs.Blobs`` promises, kept by the fake and by Azure Blob Storage alike."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from shared.errors import BlobConflict, BlobMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.store.blobs import Blobs

MEGABYTE = 1024 * 1024
AWKWARD_NAMES = [
    "with space.csv",
    "100%.csv",
    "%41%2F.csv",
    "mañana/año.json",
    "表/🙂.csv",
    "a+b&c=d?e#f.csv",
    "it's [here] (now);.csv",
    'say "hi".csv',
    "deep/er/and/deep.er",
]


def content(blobs: Blobs, name: str) -> bytes:
    blob = blobs.read(name)
    assert blob is not None
    return blob.data


def names(blobs: Blobs, prefix: str) -> list[str]:
    return [info.name for info in blobs.list(prefix)]


def noise(size: int) -> bytes:
    """Bytes that differ everywhere, the same every time."""
    block = b"".join(hashlib.sha256(str(index).encode()).digest() for index in range(4096))
    return (block * (size // len(block) + 1))[:size]


# Reading and writing


@pytest.mark.parametrize("data", [b"", b"x", b"\x00\xff\r\n", noise(5 * MEGABYTE)], ids=["empty", "one", "odd", "5 MB"])
def test_what_is_written_is_read(blobs: Blobs, container: str, data: bytes) -> None:
    blobs.write(f"{container}/a", data)
    assert content(blobs, f"{container}/a") == data


def test_a_container_is_made_on_the_first_write(blobs: Blobs, container: str) -> None:
    blobs.write(f"{container}/a", b"x", if_absent=True)
    assert content(blobs, f"{container}/a") == b"x"


def test_a_container_is_made_on_the_first_upload(blobs: Blobs, container: str) -> None:
    blobs.upload(f"{container}/a", [b"x"])
    assert content(blobs, f"{container}/a") == b"x"


def test_a_container_is_made_on_the_first_append(blobs: Blobs, container: str) -> None:
    blobs.append(f"{container}/a", b"x", at=0)
    assert content(blobs, f"{container}/a") == b"x"


def test_a_container_is_made_once_by_writers_at_the_same_time(blobs: Blobs, container: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: blobs.write(f"{container}/{index}", b"x"), range(8)))
    assert len(names(blobs, f"{container}/")) == 8


def test_the_etag_of_a_write_is_the_one_that_is_read(blobs: Blobs, container: str) -> None:
    etag = blobs.write(f"{container}/a", b"x")
    blob = blobs.read(f"{container}/a")
    assert blob is not None
    assert blob.etag == etag == blobs.info(f"{container}/a").etag


def test_each_write_has_an_etag_of_its_own_even_of_the_same_bytes(blobs: Blobs, container: str) -> None:
    etags = [blobs.write(f"{container}/a", b"x") for _ in range(3)]
    assert len(set(etags)) == 3


def test_a_write_without_a_condition_replaces(blobs: Blobs, container: str) -> None:
    blobs.write(f"{container}/a", b"longer before")
    blobs.write(f"{container}/a", b"after")
    assert content(blobs, f"{container}/a") == b"after"


READS: list[Callable[[Blobs, str], object]] = [
    lambda blobs, name: blobs.read(name),
    lambda blobs, name: blobs.read(name, unless='"0x8D4BCC2E4835CD0"'),
    lambda blobs, name: blobs.info(name),
    lambda blobs, name: list(blobs.chunks(name)),
]


@pytest.mark.parametrize("read", READS, ids=["read", "read unless", "info", "chunks"])
def test_a_blob_that_does_not_exist_is_missing(
    blobs: Blobs, container: str, read: Callable[[Blobs, str], object]
) -> None:
    with pytest.raises(BlobMissing, match=container):  # nor does its container
        read(blobs, f"{container}/a")
    blobs.write(f"{container}/other", b"x")
    with pytest.raises(BlobMissing, match=f"{container}/a"):
        read(blobs, f"{container}/a")


def test_nothing_is_read_while_the_etag_is_the_known_one(blobs: Blobs, container: str) -> None:
    known = blobs.write(f"{container}/a", b"x")
    assert blobs.read(f"{container}/a", unless=known) is None


@pytest.mark.parametrize("data", [b"new", noise(9 * MEGABYTE)], ids=["small", "9 MB"])
def test_a_blob_that_changed_is_read_whole(blobs: Blobs, container: str, data: bytes) -> None:
    known = blobs.write(f"{container}/a", b"old")
    changed = blobs.write(f"{container}/a", data)
    blob = blobs.read(f"{container}/a", unless=known)
    assert blob is not None
    assert (blob.data, blob.etag) == (data, changed)


def test_what_is_known_of_a_blob_is_true(blobs: Blobs, container: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)  # storage tells whole seconds
    etag = blobs.write(f"{container}/path/a", b"12345")
    info = blobs.info(f"{container}/path/a")
    assert (info.name, info.etag, info.size_bytes) == (f"{container}/path/a", etag, 5)
    assert before <= info.modified <= datetime.now(UTC) + timedelta(seconds=2)


# Conditional writes


@pytest.mark.parametrize("data", [b"second", noise(5 * MEGABYTE)], ids=["small", "5 MB"])
def test_if_absent_writes_once(blobs: Blobs, container: str, data: bytes) -> None:
    blobs.write(f"{container}/a", b"first", if_absent=True)
    with pytest.raises(BlobConflict, match=f"{container}/a"):
        blobs.write(f"{container}/a", data, if_absent=True)
    assert content(blobs, f"{container}/a") == b"first"


def test_if_match_writes_over_the_version_that_was_read(blobs: Blobs, container: str) -> None:
    first = blobs.write(f"{container}/a", b"1")
    second = blobs.write(f"{container}/a", b"2", if_match=first)
    with pytest.raises(BlobConflict, match=f"{container}/a"):
        blobs.write(f"{container}/a", b"3", if_match=first)
    assert content(blobs, f"{container}/a") == b"2"
    blobs.write(f"{container}/a", b"4", if_match=second)
    assert content(blobs, f"{container}/a") == b"4"


def test_if_match_does_not_make_a_blob(blobs: Blobs, container: str) -> None:
    etag = blobs.write(f"{container}/other", b"x")
    with pytest.raises(BlobConflict):
        blobs.write(f"{container}/a", b"x", if_match=etag)
    assert names(blobs, f"{container}/") == [f"{container}/other"]


@pytest.mark.parametrize("condition", ["if_absent", "if_match"])
def test_of_writers_at_the_same_time_one_wins(blobs: Blobs, container: str, condition: str) -> None:
    name = f"{container}/a"
    known = blobs.write(name, b"before") if condition == "if_match" else None

    def write(index: int) -> bool:
        try:
            blobs.write(name, str(index).encode(), if_absent=known is None, if_match=known)
        except BlobConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert won.count(True) == 1
    assert content(blobs, name) == str(won.index(True)).encode()


# Uploads


def test_a_large_blob_is_uploaded_from_a_generator(blobs: Blobs, container: str) -> None:
    data = noise(20 * MEGABYTE)
    step = 333_333
    blobs.upload(f"{container}/a", (data[start : start + step] for start in range(0, len(data), step)))
    assert blobs.info(f"{container}/a").size_bytes == len(data)
    assert b"".join(blobs.chunks(f"{container}/a")) == data


def test_a_large_blob_is_read_in_pieces_of_a_few_megabytes(blobs: Blobs, container: str) -> None:
    blobs.upload(f"{container}/a", [noise(10 * MEGABYTE)])
    sizes = [len(chunk) for chunk in blobs.chunks(f"{container}/a")]
    assert sum(sizes) == 10 * MEGABYTE
    assert max(sizes) <= 4 * MEGABYTE


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_an_upload_of_nothing_is_an_empty_blob(blobs: Blobs, container: str, chunks: list[bytes]) -> None:
    blobs.upload(f"{container}/a", chunks)
    assert content(blobs, f"{container}/a") == b""
    assert b"".join(blobs.chunks(f"{container}/a")) == b""


@pytest.mark.parametrize("size", [1, 5 * MEGABYTE, 9 * MEGABYTE])
def test_an_upload_that_breaks_off_leaves_no_blob(blobs: Blobs, container: str, size: int) -> None:
    name = f"{container}/a"
    with pytest.raises(RuntimeError, match="the source broke off"):
        blobs.upload(name, breaking_off(size))
    with pytest.raises(BlobMissing):
        blobs.read(name)
    with pytest.raises(BlobMissing):
        blobs.info(name)
    assert names(blobs, f"{container}/") == []
    blobs.upload(name, [b"as if nothing had been"])
    assert content(blobs, name) == b"as if nothing had been"


def test_an_upload_that_breaks_off_leaves_the_old_blob(blobs: Blobs, container: str) -> None:
    blobs.upload(f"{container}/a", [b"old"])
    with pytest.raises(RuntimeError, match="the source broke off"):
        blobs.upload(f"{container}/a", breaking_off(9 * MEGABYTE))
    assert content(blobs, f"{container}/a") == b"old"


def test_an_upload_replaces(blobs: Blobs, container: str) -> None:
    blobs.upload(f"{container}/a", [noise(5 * MEGABYTE), b"old"])
    blobs.upload(f"{container}/a", [b"new"])
    assert content(blobs, f"{container}/a") == b"new"


def test_a_blob_appears_when_its_upload_ends(blobs: Blobs, container: str) -> None:
    seen = []

    def watched() -> Iterator[bytes]:
        for _ in range(3):
            yield noise(5 * MEGABYTE)
            seen.extend(names(blobs, f"{container}/"))

    blobs.upload(f"{container}/a", watched())
    assert seen == []
    assert names(blobs, f"{container}/") == [f"{container}/a"]


def breaking_off(size: int) -> Iterator[bytes]:
    yield noise(size)
    message = "the source broke off"
    raise RuntimeError(message)


@pytest.mark.parametrize("step", [MEGABYTE // 4, 4 * MEGABYTE, 5 * MEGABYTE])
def test_uploads_at_the_same_time_to_a_new_container_are_each_whole(blobs: Blobs, container: str, step: int) -> None:
    data = noise(9 * MEGABYTE)

    def upload(index: int) -> None:
        mine = data[index:] + data[:index]
        blobs.upload(f"{container}/{index}", (mine[start : start + step] for start in range(0, len(mine), step)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upload, range(4)))
    for index in range(4):
        assert b"".join(blobs.chunks(f"{container}/{index}")) == data[index:] + data[:index]


def test_of_two_uploads_of_one_blob_at_once_none_gets_a_block_of_the_other(blobs: Blobs, container: str) -> None:
    name, ours, theirs = f"{container}/a", noise(5 * MEGABYTE), noise(5 * MEGABYTE)[::-1]

    def interrupted() -> Iterator[bytes]:
        yield ours[: 3 * MEGABYTE]
        blobs.upload(name, [theirs[start : start + MEGABYTE] for start in range(0, len(theirs), MEGABYTE)])
        assert b"".join(blobs.chunks(name)) == theirs
        yield ours[3 * MEGABYTE :]

    try:
        blobs.upload(name, interrupted())
        expected = ours
    except BlobConflict:  # storage took our blocks away when theirs were committed
        expected = theirs
    assert b"".join(blobs.chunks(name)) == expected


def test_an_upload_that_breaks_off_leaves_no_block_in_one_that_is_under_way(blobs: Blobs, container: str) -> None:
    name, ours = f"{container}/a", noise(8 * MEGABYTE)

    def interrupted() -> Iterator[bytes]:
        for start in range(0, len(ours), MEGABYTE):
            yield ours[start : start + MEGABYTE]
            if start == 6 * MEGABYTE:  # the first blocks are there by now
                with pytest.raises(RuntimeError, match="the source broke off"):
                    blobs.upload(name, breaking_off(MEGABYTE + 1))

    blobs.upload(name, interrupted())
    assert b"".join(blobs.chunks(name)) == ours


# Logs


def test_a_log_grows_at_its_end(blobs: Blobs, container: str) -> None:
    name = f"{container}/log"
    blobs.append(name, b"one\n", at=0)
    blobs.append(name, b"two\n", at=4)
    blobs.append(name, b"three\n", at=8)
    assert content(blobs, name) == b"one\ntwo\nthree\n"


def test_a_log_may_be_read_while_it_grows(blobs: Blobs, container: str) -> None:
    name, block = f"{container}/log", b"o" * 3 * 2**20
    for place in range(4):
        blobs.append(name, block, at=place * len(block))
    read = []
    for number, chunk in enumerate(blobs.chunks(name)):
        if number < 3:
            blobs.append(name, b"new\n", at=4 * len(block) + 4 * number)
        read.append(chunk)
    assert b"".join(read).removeprefix(4 * block) in {b"new\n" * count for count in range(4)}


@pytest.mark.parametrize("at", [0, 3, 5, 4000])
def test_an_append_at_another_place_is_refused_and_writes_nothing(blobs: Blobs, container: str, at: int) -> None:
    blobs.append(f"{container}/log", b"one\n", at=0)
    with pytest.raises(BlobConflict, match=f"{container}/log"):
        blobs.append(f"{container}/log", b"two\n", at=at)
    assert content(blobs, f"{container}/log") == b"one\n"


def test_an_append_to_a_log_that_is_not_there_is_refused(blobs: Blobs, container: str) -> None:
    with pytest.raises(BlobConflict):  # nor is its container
        blobs.append(f"{container}/log", b"two\n", at=4)
    blobs.write(f"{container}/other", b"x")
    with pytest.raises(BlobConflict):
        blobs.append(f"{container}/log", b"two\n", at=4)
    assert names(blobs, f"{container}/") == [f"{container}/other"]


@pytest.mark.parametrize("begun", [b"", b"one\n"])
def test_of_appenders_at_the_same_place_one_wins(blobs: Blobs, container: str, begun: bytes) -> None:
    name = f"{container}/log"
    if begun:
        blobs.append(name, begun, at=0)

    def append(index: int) -> bool:
        try:
            blobs.append(name, f"{index}\n".encode(), at=len(begun))
        except BlobConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(append, range(8)))
    assert won.count(True) == 1
    assert content(blobs, name) == begun + f"{won.index(True)}\n".encode()


def test_an_append_changes_the_etag(blobs: Blobs, container: str) -> None:
    blobs.append(f"{container}/log", b"one\n", at=0)
    before = blobs.info(f"{container}/log").etag
    blobs.append(f"{container}/log", b"two\n", at=4)
    assert blobs.read(f"{container}/log", unless=before) is not None


# Deleting


def test_what_is_deleted_is_gone_and_nothing_else(blobs: Blobs, container: str) -> None:
    for path in ("a", "a/b", "ab"):
        blobs.write(f"{container}/{path}", b"x")
    blobs.delete(f"{container}/a")
    with pytest.raises(BlobMissing):
        blobs.read(f"{container}/a")
    with pytest.raises(BlobMissing):
        blobs.info(f"{container}/a")
    assert names(blobs, f"{container}/") == [f"{container}/a/b", f"{container}/ab"]


def test_to_delete_twice_or_what_never_was_is_no_error(blobs: Blobs, container: str) -> None:
    blobs.delete(f"{container}/a")  # nor is its container there
    assert names(blobs, f"{container}/") == []
    blobs.write(f"{container}/a", b"x")
    for _ in range(2):
        blobs.delete(f"{container}/a")
    blobs.delete(f"{container}/never")
    assert names(blobs, f"{container}/") == []


def test_many_may_delete_the_same_blob_at_once(blobs: Blobs, container: str) -> None:
    blobs.upload(f"{container}/a", [b"x"])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: blobs.delete(f"{container}/a"), range(8)))
    assert names(blobs, f"{container}/") == []


def test_what_is_listed_may_be_deleted_meanwhile(blobs: Blobs, container: str) -> None:
    for index in range(5):
        blobs.write(f"{container}/{index}", b"x")
    seen = []
    for info in blobs.list(f"{container}/"):
        seen.append(info.name)
        for index in range(5):
            blobs.delete(f"{container}/{index}")
    assert seen == [f"{container}/{index}" for index in range(5)]


def test_a_deleted_blob_may_be_made_again_and_is_another_one(blobs: Blobs, container: str) -> None:
    name = f"{container}/a"
    before = blobs.write(name, b"x")
    blobs.delete(name)
    with pytest.raises(BlobConflict):
        blobs.write(name, b"x", if_match=before)
    assert blobs.write(name, b"x", if_absent=True) != before
    assert content(blobs, name) == b"x"


def test_a_deleted_log_begins_anew(blobs: Blobs, container: str) -> None:
    blobs.append(f"{container}/log", b"one\n", at=0)
    blobs.delete(f"{container}/log")
    with pytest.raises(BlobConflict):
        blobs.append(f"{container}/log", b"two\n", at=4)
    blobs.append(f"{container}/log", b"two\n", at=0)
    assert content(blobs, f"{container}/log") == b"two\n"


# Lists


def test_blobs_are_listed_by_name_with_what_is_known_of_them(blobs: Blobs, container: str) -> None:
    for path in ("b", "a/2", "a/10", "a", "B", "c"):
        blobs.write(f"{container}/{path}", path.encode())
    listed = list(blobs.list(f"{container}/"))
    assert [info.name for info in listed] == [f"{container}/{path}" for path in ("B", "a", "a/10", "a/2", "b", "c")]
    assert listed == [blobs.info(info.name) for info in listed]


def test_a_prefix_may_end_in_the_middle_of_a_name(blobs: Blobs, container: str) -> None:
    for path in ("runs/2026", "runs/2025", "run", "other"):
        blobs.write(f"{container}/{path}", b"")
    assert names(blobs, f"{container}/runs/202") == [f"{container}/runs/2025", f"{container}/runs/2026"]
    assert names(blobs, f"{container}/run") == [f"{container}/{path}" for path in ("run", "runs/2025", "runs/2026")]
    assert names(blobs, f"{container}/nothing") == []


def test_a_container_that_does_not_exist_holds_nothing(blobs: Blobs, container: str) -> None:
    assert names(blobs, f"{container}/") == []
    assert names(blobs, f"{container}/some/prefix") == []


def test_a_list_stays_within_its_container(blobs: Blobs, container: str) -> None:
    blobs.write(f"{container}/a", b"")
    blobs.write(f"{container}2/a", b"")
    assert names(blobs, f"{container}/") == [f"{container}/a"]


# Names


@pytest.mark.parametrize("path", AWKWARD_NAMES)
def test_a_name_is_kept_as_it_is(blobs: Blobs, container: str, path: str) -> None:
    name = f"{container}/{path}"
    blobs.write(name, b"1", if_absent=True)
    with pytest.raises(BlobConflict):
        blobs.write(name, b"2", if_absent=True)
    assert names(blobs, f"{container}/") == [name]
    assert names(blobs, name) == [name]
    assert content(blobs, name) == b"1"
    assert blobs.info(name).name == name
    blobs.upload(name, [b"3"])
    assert b"".join(blobs.chunks(name)) == b"3"
    blobs.delete(name)
    assert names(blobs, f"{container}/") == []
