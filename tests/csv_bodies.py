"""Readers of CSV requests, bodies for them, and what they say of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.features import WEEKDAYS
from shared.scoring.formats.csv_request import CsvReader
from shared.scoring.rows import NotRead, RequestFaulty
from shared.store.records import Input
from tests.tiny_versions import INPUTS, ROW, make

if TYPE_CHECKING:
    from typing import Any

    from shared.scoring.rows import Fault

READER = CsvReader(make(inputs=(*INPUTS, Input("visited on", "weekday", nullable=True, levels=WEEKDAYS)))[0])
"""Of every type."""
NARROW = CsvReader(make(inputs=(Input("n", "integer", min=0), Input("t", "category", nullable=True)))[0])
SINGLE = CsvReader(make(inputs=(Input("n", "number", nullable=True),))[0])
HEADER = ",".join(ROW)
LINE = "41,900.5,93.2,second,true,cook,-7,3,false"
"""ROW, as it stands below HEADER."""


def columns_of(body: bytes, reader: CsvReader = NARROW) -> dict[str, list[Any]]:
    """All that is read, by column, the key among them."""
    columns: dict[str, list[Any]] = {}
    count = 0
    for rows in reader.chunks(body):
        assert rows.first == count
        count += rows.count
        for name, values in (*rows.columns.items(), ("contact_id", rows.keys)):
            assert len(values) == rows.count
            columns.setdefault(name, []).extend(values)
    return columns


def faults_of(body: bytes, reader: CsvReader = NARROW) -> list[Fault]:
    """All that is wrong with a body, which is CSV."""
    with pytest.raises(RequestFaulty) as caught:
        list(reader.chunks(body))
    return caught.value.faults


def why_not(body: bytes, reader: CsvReader = NARROW) -> str:
    """Why a body is no CSV."""
    with pytest.raises(NotRead) as caught:
        list(reader.chunks(body))
    return str(caught.value)


def with_text(name: str, text: str) -> bytes:
    """A good row, with ``text`` as it stands in the place of ``name``."""
    line = dict(zip(ROW, LINE.split(","), strict=True)) | {name: text}
    return f"{','.join(line)}\n{','.join(line.values())}\n".encode()


def texts(count: int) -> list[dict[str, Any]]:
    """Rows whose texts go over several lines, hold quotes, are empty or NULL."""
    odd = ["a\nb", 'say "no"', "", None, "x,y", "\r\n", "ñ", "\n\n\n"]
    return [{"n": number, "t": odd[number % len(odd)], "contact_id": number} for number in range(count)]
