"""What the rivals of ``score_bench`` answer with: the same fitted pipelines, by scikit-learn, or the same graph.

Runs in the rivals' own environment, which has pandas and scikit-learn, with this project on its path.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.features import GRAPH_INPUT, GRAPH_OUTPUT, Encoder
from shared.store.records import Classifier, from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

FOLDER = "BENCH_MODEL"
"""The environment variable that names the folder of the fitted model."""
GRAPH = "BENCH_GRAPH"
"""Set: answer with the graph, as somebody would who knows onnxruntime."""


class Rival:
    """Loads the model as a hand-written service does, and answers rows as they were sent."""

    def __init__(self) -> None:
        folder = Path(os.environ[FOLDER])
        self.version = from_json((folder / "version.json").read_bytes(), Classifier, "version.json")
        self.knows_onnx = bool(os.environ.get(GRAPH))
        self._predict = _graph(folder) if self.knows_onnx else _pipelines(folder)

    def probabilities(self, frame: pd.DataFrame) -> list[float]:
        """Of the rows of a table, which scikit-learn's world works on."""
        return self._of_columns({item.name: frame[item.name].tolist() for item in self.version.inputs}, len(frame))

    def of_rows(self, rows: list[Mapping[str, Any]]) -> list[float]:
        """Of rows as they were sent, without a table, by whoever knows that it is the slowest part."""
        return self._of_columns(
            {item.name: [row[item.name] for row in rows] for item in self.version.inputs}, len(rows)
        )

    def answer(self, keys: list[Any], probabilities: list[float]) -> dict[str, Any]:
        """The same content as Cauce's."""
        rule = self.version.decision
        predictions = [
            {
                self.version.key.name: key,
                "probability": round(probability, 6),
                "decision": rule.act if probability >= rule.threshold else rule.skip,
            }
            for key, probability in zip(keys, probabilities, strict=True)
        ]
        return {"model": self.version.model, "version": self.version.version, "predictions": predictions}

    def _of_columns(self, columns: Mapping[str, list[Any]], rows: int) -> list[float]:
        answered: list[float] = self._predict(encoded(self.version, columns, rows)).tolist()
        return answered


def encoded(version: Classifier, columns: Mapping[str, list[Any]], rows: int) -> NDArray[np.float32]:
    """As the graph takes them; a date may be one or its text."""
    dates = {
        item.name: np.array(columns[item.name], dtype="datetime64[D]")
        for item in version.inputs
        if item.type == "weekday"
    }
    return Encoder(version.inputs).encode({**columns, **dates}, rows)


def _pipelines(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
    blend = pickle.loads((folder / "blend.pickle").read_bytes())  # noqa: S301  # the bench wrote it
    predict: Callable[[NDArray[np.float32]], NDArray[Any]] = blend.predict
    return predict


def _graph(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession((folder / "model.onnx").read_bytes(), options)

    def predict(rows: NDArray[np.float32]) -> NDArray[Any]:
        answered: NDArray[Any] = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})[0][:, 1]
        return answered

    return predict
