"""The card of a forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.store.forecasts import Forecaster


def render(version: Forecaster) -> bytes:
    """The page."""
    return version.title.encode()
