"""Requests made from good rows, and what a careless or a hostile client would make of them."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from shared.store.records import Input, Version

WHOLE_NUMBERS = (0, 1, -1, 2**53, -(2**53), 41)
TEXTS = ("", "second", "ñ\U0001f600", 'a "quoted", text', "two\nlines", "null", "41", "\x85", " ", "a\rb")
DATES = ("2026-11-23", "2024-02-29", "0001-01-01", "9999-12-31")
KEYS = (7, 0, -12, 2**70, "7", "a-b", "", None, 10**45, "é")
ODD_JSON = (
    b"NaN", b"Infinity", b"1e400", b"-0", b"-0.0", b"41.0", b"4.1e1", b"410e-1", b"041", b"1.", b".5", b"+1", b"1e-400",
    b"9007199254740993", b"9007199254740992.0", b"9" * 50, b"3.4e38", b"3.5e38", b"1e39", b"true", b"null", b"{}",
    b"[]", b'""', b'"41"', b'"\\ud800"', b'"\\u0041"', b'"\\x"', b'"\t"', b'"age"', b'"class"', b'"columns"',
    b'"\\u0063olumns"', b'"contact_id"', b'"duration"', b'{"columns":{', b"[[", b'"2026-02-30"', b'"2026-11-23T10:00"',
    b'"2026-1-1"', b"//", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"\x00", b"\x0b", b"\xc2\xa0", b"41.5", b"15",
    b"121",
)  # fmt: skip
ODD_CSV = (
    b"", b'""', b'"', b'"""', b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"\n\n", b"\r\r\n", b"NaN", b"inf", b"null",
    b"NULL", b"1e400", b"-0", b"41.0", b"041", b"+41", b" 41 ", b"1.", b".5", b"4.1e1", b"1_000", b'"1,2"', b'"[1]"',
    b"1e-400", b"\xd9\xa4\xd9\xa1", b"0x29", b"TRUE", b" true", b"yes", b"1", b"0", b"2026-11-23 10:00",
    b"2026-11-23T23:59-05:00",
    b"20261123", b"2026-W48-1", b"2026-11-23x10:00", b"2026-02-30", b"9" * 50, b"-" + b"1" * 40, b"1" * 41, b"1" * 400,
    b"\xef\xbb\xbf", b"\xff", b"\x00", b"\x85", b"\xe2\x80\xa8", b"\xc2\xa0", b"duration", b"age", b"contact_id",
    b'"x"y', b'x"y', b"9007199254740993", b"3.5e38", b"15", b"121",
)  # fmt: skip
JSON_TOKEN = re.compile(rb'"(?:\\.|[^"\\])*"|[^\s"\[\]{},:]+|[\[\]{},:]', re.DOTALL)
CSV_TOKEN = re.compile(rb'"(?:""|[^"])*"|[^,"\r\n]+|,|\r?\n')


def good_row(random: Random, version: Version) -> dict[str, Any]:
    """A row that the version takes; what may be empty is absent at times, and there may be a key."""
    row: dict[str, Any] = {}
    for item in version.inputs:
        chance = random.random() if item.nullable else 1.0
        if chance > 0.2:
            row[item.name] = None if chance < 0.4 else good_value(random, item)
    if random.random() < 0.7:
        row[version.key.name] = random.choice(KEYS)
    return row


def good_value(random: Random, item: Input) -> Any:
    """A value within the bounds, often at one of them."""
    match item.type:
        case "boolean":
            return random.random() < 0.5
        case "category":
            return random.choice(item.levels + TEXTS)
        case "weekday":
            return random.choice(DATES)
        case "integer":
            low, high = int(item.min or -(2**53)), int(item.max or 2**53)
            return random.choice(
                [low, high, random.randint(low, high), *(n for n in WHOLE_NUMBERS if low <= n <= high)]
            )
    low, high = item.min or -3.4e38, item.max or 3.4e38
    return random.choice([low, high, low / 2 + high / 2, random.uniform(max(low, -1e6), min(high, 1e6))])


