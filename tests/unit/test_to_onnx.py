"""The graph answers what the fitted blend answers, or there is no version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from shared.errors import ConversionError
from shared.features import GRAPH_INPUT, GRAPH_OUTPUT, UNKNOWN_LEVEL, WEEKDAYS, Encoder
from shared.store.records import Input
from shared.training.blend import Blend, Weights
from shared.training.candidates import FAMILIES, Family, Layout, Trial
from shared.training.to_onnx import EDGE_ROWS, EXTREME, TOLERANCE, _edge_rows, check_parity, convert, probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ENCODER = Encoder(
    [
        Input("age", "integer"),
        Input("balance", "number", nullable=True),
        Input("member", "boolean", nullable=True),
        Input("job", "category", nullable=True, levels=("a", "b", "c")),
        Input("empty", "number", nullable=True),
        Input("on", "weekday", levels=WEEKDAYS),
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
            random.integers(0, 7, rows),
        ]
    ).astype(np.float32)
    positive = random.random(rows) < 1 / (1 + np.exp(-(matrix[:, 0] - 54) / 9))
    return matrix, positive


def fitted(family: Family, settings: dict[str, Any], rows: int = 3000, half_life: int | None = None) -> Pipeline:
    matrix, positive = sample(rows)
    return Trial(family, settings, "all", half_life).fit(Layout.of(ENCODER.inputs), 42, matrix, positive)


def alone(pipeline: Pipeline, weight: float = 1.0, intercept: float = 0.0) -> Blend:
    """A blend of one."""
    return Blend((pipeline,), Weights(intercept, (weight,)))


def graph_of(blend: Blend) -> bytes:
    return convert(blend, len(ENCODER.inputs), "test")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in a search: OpenMP's threads would wait for each other."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def several(one_thread: None) -> Blend:
    """One of each family, and one with a half-life."""
    pipelines = [fitted(family, family.settings[0]) for family in FAMILIES]
    recent = fitted(FAMILIES[1], FAMILIES[1].settings[1], half_life=200)
    return Blend((*pipelines, recent), Weights(-0.4, (0.5, 0.25, 0.0625, 0.4)))


@EACH
def test_every_candidate_converts_exactly(family: Family, settings: dict[str, Any]) -> None:
    blend = alone(fitted(family, settings), weight=1.2, intercept=-0.3)
    rows, _ = sample(2000, seed=2)
    rows[::7, 3] = UNKNOWN_LEVEL
    parity = check_parity(graph_of(blend), blend, rows, ENCODER, 0.5)
    assert parity.largest_difference < TOLERANCE
    assert parity.rows > len(rows)


def test_several_families_with_empty_values_unknown_levels_and_extremes_agree_as_one(several: Blend) -> None:
    rows, _ = sample(2000, seed=2)
    rows[::7, 3] = UNKNOWN_LEVEL
    rows[::11, 0] = EXTREME
    rows[::13, 1] = -EXTREME
    rows[::17, 1:3] = np.nan
    parity = check_parity(graph_of(several), several, rows, ENCODER, 0.5)
    assert parity.largest_difference < TOLERANCE
    assert parity.decisions_flipped == 0


def test_a_graph_gives_both_probabilities_of_each_row(several: Blend) -> None:
    from onnxruntime import InferenceSession

    session = InferenceSession(graph_of(several), providers=["CPUExecutionProvider"])
    (answer,) = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: sample(20)[0]})
    assert [given.name for given in session.get_inputs()] == [GRAPH_INPUT]
    assert [given.name for given in session.get_outputs()] == [GRAPH_OUTPUT]
    assert answer.shape == (20, 2)
    assert answer.dtype == np.float32
    assert answer.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-6)


def test_a_graph_keeps_to_the_standard(several: Blend) -> None:
    onnx.checker.check_model(graph_of(several), full_check=True)


def test_a_category_more_makes_no_more_operators() -> None:
    """Each costs time in every request."""

    def operators(inputs: list[Input]) -> int:
        rows, random = np.ones((50, len(inputs)), dtype=np.float32), np.random.default_rng(1)
        rows[:, 1:] = random.integers(0, 3, (50, len(inputs) - 1))
        model = Trial(FAMILIES[0], {"C": 0.1}, "all").fit(Layout.of(inputs), 42, rows, rows[:, 1] > 1)
        return len(onnx.load_from_string(convert(alone(model), len(inputs), "test")).graph.node)

    category = Input("job", "category", levels=("a", "b", "c"))
    assert operators([Input("age", "integer"), category]) == operators([Input("age", "integer"), *[category] * 20])


def test_one_row_is_answered_as_among_others(several: Blend) -> None:
    graph, rows = graph_of(several), sample(50)[0]
    together = probabilities(graph, rows)
    assert [float(probabilities(graph, row[None])[0]) for row in rows] == pytest.approx(together, abs=1e-6)


def test_members_of_one_kind_do_not_get_into_each_others_way() -> None:
    one, two = (fitted(FAMILIES[0], {"C": strength}) for strength in (0.001, 1.0))
    blend = Blend((one, two, one), Weights(0.1, (0.2, 0.7, 0.3)))
    check_parity(graph_of(blend), blend, sample(500)[0], ENCODER, 0.5)


@EACH
def test_the_same_data_and_seed_make_the_same_graph(family: Family, settings: dict[str, Any]) -> None:
    assert graph_of(alone(fitted(family, settings, 500))) == graph_of(alone(fitted(family, settings, 500)))


def test_edge_rows_have_every_value_that_conversions_get_wrong() -> None:
    rows = sample(30)[0]
    bounded = Encoder([Input("age", "integer", min=16, max=120), *ENCODER.inputs[1:]])
    edges = _edge_rows(rows, bounded)
    assert len(edges) == len(rows) * (2 + 3 + 3 + 2 + 3 + 2)
    assert {16, 120} <= set(edges[:, 0])
    assert {-EXTREME, EXTREME} <= set(edges[:, 1])
    assert np.isnan(edges[:, 2]).sum() > np.isnan(rows[:, 2]).sum()
    assert {UNKNOWN_LEVEL, 3.0} <= set(edges[:, 3])
    assert {UNKNOWN_LEVEL, 7.0} <= set(edges[:, 5])
    # One value at a time: the others are those of the rows.
    assert (edges[: 2 * len(rows), 3] == np.tile(rows[:, 3], 2)).all()


def test_parity_counts_the_rows_that_were_tried() -> None:
    blend = alone(fitted(FAMILIES[0], {"C": 1.0}))
    parity = check_parity(graph_of(blend), blend, sample(2000)[0], ENCODER, 0.5)
    assert parity.rows == 2000 + EDGE_ROWS * (2 + 3 + 3 + 2 + 3 + 2)


def test_a_graph_of_another_model_is_caught() -> None:
    rows, _ = sample(500)
    graph = graph_of(alone(fitted(FAMILIES[0], {"C": 0.001})))
    with pytest.raises(ConversionError, match=r"disagree on .* of .* rows"):
        check_parity(graph, alone(fitted(FAMILIES[0], {"C": 1.0})), rows, ENCODER, 0.5)


@pytest.mark.parametrize(("constant", "place"), [("weights", 2), ("intercept", 0), ("positive", 0), ("most", 0)])
def test_a_constant_that_came_out_wrong_is_caught(several: Blend, constant: str, place: int) -> None:
    model = onnx.load_from_string(graph_of(several))
    (stored,) = (found for found in model.graph.initializer if found.name == constant)
    values = numpy_helper.to_array(stored).copy().reshape(-1)
    values[place] = 0 if constant == "positive" else values[place] * 0.9
    stored.CopyFrom(numpy_helper.from_array(values.reshape(tuple(stored.dims)), constant))
    with pytest.raises(ConversionError, match="disagree"):
        check_parity(model.SerializeToString(), several, sample(500)[0], ENCODER, 0.5)


def test_members_in_another_order_are_caught(several: Blend) -> None:
    turned = Blend(several.pipelines[::-1], several.weights)
    with pytest.raises(ConversionError, match="disagree"):
        check_parity(graph_of(turned), several, sample(500)[0], ENCODER, 0.5)


def test_a_difference_in_rows_with_empty_values_alone_is_caught() -> None:
    pipeline = fitted(FAMILIES[0], {"C": 1.0})
    graph = graph_of(alone(pipeline))
    pipeline.named_steps["prepare"].named_transformers_["numbers"].statistics_[1] += 1e6
    matrix, _ = sample(3000)
    whole = matrix[~np.isnan(matrix[:, 1:3]).any(axis=1)]
    whole_encoder = Encoder([Input(item.name, item.type, levels=item.levels) for item in ENCODER.inputs])
    whole[:, 4] = 0
    check_parity(graph, alone(pipeline), whole, whole_encoder, 0.5)
    with pytest.raises(ConversionError):
        check_parity(graph, alone(pipeline), whole, ENCODER, 0.5)


def test_a_graph_that_answers_nan_is_caught() -> None:
    rows, positive = sample(300)
    plain = Encoder([Input("age", "integer")])
    broken, whole = (
        alone(Pipeline([("model", LogisticRegression(max_iter=1000))]).fit(rows[:, :1], positive)) for _ in range(2)
    )
    broken.pipelines[0].named_steps["model"].coef_[:] = np.nan
    with pytest.raises(ConversionError):
        check_parity(convert(broken, 1, "test"), whole, rows[:, :1], plain, 0.5)
    assert check_parity(convert(whole, 1, "test"), whole, rows[:, :1], plain, 0.5).decisions_flipped == 0


def test_what_does_not_convert_is_said() -> None:
    class Unheard(LogisticRegression):
        """A model that the converter does not know."""

    rows, positive = sample(300)
    rows[:, 1:] = 0
    pipeline = Pipeline([("model", Unheard())]).fit(rows, positive)
    with pytest.raises(ConversionError, match="the fitted Unheard does not convert to ONNX"):
        graph_of(alone(pipeline))


def test_no_rows_get_no_answers(several: Blend) -> None:
    assert len(probabilities(graph_of(several), sample(0)[0])) == 0


@EACH
def test_neighbouring_numbers_stay_on_their_sides(family: Family, settings: dict[str, Any]) -> None:
    """Amounts near 100,000 are so dense in 32 bits that thresholds fall between neighbours."""
    random = np.random.default_rng(0)
    amount, other = np.round(random.normal(100_000, 20, 5000), 2), random.normal(size=5000)
    rows = np.column_stack([amount, other]).astype(np.float32)
    positive = random.random(5000) < 1 / (1 + np.exp(-(amount - 100_000) / 20 - other))
    encoder = Encoder([Input("amount", "decimal"), Input("other", "number")])
    blend = alone(Trial(family, settings, "all").fit(Layout.of(encoder.inputs), 42, rows[:4000], positive[:4000]))
    check_parity(convert(blend, 2, "phone"), blend, rows, encoder, 0.1)


NOTHING_TO_SEE = {
    "numbers alone": [Input("a", "number"), Input("b", "number")],
    "categories alone": [Input("a", "category", levels=("x", "y")), Input("b", "weekday", levels=WEEKDAYS)],
    "one number": [Input("a", "number")],
    "one category": [Input("a", "category", levels=("x", "y"))],
    "no level known": [Input("a", "category", nullable=True)],
}


@pytest.mark.parametrize("inputs", NOTHING_TO_SEE.values(), ids=NOTHING_TO_SEE.keys())
@pytest.mark.parametrize("value", [None, 0.0, 1e7])
def test_few_and_constant_inputs_are_learned_from_without_complaint(inputs: list[Input], value: float | None) -> None:
    """Also numbers that are always the same, or always empty."""
    random = np.random.default_rng(1)
    rows = random.integers(0, 2, (300, len(inputs))).astype(np.float32)
    if value is not None:
        numbers = [place for place, item in enumerate(inputs) if item.type == "number"]
        rows[:, numbers] = value or np.nan
    layout, positive = Layout.of(inputs), random.random(300) < 0.3
    pipelines = tuple(Trial(family, family.settings[0], "all").fit(layout, 42, rows, positive) for family in FAMILIES)
    blend = Blend(pipelines, Weights(0.0, (0.4, 0.3, 0.3)))
    check_parity(convert(blend, len(inputs), "test"), blend, rows, Encoder(inputs), 0.5)
