"""Records as training writes them, and their cards as a reader sees them."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np

from shared.catalog.spec import Decision
from shared.store.records import (
    Candidate,
    Classifier,
    Curves,
    Data,
    DecisionRule,
    Input,
    KeyColumn,
    Parity,
    Segment,
    Verdict,
)
from shared.training.card import render
from shared.training.metrics import curves, metrics
from shared.training.value import value_of

NBSP = "\N{NO-BREAK SPACE}"


def made(**changes: Any) -> Classifier:
    """A version as training writes it, with these fields changed."""
    random = np.random.default_rng(5)
    probability = random.random(900) ** 2
    positive = random.random(900) < probability
    figures = metrics(positive, probability)
    winner = Candidate("boosted trees", {"max_iter": 150, "rate": 0.05}, 5_000, 0.71, figures, 0.9213)
    other = Candidate("logistic regression", {"C": 0.1}, "all", 0.69, {"auc": 0.6871}, 0.9342)
    version = Classifier(
        model="leave",
        version="20261123T020000Z-0123abcd",
        title="Who will leave",
        description="The probability that a customer leaves.",
        dataset="customers",
        slot="20261123T020000Z",
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


def blended(**changes: Any) -> Classifier:
    """A version as training writes it now: a blend, fitted again on all rows, with its worth, segments and verdict."""
    random = np.random.default_rng(6)
    probability = random.random(900) ** 2
    positive = random.random(900) < probability
    figures = metrics(positive, probability)
    recipe = Candidate("blend", {"members": 3, "intercept": 0.0421}, "all", 0.72, figures, 0.9213, None, 0.41)
    members = (
        Candidate("boosted trees", {"max_iter": 100}, "all", 0.71, {"auc": 0.7011}, None, 500, 0.42, 0.6131),
        Candidate("logistic regression", {"C": 0.1}, 2_000, 0.69, {"auc": 0.6871}, None, None, 0.43, 0.3),
        Candidate("extra trees", {}, "all", 0.68, {"auc": 0.6911}, None, None, 0.44, 0.1),
    )
    decision = Decision("offer a discount", "leave alone", cost=8, gain=64)
    day = "2026-11-22"
    fields: dict[str, Any] = {
        "data": Data("d" * 64, 12_345, 67, 12_278, 900, "2024-01-01", day, day, refitted=True),
        "recipe": recipe,
        "candidates": (recipe, *members),
        "metrics": figures,
        "curves": curves(positive, probability),
        "value": value_of(positive, probability, decision),
        "segments": (
            Segment("job", "student", 400, 0.3, figures["auc"] - 0.2, 0.02),
            Segment("job", "retired", 300, 0.3, figures["auc"], 0.3),
            Segment("job", "unknown", 150, 0.3, figures["auc"] - 0.01, 0.04),
            Segment("job", "housemaid", 3, 0.5),
        ),
        "verdict": Verdict(True, "better: AUC +0.031 against the champion", "20261120T020000Z-00ff00ff", 611),
    }
    return made(**{**fields, **changes})


def blend_page(**changes: Any) -> str:
    return render(blended(**changes)).decode()


def sections(text: str) -> dict[str, str]:
    """What a reader sees of each section, by its id, in the order of the page."""
    return {
        section.get("aria-labelledby", ""): re.sub(r"[ \n]+", " ", "".join(section.itertext())).strip()
        for section in parsed(text).iter("section")
    }
