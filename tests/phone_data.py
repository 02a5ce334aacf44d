"""Contacts for tests, small and quick to learn from: made up, with a known pattern, in the shape of ``phone.toml``."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.catalog.load import load_catalog
from shared.settings import BUILT_IN_CATALOG

if TYPE_CHECKING:
    from shared.catalog.spec import UseCase

JOBS = ("management", "retired", "student", "technician")
START = date(2024, 1, 1)

ROW = {
    "contacted_on": "2024-05-06", "age": 41, "job": "technician", "marital": "single", "education": "secondary",
    "default": "no", "balance": 900, "housing": "no", "loan": "no", "contact": "cellular", "day": 5, "month": "may",
    "campaign": 1, "previous": 0, "poutcome": "unknown",
}  # fmt: skip
"""A row that the model takes."""


def phone() -> UseCase:
    """The built-in use case."""
    return load_catalog(BUILT_IN_CATALOG).use_cases[0]


def contacts(
    rows: int, *, seed: int = 1, sign: float = 1.0, first: int = 1, noise: float = 1.0
) -> list[dict[str, Any]]:
    """``rows`` contacts, twenty a day from the day of number ``first`` on.

    Who is retired or a student, or has a high balance, buys; ``sign=-1`` turns that round, so that a model of the one
    world is worse than chance in the other.
    """
    random = np.random.default_rng(seed)
    made = []
    for number in range(first, first + rows):
        job, balance = JOBS[random.integers(len(JOBS))], int(random.normal(1000, 800))
        pull = sign * (1.5 * (job in {"retired", "student"}) + (balance - 1000) / 800)
        buys = pull + noise * random.normal() > 1.0
        day = START + timedelta(days=number // 20)
        made.append(
            {
                "contact_id": number, **ROW, "contacted_on": day.isoformat(), "age": int(random.integers(20, 80)),
                "job": job, "balance": balance, "day": day.day, "month": f"{day:%b}".lower(),
                "y": "yes" if buys else "no",
            }
        )  # fmt: skip
    return made


def to_csv(rows: list[dict[str, Any]], *, separator: str = ",") -> bytes:
    """The file that a person would drop."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
