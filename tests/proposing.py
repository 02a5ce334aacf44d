"""A made-up company's customers, and drafts of catalogs."""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from local.propose.command import add_to
from shared.catalog.load import load_catalog

if TYPE_CHECKING:
    from pathlib import Path

    from shared.catalog.spec import UseCase

ROWS = 600
CITIES = ("Bern", "Genf", "Basel")
PLANS = ("basic", "plus", "pro")


def customers() -> list[dict[str, Any]]:
    """Of a made-up company: who leaves when the contract ends. Those who complain, and those who pay much."""
    random = np.random.default_rng(7)
    made = []
    for number in range(ROWS):
        complaints, charges = int(random.poisson(0.6)), round(float(random.uniform(10, 120)), 2)
        leaves = complaints + charges / 60 + random.normal(0, 0.8) > 2.6
        signed = date(2023, 1, 1) + timedelta(days=number // 3)
        made.append(
            {
                "customer_id": f"C{number:05}",
                "signed_on": signed.isoformat(),
                "last_seen": f"2025-01-01T{number % 24:02}:00:00",
                "contact_email": f"person{number}@example.org",
                "mobile": f"+41 79 {number:03} {number % 97:02} {number % 89:02}",
                "first name": f"Name{number}",
                "city": CITIES[number % 3],
                "plan": PLANS[int(random.integers(3))] if number % 10 else "",
                "complaints": complaints,
                "monthly_charges": f"{charges:.2f}",
                "load": round(float(random.normal()), 3) if number % 7 else "",
                "seats": "n/a" if number % 100 == 3 else int(random.integers(1, 40)),
                "autopay": "yes" if random.random() < 0.5 else "no",
                "senior": int(random.random() < 0.2),
                "currency": "CHF",
                "cancellation_fee": int(leaves) * 50 + int(random.integers(0, 20)),
                "closed_tickets": int(random.integers(0, 9)),
                "remarks": f"the customer number {number} said this and that",
                "renewed": f"{1 + number % 28:02}.{1 + number % 12:02}.2024",
                "score": f"{number % 50},{number % 10}",
                "days_since_offer": -1 if (no_offer := random.random() < 0.85) else int(random.integers(0, 200)),
                "offer": "none" if no_offer else ("mail" if random.random() < 0.5 else "call"),
                "churn": "yes" if leaves else "no",
            }
        )
    return made


def run(*arguments: str) -> int:
    """``python -m local propose`` with these arguments; its exit code."""
    parser = argparse.ArgumentParser()
    add_to(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["propose", *arguments])
    code: int = parsed.run(parsed)
    return code


def drafted(folder: Path, data: bytes, target: str, *options: str, name: str = "customers.csv") -> str:
    """What is drafted of a file, in a ``catalog`` folder beside it."""
    (folder / name).write_bytes(data)
    out = folder / "catalog" / "draft.toml"
    out.parent.mkdir(exist_ok=True)
    assert run("--csv", str(folder / name), "--target", target, "--out", str(out), *options) == 0
    return out.read_text()


def loaded(folder: Path) -> UseCase:
    """The use case that was drafted in ``folder``."""
    (use_case,) = load_catalog(folder / "catalog").use_cases
    return use_case
