"""gzip, in and out. What comes in is inflated up to a limit only: a few kilobytes can hold gigabytes."""

from __future__ import annotations

import gzip
import zlib

from shared.scoring.answers import Kind, Refusal

GZIP = "gzip"
WITH_HEADER = 31
"""zlib's name for gzip's own format."""
MOST_MEMBERS = 4096
"""Tools that compress in blocks make one of every 64 kB; each takes time however little it holds."""
SLICE_BYTES = 64 * 1024
LEAST_BYTES = 2048
"""Smaller answers go out as they are: they fit into a packet or two."""
LEVEL = 1
"""Of compression: higher ones take several times as long for a tenth less."""


def inflated(body: bytes, coding: str, limit_bytes: int) -> bytes:
    """The body as it was before it was compressed. Raises Refusal (400, 413, 415)."""
    codings = [one for one in (part.strip().lower() for part in coding.split(",")) if one not in {"", "identity"}]
    if not codings:
        return body
    if codings not in ([GZIP], ["x-gzip"]):
        detail = f"the body's content encoding is {coding[:40]!r}; expected gzip, or none"
        raise Refusal(Kind.MEDIA_TYPE, detail, headers={"Accept-Encoding": GZIP})
    try:
        return _inflated(body, limit_bytes)
    except zlib.error as error:
        raise Refusal(Kind.NOT_READ, f"the body is not gzip, as its content encoding says: {error}") from error


def _inflated(body: bytes, limit_bytes: int) -> bytes:
    """All members, one after the other; each is fed in slices, since what a member leaves over is copied."""
    parts, left, place = [], limit_bytes, 0
    for _ in range(MOST_MEMBERS):
        member = zlib.decompressobj(WITH_HEADER)
        while not member.eof:
            piece = body[place : place + SLICE_BYTES]
            if not piece:
                raise Refusal(Kind.NOT_READ, "the body's gzip breaks off before its end")
            part = member.decompress(piece, left + 1)
            left -= len(part)
            if left < 0:
                detail = f"the body has more than {limit_bytes:,} bytes when inflated: send fewer rows"
                raise Refusal(Kind.TOO_LARGE, detail)
            parts.append(part)
            place += len(piece) - len(member.unused_data)
        place = _after_padding(body, place)
        if place == len(body):
            return parts[0] if len(parts) == 1 else b"".join(parts)
    detail = f"the body's gzip has more than {MOST_MEMBERS:,} members; compress it as a whole"
    raise Refusal(Kind.NOT_READ, detail)


def _after_padding(body: bytes, place: int) -> int:
    """Zeros may stand behind a member; anything else is another one."""
    while piece := body[place : place + SLICE_BYTES]:
        rest = len(piece.lstrip(b"\0"))
        place += len(piece) - rest
        if rest:
            break
    return place


def deflated(body: bytes) -> bytes:
    """The same bytes for the same body: the header names no time."""
    return gzip.compress(body, LEVEL, mtime=0)
