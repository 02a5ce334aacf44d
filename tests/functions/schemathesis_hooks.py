"""What schemathesis cannot know of the API: loaded by the process that ``test_schemathesis`` starts.

The description says in words that lists of values have one length and that ``top`` goes with ``explain=true``; of CSV
that it is text, and of a body's coding that it is done.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from typing import Any

import schemathesis
from schemathesis import Case, HookContext

CSV = "text/csv"


@schemathesis.serializer("application/json", CSV)
def as_sent(context: Any, value: Any) -> bytes:
    """The body as it goes out, compressed where its header says so."""
    if context.case.media_type == CSV and isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
    else:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {name.lower(): text for name, text in (context.case.headers or {}).items()}
    return gzip.compress(data) if headers.get("content-encoding") == "gzip" else data


@schemathesis.hook
def map_case(context: HookContext, case: Case) -> Case:
    """What is meant to be valid is made so, in what the description says in words alone."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    if case.query and str(case.query.get("explain")).lower() != "true":
        case.query.pop("top", None)
    if case.media_type == CSV and isinstance(case.body, str):
        case.body = with_text(example(context), case.body)
    elif isinstance(case.body, dict) and isinstance(case.body.get("columns"), dict):
        columns = case.body["columns"]
        shortest = min(map(len, columns.values()), default=0)
        case.body["columns"] = {name: values[:shortest] for name, values in columns.items()}
    return case


def example(context: HookContext) -> str:
    """The example of a CSV body."""
    content: str = context.operation.definition.raw["requestBody"]["content"][CSV]["example"]
    return content


def with_text(content: str, text: str) -> str:
    """The rows of a CSV, one or more times, in which ``text`` is what names each."""
    if text == content:
        return content
    header, *rows = csv.reader(io.StringIO(content))
    place = header.index("contact_id")
    written = io.StringIO()
    lines = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
    lines.writerow(header)
    for row in rows * (1 + zlib.crc32(text.encode("utf-8", "surrogatepass")) % 3):
        row[place] = text.replace("\0", "")
        lines.writerow(row)
    return written.getvalue()
