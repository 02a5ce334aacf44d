"""gzip in and out: what is inflated and how far, what is refused, and which answers are compressed."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from itertools import pairwise
from random import Random

import pytest

from shared.scoring.answers import Kind, Refusal
from shared.scoring.formats.coding import LEAST_BYTES, MOST_MEMBERS, SLICE_BYTES, deflated, inflated
from tests.scoring_office import Office, csv_of, predictions, problem
from tests.tiny_versions import ROW, serve

LIMIT = 1_000_000
NOISE = Random(1).randbytes(3 * SLICE_BYTES)  # noqa: S311 - nothing is kept secret by it
"""Compressed it is no smaller: several slices."""


def packed(body: bytes) -> bytes:
    """Without the time of day, so that tests have the same names in every process."""
    return gzip.compress(body, mtime=0)


def refusal(body: bytes, coding: str = "gzip", limit_bytes: int = LIMIT) -> Refusal:
    with pytest.raises(Refusal) as caught:
        inflated(body, coding, limit_bytes)
    return caught.value


# In


@pytest.mark.parametrize("coding", ["", "identity", " identity ", ",", "identity,identity"])
def test_a_body_without_a_coding_is_what_it_is(coding: str) -> None:
    assert inflated(b"\x1f\x8b as it is", coding, 1) == b"\x1f\x8b as it is"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", " gzip ", "x-gzip", "identity, gzip", "gzip,"])
@pytest.mark.parametrize("body", [b"", b"{}", b"\0" * 1000, NOISE])
def test_a_compressed_body_is_inflated(coding: str, body: bytes) -> None:
    assert inflated(packed(body), coding, LIMIT) == body


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "gzip, br", "x" * 1000, "\0"])
def test_an_unknown_coding_is_refused_with_the_one_that_is_taken(coding: str) -> None:
    found = refusal(packed(b"{}"), coding)
    assert (found.kind, found.headers) == (Kind.MEDIA_TYPE, {"Accept-Encoding": "gzip"})
    assert found.detail.startswith(f"the body's content encoding is {coding[:40]!r}; expected gzip")


def test_several_members_are_one_body() -> None:
    pieces = [b"[", b"", NOISE, b"]" * 10]
    assert inflated(b"".join(map(packed, pieces)), "gzip", LIMIT) == b"".join(pieces)


@pytest.mark.parametrize("zeros", [1, 511, SLICE_BYTES, 3 * SLICE_BYTES + 1])
def test_zeros_behind_and_between_members_are_padding(zeros: int) -> None:
    body = packed(b"one") + b"\0" * zeros + packed(b"two") + b"\0" * zeros
    assert inflated(body, "gzip", LIMIT) == b"onetwo"


def test_members_in_blocks_are_taken_and_countless_ones_refused_at_once() -> None:
    empty = packed(b"")
    assert inflated(empty * MOST_MEMBERS, "gzip", LIMIT) == b""
    assert refusal(empty * (MOST_MEMBERS + 1)).kind is Kind.NOT_READ
    began = time.process_time()
    assert "more than 4,096 members" in refusal(empty * 500_000).detail
    assert time.process_time() - began < 2


@pytest.mark.parametrize("body", [b"", *(packed(NOISE)[:size] for size in (1, 9, 10, 18, 1000, SLICE_BYTES, -1))])
def test_what_breaks_off_is_not_read(body: bytes) -> None:
    assert (refusal(body).kind, refusal(body).detail) == (Kind.NOT_READ, "the body's gzip breaks off before its end")


def test_a_second_member_that_breaks_off_is_not_read() -> None:
    assert "breaks off" in refusal(packed(b"{}") + packed(b"{}")[:-3]).detail


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"\x1f", b"\x1f\x8b\x09", zlib.compress(b"{}"), zlib.compressobj(wbits=-15).flush(),
        packed(b"{}") + b"x", packed(b"{}") + b"\0\0{}", packed(b"{}") + b"\x1f\x8a" * 9,
    ],
)  # fmt: skip
def test_what_is_not_gzip_is_not_read(body: bytes) -> None:
    found = refusal(body)
    assert found.kind is Kind.NOT_READ
    assert "is not gzip" in found.detail or "breaks off" in found.detail


@pytest.mark.parametrize("place", [-8, -5, -4, -1])
def test_a_wrong_checksum_or_length_is_found(place: int) -> None:
    body = bytearray(packed(NOISE))
    body[place] ^= 1
    assert "is not gzip" in refusal(bytes(body)).detail


def test_a_body_is_inflated_up_to_the_limit_and_not_a_byte_further() -> None:
    body = packed(b"x" * LIMIT)
    assert len(inflated(body, "gzip", LIMIT)) == LIMIT
    found = refusal(body, limit_bytes=LIMIT - 1)
    assert found.kind is Kind.TOO_LARGE
    assert "more than 999,999 bytes when inflated" in found.detail
    parts = b"".join(packed(b"x" * (LIMIT // 4)) for _ in range(4))
    assert len(inflated(parts, "gzip", LIMIT)) == LIMIT
    assert refusal(parts, limit_bytes=LIMIT - 1).kind is Kind.TOO_LARGE


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(packer.compress(b"\0" * 2**20) for _ in range(200)), packer.flush()])
    assert len(bomb) < 250_000
    tracemalloc.start()
    assert refusal(bomb).kind is Kind.TOO_LARGE
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LIMIT


# Out


def test_what_is_deflated_comes_back_and_is_the_same_each_time() -> None:
    assert gzip.decompress(deflated(NOISE)) == NOISE
    assert deflated(b"x" * 10_000) == deflated(b"x" * 10_000)
    assert len(deflated(b"x" * 10_000)) < 200


@pytest.fixture
def office() -> Office:
    made = Office()
    serve(made.registry)
    return made


def test_a_compressed_request_is_answered_as_the_same_one_uncompressed(office: Office) -> None:
    rows = [ROW | {"contact_id": number} for number in range(50)]
    for content, kind in ((json.dumps(rows).encode(), "application/json"), (csv_of(rows), "text/csv")):
        plain = office.ask(content, content_type=kind)
        packed = office.ask(gzip.compress(content), content_type=kind, content_encoding="gzip")
        assert packed.body == plain.body
        assert packed.status == 200


@pytest.mark.parametrize("accept", ["gzip", "deflate, gzip;q=1.0, *;q=0.5", "*", "x-gzip", "GZIP"])
def test_a_long_answer_is_compressed_where_that_is_welcome(office: Office, accept: str) -> None:
    plain = office.ask([ROW] * 100)
    packed = office.ask([ROW] * 100, accept_encoding=accept)
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 4
    assert plain.headers["vary"] == packed.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("accept", ["", "identity", "br", "gzip;q=0", "gzip;q=0, *", "*;q=0", "gzip;q=x"])
def test_a_long_answer_is_as_it_is_where_compression_is_not_welcome(office: Office, accept: str) -> None:
    answer = office.ask([ROW] * 100, accept_encoding=accept)
    assert "content-encoding" not in answer.headers
    assert len(predictions(answer)) == 100


def test_a_short_answer_is_not_compressed(office: Office) -> None:
    answers = [office.ask([ROW] * rows, accept_encoding="gzip") for rows in range(1, 60)]
    assert "content-encoding" not in answers[0].headers
    assert "content-encoding" in answers[-1].headers
    for shorter, longer in pairwise(answers):
        assert ("content-encoding" in shorter.headers) <= ("content-encoding" in longer.headers)
    for answer in answers:
        packed = "content-encoding" in answer.headers
        assert packed == (len(gzip.decompress(answer.body) if packed else answer.body) >= LEAST_BYTES)


def test_problems_are_compressed_too(office: Office) -> None:
    answer = office.ask([ROW | {"age": 1}] * 100, accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(answer.body))["errors"]) == 100
    assert answer.status == 422


def test_bad_gzip_is_a_bad_request_and_a_bomb_too_large(office: Office) -> None:
    serve(office.registry)
    assert "is not gzip" in problem(office.ask(ROW, content_encoding="gzip"), 400)["detail"]
    assert problem(office.ask(gzip.compress(b" " * 10_485_761), content_encoding="gzip"), 413)
    answer = office.ask(ROW, content_encoding="br")
    assert answer.headers["Accept-Encoding"] == "gzip"
    problem(answer, 415)
