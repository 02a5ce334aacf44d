"""Blob drop: retrain the model that learns from this dataset."""

from __future__ import annotations

import azure.functions as func

from shared import wiring


def main(drop: func.InputStream) -> None:
    """Train on the drop; raises where the platform should try again.

    The binding has loaded the blob, which is why exports announce themselves by a small manifest. What is read is read
    through the store, a part at a time.
    """
    from shared.training.run import train

    train(drop.name or "", wiring.catalog(), wiring.blobs())
