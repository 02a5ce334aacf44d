"""Blob drop: retrain the model that learns from this dataset, or score a file for a model."""

from __future__ import annotations

import azure.functions as func

from shared import wiring
from shared.store import names


def main(drop: func.InputStream) -> None:
    """Do what the drop is there for; raises where the platform should try again.

    The binding has loaded the blob, which is why exports announce themselves by a small manifest. What is read is read
    through the store, a part at a time.
    """
    blob = drop.name or ""
    if names.is_to_score(blob):
        from shared.scoring.bulk.run import score_drop

        score_drop(blob, wiring.catalog(), wiring.blobs(), wiring.settings().score_drop_max_bytes)
        return
    from shared.training.run import train

    train(blob, wiring.catalog(), wiring.blobs())
