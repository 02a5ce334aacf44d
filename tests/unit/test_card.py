"""The model card: a page that is whole, harmless and true to its record."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest

from shared.store.records import Candidate, Curves, Data, DecisionRule, Input, KeyColumn, Parity, Version
from shared.training.card import render
from shared.training.figures import share_acted_on, share_found
from shared.training.metrics import curves, metrics
from shared.training.pictures import BOTTOM, LEFT, RIGHT, TOP, calibration_picture, gain_picture

NBSP = "\N{NO-BREAK SPACE}"
EVIL = "\"><script>alert('$title')</script>&\x00"


def made(**changes: Any) -> Version:
    """A version as training writes it, with these fields changed."""
    random = np.random.default_rng(5)
    probability = random.random(900) ** 2
    positive = random.random(900) < probability
    figures = metrics(positive, probability)
    winner = Candidate("boosted trees", {"max_iter": 150, "rate": 0.05}, 5_000, 0.71, figures, 0.9213)
    other = Candidate("logistic regression", {"C": 0.1}, "all", 0.69, {"auc": 0.6871}, 0.9342)
    version = Version(
        model="leave",
        version="20261123T020000Z-0123abcd",
        title="Who will leave",
        description="The probability that a customer leaves.",
        dataset="customers",
        slot="20261123T020000Z",
        task="classification",
        positive="left",
        decision=DecisionRule(threshold=0.125, act="offer a discount", skip="leave alone"),
        key=KeyColumn("customer_id", "integer"),
        inputs=(
            Input("age", "integer", min=16, max=120, description="In years."),
            Input("balance", "number", nullable=True, min=-1e6),
            Input("member", "boolean"),
            Input("job", "category", levels=tuple(f"job {place}" for place in range(30))),
        ),
        unusable={"ended_on": "known only afterwards"},
        files={"model.onnx": "f" * 64},
        catalog_sha256="c" * 64,
        data=Data("d" * 64, 12_345, 67, 11_378, 900, "2024-01-01T00:00:00.000000", "2026-06-30", "2026-11-22"),
        recipe=winner,
        candidates=(winner, other),
        metrics=figures,
        curves=curves(positive, probability),
        parity=Parity(rows=900, largest_difference=1.2e-7, decisions_flipped=0),
        libraries={"python": "3.13.0", "numpy": "2.3.5"},
    )
    return msgspec.structs.replace(version, **changes)


def page(**changes: Any) -> str:
    return render(made(**changes)).decode()


def parsed(text: str) -> ET.Element:
    """The page as XML, which is stricter than any browser."""
    return ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  # the page is our own


def words(text: str) -> str:
    """What a reader sees, in one line."""
    body = parsed(text).find("body")
    assert body is not None
    return re.sub(r"[ \n]+", " ", "".join(body.itertext()))


def bare() -> dict[str, Any]:
    """The least that a record may hold."""
    candidate = Candidate(family="tiny", settings={}, history="all", folds_auc=0.5)
    return {
        "description": "",
        "inputs": (),
        "unusable": {},
        "files": {},
        "data": Data("", 0, 0, 0, 0, "", "", ""),
        "recipe": candidate,
        "candidates": (),
        "metrics": {},
        "curves": Curves(gain=(), calibration=()),
        "libraries": {},
    }


def test_the_page_is_well_formed_and_every_field_is_filled() -> None:
    text = page()
    assert parsed(text).tag == "html"
    assert "$" not in text


def test_ids_are_unique_and_what_refers_to_them_finds_them() -> None:
    elements = list(parsed(page()).iter())
    ids = [element.get("id") for element in elements if element.get("id")]
    assert len(ids) == len(set(ids))
    referred = {name for element in elements for name in element.get("aria-labelledby", "").split()}
    assert referred <= set(ids)


def test_the_page_needs_nothing_from_outside() -> None:
    root = parsed(page())
    assert {"script", "link", "img", "iframe", "image", "use"}.isdisjoint(element.tag for element in root.iter())
    assert not any(name in element.attrib for element in root.iter() for name in ("src", "href", "onload", "onclick"))
    assert not re.search(r"https?:|url\(|@import", page())


@pytest.mark.parametrize(
    "changes",
    [
        dict.fromkeys(("title", "description", "model", "version", "dataset", "slot", "positive"), EVIL),
        {"decision": DecisionRule(0.5, EVIL, EVIL), "key": KeyColumn(EVIL, EVIL, EVIL)},
        {"inputs": (Input(EVIL, "category", levels=(EVIL,), description=EVIL),), "unusable": {EVIL: EVIL}},
        {"candidates": (Candidate(EVIL, {EVIL: EVIL}, "all", 0.5),), "libraries": {EVIL: EVIL}, "files": {EVIL: EVIL}},
        {"data": Data(EVIL, 1, 0, 1, 1, EVIL, EVIL, EVIL), "catalog_sha256": EVIL},
    ],
    ids=", ".join,
)
def test_whatever_a_record_holds_is_shown_as_text(changes: dict[str, Any]) -> None:
    text = page(**changes)
    assert "script" not in {element.tag for element in parsed(text).iter()}
    assert "<script" not in text
    assert "alert('$title')" in "".join(parsed(text).itertext())


def test_half_a_character_does_not_stop_the_page() -> None:
    assert b"cook?" in render(made(inputs=(Input("job", "category", levels=("cook\ud800",)),)))


def test_the_same_record_makes_the_same_bytes_also_once_it_names_the_card() -> None:
    files = {**made().files, "card.html": "e" * 64}
    assert render(made()) == render(made()) == render(made(files=files))


def test_the_figures_of_the_record_appear() -> None:
    version, shown = made(), words(page())
    for name in ("auc", "average_precision", "brier", "log_loss", "calibration_error"):
        assert f"{version.metrics[name]:.3f}" in shown
    assert f"{100 * version.metrics['base_rate']:.1f}{NBSP}%" in shown
    for fact in (
        "0.921", "Best among the candidates: 0.934", "12,345 came, of which 67", "5,000 rows it learned from",
        "6,378 older rows that it did not learn from", "900 newest rows that judged it", "2024-01-01 to 2026-11-22",
        f"12.5{NBSP}%: offer a discount", "1.2e-07", "numpy 2.3.5", "d" * 64, "known only afterwards", "0.687",
    ):  # fmt: skip
        assert fact in shown


def test_the_first_sentence_says_in_words_how_good_the_model_is() -> None:
    version, shown = made(), words(page())
    lift = version.metrics["lift_at_10_percent"]
    assert f"The 10{NBSP}% of rows with the highest scores hold {lift:.1f} times as many left as the average." in shown
    assert f"Of those taken, {100 * lift * version.metrics['base_rate']:.0f}{NBSP}% turn out left" in shown


@pytest.mark.parametrize("lift", [0.0, 0.8, 1.04])
def test_a_model_without_lift_is_not_praised(lift: float) -> None:
    shown = words(page(metrics={**made().metrics, "lift_at_10_percent": lift}))
    assert "hold no more left than the average" in shown
    assert "taking those with the highest scores finds" not in shown


def test_a_random_split_that_does_not_flatter_is_not_said_to() -> None:
    recipe = msgspec.structs.replace(made().recipe, random_split_auc=0.5)
    assert "happens not to be higher" in words(page(recipe=recipe))
    assert "higher than the honest figure" in words(page())


def test_only_the_winner_is_marked() -> None:
    rows = [row for row in parsed(page()).iter("tr") if row.get("class") == "winner"]
    assert ["boosted trees" in "".join(row.itertext()) for row in rows] == [True]


def test_rows_that_it_did_not_learn_from_are_told_only_where_there_are_any() -> None:
    assert "5,000 rows it learned from, the newest of 11,378 up to 2026-06-30" in words(page())
    recipe = msgspec.structs.replace(made().recipe, history="all")
    shown = words(page(recipe=recipe))
    assert "11,378 rows it learned from, all that there are up to 2026-06-30" in shown
    assert "did not learn from" not in shown


def test_long_lists_and_long_levels_are_cut() -> None:
    shown = words(page(inputs=(*made().inputs, Input("note", "category", levels=("x" * 500, "")))))
    assert "job 11" in shown
    assert "job 12" not in shown
    assert "and 18 more" in shown
    assert "x" * 41 not in shown
    assert "(empty text)" in shown


def test_a_record_that_holds_next_to_nothing_still_has_a_card() -> None:
    assert "The record holds no lift" in words(page(**bare()))


@pytest.mark.parametrize("threshold", [0.0, 1.0, 7.5, -1.0])
def test_a_threshold_that_nothing_or_everything_reaches_has_a_card(threshold: float) -> None:
    assert "leave alone" in words(page(decision=DecisionRule(threshold, "offer a discount", "leave alone")))


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_a_handful_of_rows_has_a_card(rows: int) -> None:
    positive = np.arange(rows) == 0
    probability = np.linspace(0.9, 0.1, rows)
    text = page(metrics=metrics(positive, probability), curves=curves(positive, probability))
    assert "nan" not in words(text)


@pytest.mark.parametrize("scale", [1e-3, 0.04, 0.3, 1.0])
def test_whatever_is_drawn_stays_inside_the_plot(scale: float) -> None:
    random = np.random.default_rng(2)
    probability = random.random(400) * scale
    drawn = curves(random.random(400) < 0.3, probability)
    steep = tuple((predicted, observed * scale, rows) for predicted, observed, rows in drawn.calibration)
    outside = ((-0.1, 1.4, 3), (float("nan"), 0.5, 1))
    for picture in (
        gain_picture(drawn.gain, "yes"),
        calibration_picture(steep, 0.1, "yes"),
        calibration_picture((*steep, *outside), 0.1, "yes"),
    ):
        marks = [(x, y) for x, y in places(picture) if not (LEFT <= x <= RIGHT and TOP <= y <= BOTTOM)]
        assert not marks


def places(picture: str) -> list[tuple[float, float]]:
    """Every point of a curve, an area and a dot."""
    found = []
    for element in parsed(picture).iter():
        for pair in element.get("points", "").split():
            x, y = pair.split(",")
            found.append((float(x), float(y)))
        if element.tag == "circle":
            found.append((float(element.get("cx", "nan")), float(element.get("cy", "nan"))))
    assert found
    return found


def test_pictures_have_words_for_who_does_not_see_them() -> None:
    pictures = [element for element in parsed(page()).iter("svg") if element.get("role") == "img"]
    assert [picture[0].text for picture in pictures] == ["Gain curve", "Calibration"]
    assert all(picture[1].tag == "desc" and picture[1].text for picture in pictures)
    assert all("share of" in "".join(picture.itertext()) for picture in pictures)


def test_the_gain_picture_tells_the_share_that_the_record_holds() -> None:
    gain = ((0.0, 0.0), (0.08, 0.24), (0.12, 0.36), (1.0, 1.0))
    assert share_found(gain, 0.1) == pytest.approx(0.3)
    assert f"10{NBSP}% of rows: 30{NBSP}%" in gain_picture(gain, "yes")
    assert share_found((), 0.1) is None


def test_the_share_acted_on_counts_tenths_that_reach_the_threshold() -> None:
    drawn = Curves(gain=(), calibration=((0.05, 0.0, 30), (0.125, 0.1, 10), (0.9, 0.8, 10)))
    assert share_acted_on(made(curves=drawn)) == pytest.approx(0.4)
    assert f"about 40{NBSP}% reach it" in words(page(curves=drawn))
