"""What each app's package holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = Path(__file__).parent / "locks"
SMOKE = ROOT / "infra" / "smoke" / "smoke.toml"
MB = 1_000_000

EVERY_APP = ("azure-functions", "azure-identity", "azure-storage-blob", "msgspec", "numpy", "onnxruntime", "protobuf")
ONLY_FOR_CONVERSIONS = tuple(f"onnxruntime/{part}" for part in ("datasets", "quantization", "tools", "transformers"))
TRAINING = ("holidays", "onnx", "pandas", "pyodbc", "scikit-learn", "scipy", "skl2onnx", "threadpoolctl")


@dataclass(frozen=True)
class App:
    """One function app: its functions, the parts of ``shared/`` and of libraries that it does without."""

    name: str
    functions: tuple[str, ...]
    without: tuple[str, ...]
    requirements: tuple[str, ...]
    unused: tuple[str, ...]
    most_bytes: int

    @property
    def lock(self) -> Path:
        """The pins of everything that is installed, with hashes."""
        return LOCKS / f"{self.name}.txt"


APPS = {
    "scoring": App(
        name="scoring",
        functions=("score_http",),
        without=("shared/export", "shared/training"),
        requirements=EVERY_APP,
        unused=(*ONLY_FOR_CONVERSIONS, "numpy/f2py"),
        most_bytes=55 * MB,
    ),
    "pipeline": App(
        name="pipeline",
        functions=("export_timer", "train_blob_trigger"),
        without=(),
        requirements=(*EVERY_APP, *TRAINING),
        unused=(*ONLY_FOR_CONVERSIONS, "sklearn/datasets/data", "sklearn/datasets/images"),
        most_bytes=125 * MB,
    ),
}
