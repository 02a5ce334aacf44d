"""What a version is called: after all that it is made from."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version as library_version
from typing import TYPE_CHECKING

import msgspec

from shared.catalog.spec import Retraining

if TYPE_CHECKING:
    from shared.catalog.spec import UseCase
    from shared.training.table import Table

LIBRARIES = ("numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "skl2onnx")
STAMP_LENGTH = len("20261123T020000Z")


def catalog_sha256(use_case: UseCase) -> str:
    """Of what the catalog says about a use case but for when to retrain: when it changes, so may the model."""
    told = msgspec.structs.replace(use_case, retraining=Retraining())
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def libraries() -> dict[str, str]:
    """The versions of Python and of what makes models."""
    return {"python": platform.python_version(), **{name: library_version(name) for name in LIBRARIES}}


def version_name(slot: str, table: Table, use_case: UseCase) -> str:
    """The slot's stamp and a hash of the rest: known before the work, and the same when it is done again."""
    made_from = [slot, table.sha256, catalog_sha256(use_case), sorted(libraries().items())]
    return f"{slot[:STAMP_LENGTH]}-{hashlib.sha256(msgspec.json.encode(made_from)).hexdigest()[:8]}"
