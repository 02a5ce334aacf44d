"""From a fitted blend to one ONNX graph, and the proof that both answer alike."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import ConversionError
from shared.features import GRAPH_INPUT, GRAPH_OUTPUT, UNKNOWN_LEVEL, is_coded
from shared.store.records import Parity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from shared.features import Encoder
    from shared.store.records import Input
    from shared.training.blend import Blend

logger = logging.getLogger(__name__)

TARGET_OPSET = {"": 21, "ai.onnx.ml": 3}
IR_VERSION = 10
TOLERANCE = 1e-5
EDGE_ROWS = 500
EXTREME = 1e9
"""Where the catalog gives no bound, numbers are tried up to here."""


def convert(blend: Blend, inputs: int, model: str) -> bytes:
    """The graph of ``blend``: ``rows`` (n, inputs) float32 in, ``probabilities`` (n, 2) out.

    Raises ConversionError. The bytes depend on the fitted pipelines and their weights alone.
    """
    from onnx import TensorProto, helper

    members = [_member(pipeline, inputs, f"m{place}_") for place, pipeline in enumerate(blend.pipelines)]
    nodes, constants = _sum_up([member.output[0].name for member in members], blend)
    graph = helper.make_graph(
        [*(node for member in members for node in member.node), *nodes],
        model,
        [helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, [None, inputs])],
        [helper.make_tensor_value_info(GRAPH_OUTPUT, TensorProto.FLOAT, [None, 2])],
        [*(constant for member in members for constant in member.initializer), *constants],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in TARGET_OPSET.items()]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="cauce")
    return bytes(made.SerializeToString(deterministic=True))


def _member(pipeline: Pipeline, inputs: int, prefix: str) -> Any:
    """The graph of one pipeline, whose names begin with ``prefix``, but for the input that all share."""
    from onnx.compose import add_prefix_graph
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    from shared.training import clipping, one_hot

    clipping.register()
    one_hot.register()
    try:
        graph = to_onnx(
            pipeline,
            initial_types=[(GRAPH_INPUT, FloatTensorType([None, inputs]))],
            options={"zipmap": False},
            target_opset=TARGET_OPSET,
        ).graph
    except Exception as error:
        # The converter raises whatever the converted class makes it stumble over.
        msg = f"the fitted {type(pipeline[-1]).__name__} does not convert to ONNX: {error}"
        raise ConversionError(msg) from error
    probabilities = graph.output[1]
    del graph.output[:]
    graph.output.append(probabilities)
    return add_prefix_graph(graph, prefix, rename_inputs=False)


def _sum_up(outputs: Sequence[str], blend: Blend) -> tuple[list[Any], list[Any]]:
    """Nodes and constants that make one probability of those of the members, as ``Blend.predict`` does."""
    from onnx import TensorProto, helper

    from shared.training.blend import SUREST

    count = len(outputs)
    nodes = [
        helper.make_node("Concat", list(outputs), ["both"], axis=1),
        helper.make_node("Gather", ["both", "positive"], ["members"], axis=1),
        helper.make_node("Clip", ["members", "least", "most"], ["likely"]),
        helper.make_node("Sub", ["one", "likely"], ["unlikely"]),
        helper.make_node("Div", ["likely", "unlikely"], ["odds"]),
        helper.make_node("Log", ["odds"], ["log_odds"]),
        helper.make_node("Gemm", ["log_odds", "weights", "intercept"], ["summed"]),
        helper.make_node("Sigmoid", ["summed"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], [GRAPH_OUTPUT], axis=1),
    ]
    constants = [
        helper.make_tensor("positive", TensorProto.INT64, [count], range(1, 2 * count, 2)),
        helper.make_tensor("least", TensorProto.FLOAT, [], [SUREST]),
        helper.make_tensor("most", TensorProto.FLOAT, [], [1 - SUREST]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("weights", TensorProto.FLOAT, [count, 1], list(blend.weights.members)),
        helper.make_tensor("intercept", TensorProto.FLOAT, [1], [blend.weights.intercept]),
    ]
    return nodes, constants


def probabilities(graph: bytes, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a graph answers: the probability of the positive class, shape (n,)."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    # Left to itself, onnxruntime binds threads to cores, and containers that forbid it fill the log with errors.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    answer: NDArray[np.float32] = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})[0][:, 1]
    return answer


def check_parity(graph: bytes, blend: Blend, rows: NDArray[np.float32], encoder: Encoder, threshold: float) -> Parity:
    """Hold the graph against the blend on ``rows``, and on rows with empty values, unknown levels and extremes.

    Raises ConversionError where a probability differs by more than TOLERANCE.
    """
    tried = np.concatenate([rows, _edge_rows(rows[-EDGE_ROWS:], encoder)])
    expected = blend.predict(tried)
    got = probabilities(graph, tried)
    difference = np.abs(expected - got)
    parity = Parity(
        rows=len(tried),
        largest_difference=float(difference.max()),
        decisions_flipped=int(((expected >= threshold) != (got >= threshold)).sum()),
    )
    # not <=, so that NaN counts as a difference
    wrong = ~(difference <= TOLERANCE)
    if wrong.any():
        row = int(np.argmax(wrong))
        msg = (
            f"the ONNX graph and the fitted pipelines disagree on {int(wrong.sum()):,} of {len(tried):,} rows by up to "
            f"{parity.largest_difference:.2g}; expected at most {TOLERANCE:g}. "
            f"Row {row:,}: pipelines {expected[row]:.6f}, graph {got[row]:.6f}"
        )
        raise ConversionError(msg)
    return parity


def _edge_rows(rows: NDArray[np.float32], encoder: Encoder) -> NDArray[np.float32]:
    """For each input, rows with the values of it that a conversion is most likely to get wrong."""
    changed: list[NDArray[Any]] = []
    for place, item in enumerate(encoder.inputs):
        for value in _edge_values(item):
            copy = rows.copy()
            copy[:, place] = value
            changed.append(copy)
    return np.concatenate(changed)


def _edge_values(item: Input) -> list[float]:
    if is_coded(item):
        return [UNKNOWN_LEVEL, float(len(item.levels))]
    extremes = [-EXTREME if item.min is None else item.min, EXTREME if item.max is None else item.max]
    return [*extremes, float("nan")] if item.nullable else extremes
