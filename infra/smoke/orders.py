"""Made-up orders of the use case in smoke.toml."""

from __future__ import annotations

import csv
import io
import random
from datetime import date, timedelta

MODEL = "smoke"
DATASET = "smoke"
ROWS = 400
FIRST_DAY = date(2026, 1, 1)
CHANNELS = ("web", "shop")
COLUMNS = ("order_id", "ordered_on", "amount", "channel", "returned")
ROW = {"order_id": ROWS + 1, "amount": 900, "channel": "web"}
"""An order as it is scored: a large one, which probably comes back."""


def orders_csv(seed: int = 7) -> bytes:
    """ROWS orders over ROWS days, in the format of the blob contract: large ones from the web mostly come back."""
    chance = random.Random(seed)  # noqa: S311 - no secret is made of it
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number in range(1, ROWS + 1):
        amount, channel = chance.randint(0, 1000), chance.choice(CHANNELS)
        likely = 0.85 if amount > 500 and channel == "web" else 0.1
        returned = "yes" if chance.random() < likely else "no"
        writer.writerow((number, FIRST_DAY + timedelta(days=number), amount, channel, returned))
    return text.getvalue().encode()
