"""The sections of the model card: each tells what the record holds, and says so where it holds nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from shared.store.records import Classifier, Input, Value, Verdict, from_json
from shared.training.card import render
from shared.training.card_limits import worse
from shared.training.figures import learned_rows
from shared.training.metrics import metrics
from shared.training.segments import segments_of
from tests.cards import NBSP, bare, blend_page, blended, made, parsed, sections, words

LEAK = 'hung_up gives the outcome away: set dataset.columns.hung_up.role = "unused", or trusted = "why"'
ORDER = ["what", "verdict", "good", "value", "weak", "limits", "candidates", "data", "inputs", "checks"]


@pytest.mark.parametrize("changes", [{}, bare(), {"leaks": (LEAK,)}])
def test_the_sections_come_in_the_order_of_what_a_reader_asks_and_warnings_before_all_figures(
    changes: dict[str, Any],
) -> None:
    ids = list(sections(blend_page(**changes)))
    assert ids == (["what", "warnings", *ORDER[1:]] if "leaks" in changes else ORDER)


def test_the_first_section_says_what_it_predicts_and_from_what() -> None:
    shown = sections(blend_page())["what"]
    assert "how probable it is that the row turns out left, from 4 values: age, balance, member, job." in shown
    many = tuple(Input(f"column {place}", "number") for place in range(11))
    assert "from 11 values: column 0," in sections(blend_page(inputs=many))["what"]
    assert "column 7 and 3 more." in sections(blend_page(inputs=many))["what"]
    assert "from one value: column 0." in sections(blend_page(inputs=many[:1]))["what"]


def test_a_stopped_version_says_so_first_with_each_column_and_how_to_overrule_it() -> None:
    refused = Verdict(False, f"stopped: {LEAK}", None, 900)
    shown = sections(blend_page(leaks=(LEAK,), warnings=("too good to be true: AUC 0.998",), verdict=refused))
    assert "Stopped by the leak guard." in shown["warnings"]
    assert LEAK in shown["warnings"]
    assert "too good to be true: AUC 0.998" in shown["warnings"]
    assert "No. The gate does not let it serve." in shown["verdict"]
    assert f"stopped: {LEAK}" in shown["verdict"]
    assert "Anything, for now." in shown["limits"]


def test_a_sample_is_told_first_and_where_the_rows_are() -> None:
    told = msgspec.structs.replace(blended().data, sampled_from=450_000)
    shown = sections(blend_page(data=told))
    assert "memory held 12,278 of 450,000 rows" in shown["warnings"]
    assert "450,000 rows were there; memory held 12,278." in shown["data"]
    assert "12,278 rows it learned from, all that memory held up to 2026-11-22" in shown["data"]
    assert "leak guard" not in shown["warnings"]
    assert "memory" not in words(blend_page())


def test_the_verdict_is_told_with_its_reason_rival_and_rows_as_of_its_making() -> None:
    shown = sections(blend_page())
    assert "Yes. The gate lets it serve." in shown["verdict"]
    for fact in ("better: AUC +0.031", "version 20261120T020000Z-00ff00ff", "611 of the newest rows", "was made"):
        assert fact in shown["verdict"]
    assert "version 20261120T020000Z-00ff00ff on 611 rows" in shown["good"]
    first = sections(blend_page(verdict=Verdict(True, "first version: better than chance", None, 900)))
    assert "no other version: none served when it was made" in first["verdict"]
    assert "none served when it was made" in first["good"]
    assert "does not hold what the gate said" in sections(blend_page(verdict=None))["verdict"]


def test_what_it_is_worth_is_told_beside_acting_on_all_and_on_none() -> None:
    value, shown = blended().value, sections(blend_page())["value"]
    assert value is not None
    assert f"offer a discount for the {100 * value.share:.0f}{NBSP}% of rows with the highest scores" in shown
    for share, profit in (
        (value.share, value.profit), (value.share_of_rule, value.profit_of_rule), (1, value.profit_of_all)
    ):  # fmt: skip
        assert f"{100 * share:.1f}{NBSP}%{profit:,.0f}" in shown
    assert f"no row0.0{NBSP}%0" in shown
    assert "acting once costs 8 and a left brings 64" in shown
    assert f"{value.profit_of_rule - value.profit_of_all:,.0f} more than acting on every row" in shown


def test_a_version_that_earns_nothing_is_not_praised() -> None:
    losing = Value(0.0, 0.0, -120.0, 0.2, -900.0, ((0.0, 0.0), (0.5, -300.0), (1.0, -900.0)))
    shown = sections(blend_page(value=losing))["value"]
    assert "for no row would have been best" in shown
    assert "That is 120 less than acting on no row." in shown
    assert "no row0.0" in shown
    idle = msgspec.structs.replace(losing, profit_of_rule=0.0)
    assert "That is as much as acting on no row." in sections(blend_page(value=idle))["value"]


def test_segments_that_are_clearly_worse_are_named_and_those_with_few_rows_are_not_judged() -> None:
    version, shown = blended(), sections(blend_page())["weak"]
    auc = version.metrics["auc"]
    assert (
        "clearly worse for 2 of the segments that have enough rows to tell (3 of 4). Of the others nothing is known."
        in shown
    )
    assert f"job student: AUC {auc - 0.2:.3f}, of all rows {auc:.3f} (400 rows)" in shown
    assert "job retired: calibration error 0.300" in shown
    assert [list(worse(segment, version)) for segment in version.segments] == [["AUC"], ["calibration"], [], []]
    assert shown.count("too few rows to tell") == 1
    fine = sections(blend_page(segments=version.segments[2:]))["weak"]
    assert (
        "clearly worse for none of the segments that have enough rows to tell (1 of 2). Of the others nothing" in fine
    )
    few = sections(blend_page(segments=version.segments[3:]))["weak"]
    assert "No segment has enough rows to tell." in few


def test_no_segments_means_that_nobody_has_looked() -> None:
    assert "Nobody has looked. No segments are declared" in sections(blend_page(segments=()))["weak"]


def test_a_segment_that_is_as_good_as_the_whole_is_seldom_called_worse() -> None:
    random = np.random.default_rng(11)
    found = 0
    for _ in range(40):
        probability = random.random(3_000) ** 3
        positive = random.random(3_000) < probability
        level = random.integers(0, 5, 3_000).astype(str).astype(object)
        version = made(metrics=metrics(positive, probability))
        found += sum(bool(worse(one, version)) for one in segments_of(positive, probability, {"any": level}))
    assert found <= 40 * 5 * 0.05


def test_what_it_must_not_be_used_for_follows_from_the_record() -> None:
    shown = sections(blend_page())["limits"]
    for fact in (
        "choose between offer a discount and leave alone", "A level that it does not know (job)",
        "A number outside its bounds is refused.", "where a bound is missing: balance.", "up to 2026-11-22",
        "does not say that offer a discount is the cause", "unless a person reviews each one",
        "ended_onknown only afterwards",
    ):  # fmt: skip
        assert fact in shown
    plain = sections(blend_page(inputs=(Input("age", "integer", min=0, max=9),), unusable={}))["limits"]
    assert not any(word in plain for word in ("A level that", "a bound is missing", "may not see", "for now"))


def test_a_blend_is_told_by_its_members_weights_and_histories() -> None:
    shown = sections(blend_page())["candidates"]
    for fact in (
        "blend serves", "boosted trees0.613all, every 500 rows back counting half", "what its members say",
        "logistic regression0.300newest 2,000 rows", "extra trees0.100all rowsas they come", "0.420",
    ):  # fmt: skip
        assert fact in shown
    assert "chosen on older folds" in shown


def test_a_refitted_version_learned_from_the_rows_that_judged_it_and_says_how_they_did() -> None:
    shown = sections(blend_page())
    assert "12,278 rows it learned from, all that there are up to 2026-11-22" in shown["data"]
    assert "each was predicted by the same recipe fitted on what was before it" in shown["data"]
    assert "has since learned from these rows too" in shown["good"]
    labels = [element.get("aria-label") for element in parsed(blend_page()).iter()]
    assert "Rows in time order: 0 not learned from, 11378 older ones learned from, 900 that judged" in labels


def test_a_blend_of_short_histories_learned_from_no_more_than_the_longest_of_them() -> None:
    recipe, faded, recent, _ = blended().candidates
    assert learned_rows(blended(candidates=(recipe, faded, recent))) == 5_000
    assert learned_rows(blended(candidates=(recipe, recent))) == 2_000
    shown = sections(blend_page(candidates=(recipe, faded, recent)))["data"]
    assert "5,000 rows it learned from, the newest of 12,278" in shown
    assert "7,278 older rows that it did not learn from" in shown


def test_a_record_of_an_older_release_has_a_card() -> None:
    golden = Path(__file__).parent.parent / "golden" / "v1" / "version.json"
    text = render(from_json(golden.read_bytes(), Classifier, "version.json")).decode()
    shown = sections(text)
    assert list(shown) == ORDER
    assert "does not hold what the gate said" in shown["verdict"]
    assert "does not hold what acting on this version would have earned" in shown["value"]
    assert "9,038 newest rows, which came after all that it learned from" in shown["good"]
    assert "20,000 rows it learned from, the newest of 36,152 up to 2010-02-03" in shown["data"]
    assert "boosted trees chosen" in shown["candidates"]
    assert not any(word in words(text) for word in ("nan", "inf "))
