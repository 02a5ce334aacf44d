"""Save the fitted pipelines as MLflow's own server takes them: ``python -m tests.bench.score_mlflow FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow.pyfunc
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from tests.bench.score_rival import Rival

if TYPE_CHECKING:
    import pandas as pd

TYPES = {"integer": DataType.long, "boolean": DataType.boolean, "category": DataType.string, "weekday": DataType.string}


class Model(mlflow.pyfunc.PythonModel):
    """What MLflow loads and calls with a table."""

    def load_context(self, context: Any) -> None:
        """Once, when the server starts."""
        self.rival = Rival()

    def predict(self, context: Any, model_input: pd.DataFrame) -> list[dict[str, Any]]:
        """One prediction for each row."""
        keys = model_input[self.rival.version.key.name].tolist()
        answered: list[dict[str, Any]] = self.rival.answer(keys, self.rival.probabilities(model_input))["predictions"]
        return answered


def save(folder: Path) -> None:
    """With the signature, which is what MLflow checks rows by."""
    version = Rival().version
    columns = [ColSpec(DataType.long, version.key.name, required=False)]
    columns += [ColSpec(TYPES.get(item.type, DataType.double), item.name) for item in version.inputs]
    mlflow.pyfunc.save_model(folder, python_model=Model(), signature=ModelSignature(inputs=Schema(columns)))


if __name__ == "__main__":
    save(Path(sys.argv[1]))
