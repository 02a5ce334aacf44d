"""The table that is exported, and a checksum that tells whether all of it arrived."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyodbc

from shared.catalog.spec import Column, Dataset
from shared.csv_format import read_csv

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.store.blobs import Blobs

SALES = Dataset(
    name="sales",
    table="sales",
    columns={
        "id": Column("integer", role="key"),
        "quantity": Column("integer"),
        "customer": Column("text", nullable=True),
        "note": Column("text", nullable=True),
        "price": Column("decimal"),
        "discount": Column("decimal"),
        "weight": Column("number"),
        "ratio": Column("number"),
        "paid": Column("boolean"),
        "sold_at": Column("timestamp"),
    },
)
FILL = """
SELECT setseed(0.42);
CREATE TABLE sales AS SELECT
    number::integer AS id,
    (random() * 1000)::integer AS quantity,
    CASE WHEN random() < 0.9 THEN 'Customer ' || (random() * 20000)::integer
        || CASE WHEN random() < 0.2 THEN ', "Ltd."' ELSE '' END END AS customer,
    CASE WHEN random() < 0.7 THEN 'called, said "' || md5(random()::text) || '"' END AS note,
    (random() * 10000)::numeric(12, 2) AS price,
    random()::numeric(8, 4) AS discount,
    0.1 + random() * 900 AS weight,
    0.1 + random() AS ratio,
    random() < 0.5 AS paid,
    timestamp '2020-01-01' + date_trunc('second', random() * interval '2000 days') AS sold_at
FROM generate_series(1, {rows}) AS number;
ALTER TABLE sales ADD PRIMARY KEY (id);
ANALYZE sales;
"""
CHECK = """
SELECT count(*), sum(('x' || left(md5(concat_ws('|', id, quantity, coalesce(customer, ''), coalesce(note, ''),
    price, discount, weight, ratio, paid::text, sold_at)), 8))::bit(32)::bigint) FROM sales
"""
"""The number of rows, and the sum of eight hexadecimal digits of each one's MD5: the order does not matter."""


def fill(sql: str, rows: int) -> tuple[int, int]:
    """Make the table in an empty database; its rows and checksum."""
    with pyodbc.connect(sql, autocommit=True) as connection:
        connection.execute(FILL.format(rows=rows)).close()
        count, total = connection.execute(CHECK).fetchone()
    return count, int(total)


def check(blobs: Blobs, names: Iterable[str]) -> tuple[int, int]:
    """The rows of CSV blobs and their checksum, as ``fill`` gives them."""
    count = total = 0
    for name in names:
        header, rows = read_csv(blobs.chunks(name), name)
        paid = header.index("paid")
        for _, row in rows:
            fields = [field or "" for field in row]
            fields[paid] = fields[paid].lower()  # pandas writes True
            digest = hashlib.md5("|".join(fields).encode(), usedforsecurity=False)
            total += int.from_bytes(digest.digest()[:4])
            count += 1
    return count, total
