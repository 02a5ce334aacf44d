"""From a fitted pipeline to an ONNX graph, and the proof that both answer alike."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import ConversionError
from shared.features import GRAPH_INPUT, GRAPH_OUTPUT, UNKNOWN_LEVEL
from shared.store.records import Parity

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from shared.features import Encoder

logger = logging.getLogger(__name__)

TARGET_OPSET = 21
TOLERANCE = 1e-5
EDGE_ROWS = 1_000


def convert(pipeline: Pipeline, inputs: int, model: str) -> bytes:
    """The graph of ``pipeline``: ``rows`` (n, inputs) float32 in, ``probabilities`` (n, 2) out.

    Raises ConversionError. The bytes depend on the fitted pipeline alone.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    try:
        graph = to_onnx(
            pipeline,
            name=model,
            initial_types=[(GRAPH_INPUT, FloatTensorType([None, inputs]))],
            options={"zipmap": False},
            target_opset=TARGET_OPSET,
        )
    except Exception as error:
        # The converter raises whatever the converted class makes it stumble over.
        msg = f"{model}: the fitted pipeline does not convert to ONNX: {error}"
        raise ConversionError(msg) from error
    return bytes(graph.SerializeToString())


def probabilities(graph: bytes, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a graph answers: the probability of the positive class, shape (n,)."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    # Left to itself, onnxruntime binds threads to cores, and containers that forbid it fill the log with errors.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    answer: NDArray[np.float32] = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})[0][:, 1]
    return answer


def check_parity(
    graph: bytes, pipeline: Pipeline, rows: NDArray[np.float32], encoder: Encoder, threshold: float
) -> Parity:
    """Hold the graph against the pipeline on ``rows`` and on rows with empty values and unknown levels.

    Raises ConversionError where a probability differs by more than TOLERANCE.
    """
    tried = np.concatenate([rows, _edge_rows(rows[:EDGE_ROWS], encoder)])
    expected = pipeline.predict_proba(tried)[:, 1]
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
            f"the ONNX graph and the fitted pipeline disagree on {int(wrong.sum()):,} of {len(tried):,} rows by up to "
            f"{parity.largest_difference:.2g}; expected at most {TOLERANCE:g}. "
            f"Row {row:,}: pipeline {expected[row]:.6f}, graph {got[row]:.6f}"
        )
        raise ConversionError(msg)
    return parity


def _edge_rows(rows: NDArray[np.float32], encoder: Encoder) -> NDArray[np.float32]:
    """For each input, rows in which its value is empty where it may be, and of an unknown level where it is one."""
    changed: list[NDArray[Any]] = []
    for place, item in enumerate(encoder.inputs):
        values = [UNKNOWN_LEVEL, float(len(item.levels))] if item.type == "category" else []
        if item.type != "category" and item.nullable:
            values = [float("nan")]
        for value in values:
            copy = rows.copy()
            copy[:, place] = value
            changed.append(copy)
    return np.concatenate(changed) if changed else rows[:0]
