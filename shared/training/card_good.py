"""Of the model card: how good a version is, and what acting on it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.training.figures import (
    MISSING,
    amount,
    auc_margin,
    cost_and_gain,
    decimal,
    exact_percent,
    members,
    percent,
    share_acted_on,
    without_a_model,
)
from shared.training.pictures import calibration_picture, gain_picture, lift_picture, profit_picture

if TYPE_CHECKING:
    from shared.markup import Markup, Parts, Values
    from shared.store.records import Classifier, Value


def goodness(version: Classifier, parts: Parts) -> Values:
    """The figures, and the pictures that belong to them."""
    figures = version.metrics
    auc, base_rate = figures.get("auc"), figures.get("base_rate")
    margin = auc_margin(auc, base_rate, version.data.holdout_rows)
    guess = without_a_model(base_rate)
    return {
        "auc": decimal(auc),
        "margin": "" if margin is None else parts.fill("margin", reach=decimal(margin)),
        "auc_pairs": MISSING if auc is None else f"{100 * auc:.0f}",
        "random_auc": decimal(version.recipe.random_split_auc),
        "random_gap": _gap(version.recipe.random_split_auc, auc),
        "random_of": _random_of(version),
        "base_rate": percent(base_rate, 1),
        "lift": decimal(figures.get("lift_at_10_percent"), 1),
        "average_precision": decimal(figures.get("average_precision")),
        "brier": decimal(figures.get("brier")),
        "log_loss": decimal(figures.get("log_loss")),
        "calibration_error": decimal(figures.get("calibration_error")),
        "no_model_precision": decimal(base_rate),
        "no_model_brier": decimal(guess["brier"]),
        "no_model_log_loss": decimal(guess["log_loss"]),
        "judging": _judging(version),
        "gain_picture": gain_picture(version.curves.gain, version.positive),
        "calibration_picture": calibration_picture(
            version.curves.calibration, version.decision.threshold, version.positive
        ),
    }


def _judging(version: Classifier) -> str:
    rows = f"{version.data.holdout_rows:,}"
    if version.data.refitted:
        return (
            f"the figures are those of the {rows} newest rows. Each was predicted by the same recipe, fitted on older "
            "rows alone. What serves has since learned from these rows too."
        )
    return f"the figures are those of the {rows} newest rows, which came after all that it learned from."


def _gap(flattering: float | None, honest: float | None) -> str:
    if flattering is None or honest is None:
        return ""
    if flattering > honest:
        return f"Here it is {flattering - honest:.3f} higher than the honest figure."
    return "Here it happens not to be higher."


def _random_of(version: Classifier) -> str:
    """Which fit the figure is of: a blend's weights come from folds in time, which rows drawn at random are not."""
    randoms = [one.random_split_auc for one in version.candidates if one.random_split_auc is not None]
    if members(version):
        return "It is that of the heaviest member alone, on all rows."
    return f"Best among the candidates: {decimal(max(randoms, default=None))}."


def worth(version: Classifier, parts: Parts) -> Values:
    """What acting earns, and the rule by which answers say to act."""
    threshold, acted_on = version.decision.threshold, share_acted_on(version)
    told = cost_and_gain(version)
    return {
        "worth": parts.fill("worth_unknown") if version.value is None else _worth(version, version.value, parts),
        "threshold": exact_percent(threshold),
        "skip_share": f"{min(max(threshold, 0), 1):.4f}",
        "act_share": f"{1 - min(max(threshold, 0), 1):.4f}",
        "acted_on": "" if acted_on is None else f"Of the newest rows, about {percent(acted_on)} reach it.",
        "cost_and_gain": ""
        if told is None
        else parts.fill("cost_and_gain", cost=amount(told[0]), gain=amount(told[1]), positive=version.positive),
    }


def _worth(version: Classifier, value: Value, parts: Parts) -> Markup:
    act, positive = version.decision.act, version.positive
    rows: list[tuple[str, float, float]] = [
        ("the share that earns most", value.share, value.profit),
        ("the rule that answers use", value.share_of_rule, value.profit_of_rule),
        ("every row", 1.0, value.profit_of_all),
        ("no row", 0.0, 0.0),
    ]
    ways: list[Values] = [
        {"who": who, "share": percent(share, 1), "profit": amount(profit)} for who, share, profit in rows
    ]
    lift = lift_picture(value.lift, positive)
    return parts.fill(
        "worth",
        sentence=parts.fill(
            "worth_best" if value.profit > 0 else "worth_nothing",
            act=act,
            share=percent(value.share),
            profit=amount(value.profit),
            threshold=exact_percent(version.decision.threshold),
            share_of_rule=percent(value.share_of_rule),
            profit_of_rule=amount(value.profit_of_rule),
            compared=_compared(value),
        ),
        act=act,
        ways=parts.fill_each("way", ways),
        holdout_rows=f"{version.data.holdout_rows:,}",
        profit_picture=profit_picture(value, act),
        lift_figure=parts.fill("lift_figure", lift_picture=lift, positive=positive) if value.lift else "",
    )


def _compared(value: Value) -> str:
    """The rule beside what needs no model."""
    every = value.profit_of_all > 0
    name = f"acting on every row, which earns {amount(value.profit_of_all)}" if every else "acting on no row"
    more = value.profit_of_rule - max(value.profit_of_all, 0.0)
    if amount(more) == amount(0.0):
        return f"That is as much as {name}."
    return f"That is {amount(abs(more))} {'more' if more > 0 else 'less'} than {name}."
