"""The model card: a page that is whole, harmless and true to its record."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest

from shared.store.records import Candidate, Curves, Data, DecisionRule, Input, KeyColumn, Segment, Value, Verdict
from shared.training.card import render
from shared.training.figures import share_acted_on, share_found
from shared.training.metrics import curves, metrics
from shared.training.pictures import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    calibration_picture,
    gain_picture,
    lift_picture,
    profit_picture,
)
from tests.cards import NBSP, bare, blend_page, blended, made, page, parsed, words

EVIL = "\"><script>alert('$title')</script>&\x00"


def test_the_page_is_well_formed_and_every_field_is_filled() -> None:
    for text in (page(), blend_page()):
        assert parsed(text).tag == "html"
        assert "$" not in text


def test_ids_are_unique_and_what_refers_to_them_finds_them() -> None:
    elements = list(parsed(blend_page()).iter())
    ids = [element.get("id") for element in elements if element.get("id")]
    assert len(ids) == len(set(ids))
    referred = {name for element in elements for name in element.get("aria-labelledby", "").split()}
    assert referred <= set(ids)


def test_the_page_needs_nothing_from_outside() -> None:
    root = parsed(blend_page())
    assert {"script", "link", "img", "iframe", "image", "use"}.isdisjoint(element.tag for element in root.iter())
    assert not any(name in element.attrib for element in root.iter() for name in ("src", "href", "onload", "onclick"))
    assert not re.search(r"https?:|url\(|@import", blend_page())


@pytest.mark.parametrize(
    "changes",
    [
        dict.fromkeys(("title", "description", "model", "version", "dataset", "slot", "positive"), EVIL),
        {"decision": DecisionRule(0.5, EVIL, EVIL), "key": KeyColumn(EVIL, EVIL, EVIL)},
        {"inputs": (Input(EVIL, "category", levels=(EVIL,), description=EVIL),), "unusable": {EVIL: EVIL}},
        {"candidates": (Candidate(EVIL, {EVIL: EVIL}, "all", 0.5),), "libraries": {EVIL: EVIL}, "files": {EVIL: EVIL}},
        {"data": Data(EVIL, 1, 0, 1, 1, EVIL, EVIL, EVIL), "catalog_sha256": EVIL},
        {"segments": (Segment(EVIL, EVIL, 90, 0.5, 0.1, 0.9), Segment(EVIL, EVIL, 2, 0.5))},
        {"leaks": (EVIL,), "warnings": (EVIL,)},
        {"verdict": Verdict(False, EVIL, EVIL, 9)},
        {"verdict": Verdict(True, EVIL)},
    ],
    ids=", ".join,
)
def test_whatever_a_record_holds_is_shown_as_text(changes: dict[str, Any]) -> None:
    text = blend_page(**changes)
    assert "script" not in {element.tag for element in parsed(text).iter()}
    assert "<script" not in text
    assert "alert('$title')" in "".join(parsed(text).itertext())


def test_half_a_character_does_not_stop_the_page() -> None:
    assert b"cook?" in render(made(inputs=(Input("job", "category", levels=("cook\ud800",)),)))


def test_the_same_record_makes_the_same_bytes_also_once_it_names_the_card() -> None:
    files = {**made().files, "card.html": "e" * 64}
    assert render(made()) == render(made()) == render(made(files=files))
    assert render(blended()) == render(blended())


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
    rows = [row for row in parsed(blend_page()).iter("tr") if row.get("class") == "winner"]
    assert ["blend" in "".join(row.itertext()) for row in rows] == [True]


def test_rows_that_it_did_not_learn_from_are_told_only_where_there_are_any() -> None:
    assert "5,000 rows it learned from, the newest of 11,378 up to 2026-06-30" in words(page())
    recipe = msgspec.structs.replace(made().recipe, history="all")
    shown = words(page(recipe=recipe))
    assert "11,378 rows it learned from, all that there are up to 2026-06-30" in shown
    assert "rows that it did not learn from" not in shown


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
    pictures = [element for element in parsed(blend_page()).iter("svg") if element.get("role") == "img"]
    assert [picture[0].text for picture in pictures] == ["Gain curve", "Calibration", "Profit curve", "Lift curve"]
    assert all(picture[1].tag == "desc" and picture[1].text for picture in pictures)
    assert all("share of" in "".join(picture.itertext()) for picture in pictures)
    assert [element[0].text for element in parsed(page()).iter("svg")] == ["Gain curve", "Calibration"]


@pytest.mark.parametrize("scale", [0.0, 1e-320, 1e-4, 1.0, 7e6, 1e300, float("inf"), float("nan")])
def test_a_profit_of_any_size_is_drawn_inside_its_plot(scale: float) -> None:
    curve = tuple((share / 10, scale * (share - 0.2 * share**2)) for share in range(11))
    value = Value(0.3, scale * 1.2, scale, 0.4, -10 * scale, curve)
    picture = profit_picture(value, "call")
    marks = [(x, y) for x, y in places(picture) if not (LEFT <= x <= RIGHT and TOP <= y <= BOTTOM)]
    assert not marks
    axis = [element.text for element in parsed(picture).iter("text") if element.get("class") == "tick end"]
    assert "0" in axis
    assert len(axis) <= 9


def test_the_profit_and_the_lift_picture_tell_their_figures() -> None:
    value = Value(0.3, 1_234.0, 1_100.0, 0.4, -500.0, ((0.0, 0.0), (0.3, 1_234.0), (1.0, -500.0)), ((0.1, 2.5), (1, 1)))
    shown = "".join(parsed(profit_picture(value, "call")).itertext())
    for fact in (f"most: 30{NBSP}% of rows", f"the rule: 40{NBSP}%", "1,234", "1,100", "\N{MINUS SIGN}500"):
        assert fact in shown
    large = "".join(parsed(profit_picture(msgspec.structs.replace(value, profit=12_340.0), "call")).itertext())
    assert "per 1,000 rows, in thousands" in large
    assert "in thousands" not in shown
    assert "2.5 times" in "".join(parsed(lift_picture(value.lift, "yes")).itertext())
    assert "Lift curve" not in blend_page(value=msgspec.structs.replace(value, lift=()))


def test_the_gain_picture_tells_the_share_that_the_record_holds() -> None:
    gain = ((0.0, 0.0), (0.08, 0.24), (0.12, 0.36), (1.0, 1.0))
    assert share_found(gain, 0.1) == pytest.approx(0.3)
    assert f"10{NBSP}% of rows: 30{NBSP}%" in gain_picture(gain, "yes")
    assert share_found((), 0.1) is None


def test_the_share_acted_on_counts_tenths_that_reach_the_threshold() -> None:
    drawn = Curves(gain=(), calibration=((0.05, 0.0, 30), (0.125, 0.1, 10), (0.9, 0.8, 10)))
    assert share_acted_on(made(curves=drawn)) == pytest.approx(0.4)
    assert f"about 40{NBSP}% reach it" in words(page(curves=drawn))
