"""The graph answers what the fitted pipeline answers, or there is no version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from shared.errors import ConversionError
from shared.features import UNKNOWN_LEVEL, Encoder
from shared.store.records import Input
from shared.training.candidates import FAMILIES, Family, Layout
from shared.training.to_onnx import check_parity, convert, probabilities

if TYPE_CHECKING:
    from typing import Any

ENCODER = Encoder(
    [
        Input("age", "integer"),
        Input("balance", "number", nullable=True),
        Input("member", "boolean", nullable=True),
        Input("job", "category", nullable=True, levels=("a", "b", "c")),
        Input("empty", "number", nullable=True),
    ]
)
EACH = pytest.mark.parametrize(
    ("family", "settings"),
    [(family, settings) for family in FAMILIES for settings in family.settings],
    ids=lambda value: value.name if isinstance(value, Family) else str(value),
)


def sample(rows: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows with empty values, an unknown level and a column that is always empty."""
    random = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            random.integers(18, 90, rows),
            np.where(random.random(rows) < 0.2, np.nan, random.normal(1000, 900, rows).round()),
            np.where(random.random(rows) < 0.2, np.nan, random.integers(0, 2, rows)),
            random.integers(0, 4, rows),
            np.full(rows, np.nan),
        ]
    ).astype(np.float32)
    positive = random.random(rows) < 1 / (1 + np.exp(-(matrix[:, 0] - 54) / 9))
    return matrix, positive


def fitted(family: Family, settings: dict[str, Any], rows: int = 3000) -> Pipeline:
    matrix, positive = sample(rows)
    return family.fit(settings, Layout.of(ENCODER.inputs), 42, matrix, positive)


@EACH
def test_every_candidate_converts_exactly(family: Family, settings: dict[str, Any]) -> None:
    pipeline = fitted(family, settings)
    rows, _ = sample(2000, seed=2)
    rows[::7, 3] = UNKNOWN_LEVEL
    parity = check_parity(convert(pipeline, 5, "test"), pipeline, rows, ENCODER, 0.5)
    assert parity.largest_difference < 1e-5
    assert parity.rows > len(rows)


@EACH
def test_the_same_data_and_seed_make_the_same_graph(family: Family, settings: dict[str, Any]) -> None:
    assert convert(fitted(family, settings, 500), 5, "test") == convert(fitted(family, settings, 500), 5, "test")


def test_a_graph_of_another_model_is_caught() -> None:
    family = FAMILIES[0]
    rows, _ = sample(500)
    graph = convert(fitted(family, {"C": 0.001}), 5, "test")
    with pytest.raises(ConversionError, match=r"disagree on .* of .* rows"):
        check_parity(graph, fitted(family, {"C": 1.0}), rows, ENCODER, 0.5)


def test_a_difference_in_rows_with_empty_values_alone_is_caught() -> None:
    family = FAMILIES[0]
    matrix, positive = sample(3000)
    layout = Layout.of(ENCODER.inputs)
    pipeline = family.build({"C": 1.0}, layout, 42).fit(matrix, positive)
    graph = convert(pipeline, 5, "test")
    pipeline.named_steps["prepare"].named_transformers_["numbers"].named_steps["fill"].statistics_[1] += 1e6
    whole = matrix[~np.isnan(matrix[:, 1:3]).any(axis=1)]
    with pytest.raises(ConversionError):
        check_parity(graph, pipeline, whole, ENCODER, 0.5)


def test_a_graph_that_answers_nan_is_caught() -> None:
    rows, positive = sample(300)
    plain = Encoder([Input("age", "integer")])
    pipeline = Pipeline([("model", LogisticRegression())]).fit(rows[:, :1], positive)
    whole = Pipeline([("model", LogisticRegression())]).fit(rows[:, :1], positive)
    pipeline.named_steps["model"].coef_[:] = np.nan
    with pytest.raises(ConversionError):
        check_parity(convert(pipeline, 1, "test"), whole, rows[:, :1], plain, 0.5)
    assert check_parity(convert(whole, 1, "test"), whole, rows[:, :1], plain, 0.5).decisions_flipped == 0


def test_what_does_not_convert_is_said() -> None:
    class Unheard(LogisticRegression):
        """A model that the converter does not know."""

    rows, positive = sample(300)
    rows[:, 1:] = 0
    pipeline = Pipeline([("model", Unheard())]).fit(rows, positive)
    with pytest.raises(ConversionError, match="does not convert to ONNX"):
        convert(pipeline, 5, "test")


def test_no_rows_get_no_answers() -> None:
    graph = convert(fitted(FAMILIES[0], {"C": 1.0}), 5, "test")
    assert len(probabilities(graph, sample(0)[0])) == 0


@EACH
def test_neighbouring_numbers_stay_on_their_sides(family: Family, settings: dict[str, Any]) -> None:
    """Amounts near 100,000 are so dense in 32 bits that thresholds fall between neighbours."""
    random = np.random.default_rng(0)
    amount, other = np.round(random.normal(100_000, 20, 5000), 2), random.normal(size=5000)
    rows = np.column_stack([amount, other]).astype(np.float32)
    positive = random.random(5000) < 1 / (1 + np.exp(-(amount - 100_000) / 20 - other))
    encoder = Encoder([Input("amount", "decimal"), Input("other", "number")])
    pipeline = family.fit(settings, Layout.of(encoder.inputs), 42, rows[:4000], positive[:4000])
    check_parity(convert(pipeline, 2, "phone"), pipeline, rows, encoder, 0.1)
