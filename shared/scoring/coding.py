"""gzip, in and out. What comes in is inflated up to a limit only: a few kilobytes can hold gigabytes."""

from __future__ import annotations

import gzip
import zlib

from shared.scoring.answers import Kind, Refusal

GZIP = "gzip"
WITH_HEADER = 31
"""zlib's name for gzip's own format."""
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
    parts, left = [], limit_bytes + 1
    while body and left > 0:
        decompressor = zlib.decompressobj(WITH_HEADER)
        try:
            part = decompressor.decompress(body, left)
        except zlib.error as error:
            raise Refusal(Kind.NOT_READ, f"the body is not gzip, as its content encoding says: {error}") from error
        left -= len(part)
        parts.append(part)
        if left > 0 and not decompressor.eof:
            raise Refusal(Kind.NOT_READ, "the body's gzip breaks off before its end")
        body = decompressor.unused_data.lstrip(b"\0")  # padding is allowed; anything else is another member
    if left <= 0:
        detail = f"the body has more than {limit_bytes:,} bytes when inflated; at most so many are taken at once"
        raise Refusal(Kind.TOO_LARGE, detail)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def deflated(body: bytes) -> bytes:
    """The same bytes for the same body: the header names no time."""
    return gzip.compress(body, LEVEL, mtime=0)