def json_body(random: Random, version: Version) -> bytes:
    """A row, a list of them or columns."""
    form = random.random()
    rows = [good_row(random, version) for _ in range(random.randint(1, 4))]
    spaces = random.choice([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n")])
    content: Any = rows
    if form < 0.3:
        content = rows[0]
    elif form < 0.6:
        names = list(dict.fromkeys(name for row in rows for name in row))
        content = {"columns": {name: [row.get(name) for row in rows] for name in names}}
    return json.dumps(content, ensure_ascii=random.random() < 0.5, separators=spaces).encode()


def csv_body(random: Random, version: Version) -> bytes:
    """A header and some lines, quoted as little as can be or throughout."""
    rows = [good_row(random, version) for _ in range(random.randint(1, 4))]
    names = list(dict.fromkeys(name for row in rows for name in row))
    random.shuffle(names)
    written = io.StringIO()
    quoting: Any = random.choice([csv.QUOTE_NOTNULL, csv.QUOTE_STRINGS, csv.QUOTE_MINIMAL])
    lines = csv.writer(written, quoting=quoting, lineterminator=random.choice(["\n", "\r\n"]))
    lines.writerow(names)
    lines.writerows([[row.get(name) for name in names] for row in rows])
    return (b"\xef\xbb\xbf" if random.random() < 0.1 else b"") + written.getvalue().encode()


def spoiled(random: Random, body: bytes, *, is_csv: bool) -> bytes:
    """The body, with up to three things done to it; at times with none."""
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        way = random.choice(TOKEN_WAYS + BYTE_WAYS)
        if way in BYTE_WAYS:
            body = way(random, body)
        else:
            token = CSV_TOKEN if is_csv else JSON_TOKEN
            body = _by_token(random, body, token, ODD_CSV if is_csv else ODD_JSON, way)
    return body


def zipped(random: Random, body: bytes) -> bytes:
    """The body as gzip, in one member or in two; at times spoiled once more."""
    place = random.randint(0, len(body))
    parts = [body] if random.random() < 0.7 else [body[:place], body[place:]]
    data = b"".join(gzip.compress(part, 1, mtime=0) for part in parts)
    return data if random.random() < 0.6 else random.choice(BYTE_WAYS)(random, data)


# By byte


def _flip(random: Random, body: bytes) -> bytes:
    place = random.randrange(len(body) + 1)
    return body[:place] + bytes(one ^ (1 << random.randrange(8)) for one in body[place : place + 1]) + body[place + 1 :]


def _put(random: Random, body: bytes) -> bytes:
    place = random.randint(0, len(body))
    return body[:place] + bytes([random.randrange(256)]) + body[place:]


def _cut_off(random: Random, body: bytes) -> bytes:
    return body[: random.randint(0, len(body))]


def _repeat(random: Random, body: bytes) -> bytes:
    start, end = sorted((random.randint(0, len(body)), random.randint(0, len(body))))
    return body[:end] + body[start:]


def _drop(random: Random, body: bytes) -> bytes:
    start = random.randint(0, len(body))
    return body[:start] + body[start + random.randint(1, 8) :]


BYTE_WAYS: tuple[Callable[[Random, bytes], bytes], ...] = (_flip, _put, _cut_off, _repeat, _drop)


# By token


def _by_token(
    random: Random, body: bytes, token: re.Pattern[bytes], odd: Sequence[bytes], way: Callable[..., list[bytes]]
) -> bytes:
    """Take the body apart, change the parts; what stands between tokens stays where it was."""
    found = list(token.finditer(body))
    if not found:
        return body + random.choice(odd)
    gaps = [body[: found[0].start()], *(body[a.end() : b.start()] for a, b in itertools.pairwise(found))]
    parts = [gap + match.group() for gap, match in zip(gaps, found, strict=True)]
    return b"".join(way(random, parts, odd)) + body[found[-1].end() :]


def _swap(random: Random, parts: list[bytes], odd: Sequence[bytes]) -> list[bytes]:
    one, other = random.randrange(len(parts)), random.randrange(len(parts))
    parts[one], parts[other] = parts[other], parts[one]
    return parts


def _replace(random: Random, parts: list[bytes], odd: Sequence[bytes]) -> list[bytes]:
    parts[random.randrange(len(parts))] = random.choice(odd)
    return parts


def _copy(random: Random, parts: list[bytes], odd: Sequence[bytes]) -> list[bytes]:
    """One token in the place of another."""
    parts[random.randrange(len(parts))] = random.choice(parts)
    return parts


def _twice(random: Random, parts: list[bytes], odd: Sequence[bytes]) -> list[bytes]:
    """A run of tokens, such as a member, once more."""
    start = random.randrange(len(parts))
    run = parts[start : start + random.choice((1, 2, 4))]
    place = random.choice((start, random.randint(0, len(parts))))
    return [*parts[:place], *run, *parts[place:]]


def _without(random: Random, parts: list[bytes], odd: Sequence[bytes]) -> list[bytes]:
    start = random.randrange(len(parts))
    return [*parts[:start], *parts[start + random.choice((1, 2, 4)) :]]


TOKEN_WAYS: tuple[Callable[..., list[bytes]], ...] = (_swap, _replace, _replace, _copy, _twice, _without)
