"""Which format a body is in, and which one the caller would like to have: content types, q-values, codings."""

from __future__ import annotations

import functools
import re

from shared.scoring.answers import Kind, Refusal
from shared.scoring.http import CSV, JSON, PROBLEM

TAKEN = (JSON, CSV)
"""The formats of bodies that are taken, and of answers that are given; the first is given where the caller is even."""
UNSAID = frozenset({"", "application/x-www-form-urlencoded", "application/octet-stream"})
"""What clients send that were not told what they send: curl's ``-d`` names the second. Such a body is read as JSON."""
ALSO_JSON = re.compile(r"(text/json|application/[\w.!#$&^+-]+\+json)\Z")
ALSO_CSV = frozenset({"application/csv", "text/x-csv"})
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
QUALITY = re.compile(r"(0(\.\d{0,3})?|1(\.0{0,3})?)\Z")
LONGEST_HEADER = 4096


@functools.lru_cache(maxsize=64)
def format_of(content_type: str) -> str:
    """The format of a body: JSON or CSV. Raises Refusal (415)."""
    kind, parameters = _parameters(content_type)
    charset = parameters.get("charset", "utf-8").lower()
    if charset not in CHARSETS:
        detail = f"the body's charset is {charset[:40]!r}; expected utf-8"
        raise _unsupported(detail)
    if kind in UNSAID or kind == JSON or ALSO_JSON.match(kind):
        return JSON
    if kind == CSV or kind in ALSO_CSV:
        if parameters.get("header", "present").lower() != "present":
            detail = "a CSV without a header cannot be read; expected the columns' names in the first line"
            raise _unsupported(detail)
        return CSV
    detail = f"the body's content type is {kind[:80]!r}; expected {' or '.join(TAKEN)}"
    raise _unsupported(detail)


@functools.lru_cache(maxsize=64)
def wanted(accept: str) -> str:
    """The format that the caller prefers: JSON or CSV; JSON where both are as welcome. Raises Refusal (406)."""
    ranges = _ranges(accept)
    if not ranges:
        return JSON
    qualities = {kind: _quality(kind, ranges) for kind in TAKEN}
    if _quality(PROBLEM, {kind: q for kind, q in ranges.items() if "*" not in kind}):
        qualities[JSON] = max(qualities[JSON], 0.001)  # who takes errors as JSON can read JSON
    best = max(TAKEN, key=lambda kind: qualities[kind])
    if not qualities[best]:
        detail = f"the answer can be {' or '.join(TAKEN)}; the request's Accept takes neither: {accept[:80]!r}"
        raise Refusal(Kind.NOT_ACCEPTABLE, detail)
    return best


@functools.lru_cache(maxsize=64)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether the answer may be compressed."""
    ranges = _ranges(accept_encoding)
    return bool(ranges.get("gzip", ranges.get("x-gzip", ranges.get("*", 0.0))))


def _quality(kind: str, ranges: dict[str, float]) -> float:
    """By the most exact range that holds ``kind``."""
    whole = kind.partition("/")[0] + "/*"
    return next((ranges[one] for one in (kind, whole, "*/*") if one in ranges), 0.0)


def _ranges(header: str) -> dict[str, float]:
    """Each range and its q-value; what cannot be read is passed over. Media parameters make no difference here."""
    found: dict[str, float] = {}
    for part in header[:LONGEST_HEADER].split(","):
        kind, parameters = _parameters(part)
        quality = parameters.get("q", "1")
        if kind and QUALITY.match(quality):
            found[kind] = max(found.get(kind, 0.0), float(quality))
    return found


def _parameters(header: str) -> tuple[str, dict[str, str]]:
    """``text/csv; charset=utf-8`` taken apart, names in lower case."""
    kind, *parts = header.split(";")
    pairs = (part.partition("=") for part in parts)
    return kind.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _unsupported(detail: str) -> Refusal:
    return Refusal(Kind.MEDIA_TYPE, detail, headers={"Accept": ", ".join(TAKEN)})
