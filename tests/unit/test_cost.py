"""The estimate of a month's cost: its arithmetic, and that it counts what is deployed."""

import json
import re

import pytest

from infra.snapshots import deployed
from local.__main__ import main
from local.azurite import PROJECT_ROOT
from local.cost.estimate import bill, read_prices
from local.cost.usage import Usage


def total(size: str, usage: Usage, **prices: float) -> float:
    return sum(line.dollars for line in bill(size, usage, read_prices(prices)))


def test_fifteen_people_stay_within_what_is_free_but_for_alerts_and_storage() -> None:
    dollars = {(line.resource, line.what): line.dollars for line in bill("small", Usage(15), read_prices({}))}
    paid = {resource for (resource, _), amount in dollars.items() if amount}
    assert paid == {"Storage", "Key Vault", "Monitor"}
    assert total("small", Usage(15)) < 10


def test_what_is_free_is_not_paid_and_what_is_beyond_is() -> None:
    """100,000 GB-s are free: of one instance of 2 GB, 50,000 seconds."""
    usage = Usage(1, requests_a_person=10_000, export_seconds=0, trainings=0, measuring_seconds=0)
    assert usage.requests == 220_000
    assert usage.scoring_seconds == 220_000
    (line,) = [line for line in bill("small", usage, read_prices({})) if "GB-s on demand" in line.what]
    assert line.dollars == pytest.approx((440_000 - 100_000) * 0.000026, rel=0.01)


def test_many_requests_share_an_instance() -> None:
    working = 22 * 10 * 3600
    assert Usage(10_000).scoring_seconds == working
    assert Usage(10_000, requests_a_second=1.0).scoring_seconds == pytest.approx(4_400_000)


def test_the_large_one_is_counted_as_it_is_deployed() -> None:
    counted = len(deployed("large").of("Network/privateEndpoints"))
    (endpoints,) = [line for line in bill("large", Usage(10_000), read_prices({})) if "private endpoints" in line.what]
    assert endpoints.what.startswith(f"{counted} private endpoints")
    (warm,) = [line for line in bill("large", Usage(10_000), read_prices({})) if "wait warm" in line.what]
    assert warm.dollars == pytest.approx(2 * 2 * 730 * 3600 * 0.000004)


def test_a_price_and_a_use_can_be_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--people", "15", "--json", "--price", "log_alert_hourly=100", "--use", "kept_gb=0"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["dollars"] == pytest.approx(round(total("small", Usage(15, kept_gb=0), log_alert_hourly=100), 2))
    assert answer["size"] == "small"


def test_every_price_has_a_line_that_it_changes() -> None:
    """A price that is in the table and in no line could be replaced without any effect."""
    busy = Usage(1_000_000, requests_a_person=100, drops=1_000_000)
    before = {size: total(size, busy) for size in ("small", "large")}
    without = [
        name
        for name, value in read_prices({}).prices.items()
        if all(total(size, busy, **{name: value * 2 + 1}) == before[size] for size in before)
    ]
    assert without == ["metric_alert"], "two alerts by metric are within the ten that are free"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--people", "0"], "--people: expected a whole number from 1 up, got 0"),
        (["--people", "9", "--use", "cups=3"], "--use: expected one of drops, export_seconds"),
        (["--people", "9", "--price", "logs_gb=dear"], "--price logs_gb: expected a number, got 'dear'"),
        (["--people", "9", "--price", "logs_gb=-1"], "--price logs_gb: expected a number from 0 up, got '-1'"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *words]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("people", "size"), [(15, "small"), (10_000, "large")])
def test_the_documents_say_what_the_command_does(people: int, size: str) -> None:
    amount = total(size, Usage(people))
    said = re.findall(
        rf"`python -m local cost --people {people}`[^\n]*?\$([\d,]+)", (PROJECT_ROOT / "docs/cost.md").read_text()
    )
    assert said == [f"{amount:,.0f}"]
