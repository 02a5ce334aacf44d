"""A step that scikit-learn does not have: values beyond a limit count as the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Clip(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Keeps values within ``-limit`` and ``limit``."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def fit(self, rows: NDArray[Any], _: object = None) -> Self:
        """Learn nothing but the number of columns."""
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Shape and type stay."""
        clipped: NDArray[Any] = np.clip(rows, -self.limit, self.limit)
        return clipped


def register() -> None:
    """Tell skl2onnx how a Clip is written; doing it again changes nothing."""
    from skl2onnx import update_registered_converter

    update_registered_converter(Clip, "CauceClip", _shape, _convert)


def _shape(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].type = FloatTensorType([None, operator.inputs[0].type.shape[1]])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.algebra.onnx_ops import OnnxClip

    limit = np.array([operator.raw_operator.limit], dtype=np.float32)
    OnnxClip(
        operator.inputs[0], -limit, limit, op_version=container.target_opset, output_names=operator.outputs[:1]
    ).add_to(scope, container)
