"""Let a version serve where a verdict says so, whatever else happens to the champion meanwhile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from shared.errors import BlobConflict
from shared.store import names
from shared.store.records import HistoryEntry

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.store.records import Verdict, Version
    from shared.store.registry import Registry, Serving

logger = logging.getLogger(__name__)

ATTEMPTS = 5


def promote(
    challenger: Version, registry: Registry, now: Callable[[], datetime], judge: Callable[[str | None], Verdict]
) -> Verdict:
    """Judge, and promote where the verdict says so; judge again where the champion changed meanwhile.

    ``judge`` takes the version to beat, None where there is none. Raises BlobConflict where the champion never rests.
    """
    model = challenger.model
    for _ in range(ATTEMPTS):
        serving = registry.champion(model)
        rival = rival_of(challenger, serving)
        verdict = judge(rival)
        # A run that died after promoting finds its own version as champion.
        promoted = serving is not None and serving.champion.version == challenger.version
        if not verdict.promote and not promoted:
            return verdict
        entry = HistoryEntry(
            at=names.stamp(now()),
            action="promoted",
            version=challenger.version,
            previous=rival,
            why=verdict.reason,
            who="train_blob_trigger",
        )
        try:
            registry.promote(model, entry, serving)
        except BlobConflict:
            logger.info("%s: the champion changed while %s was judged", model, challenger.version)
            continue
        return msgspec.structs.replace(verdict, promote=True)
    msg = f"{model}: the champion changed {ATTEMPTS} times while {challenger.version} was judged"
    raise BlobConflict(msg)


def rival_of(challenger: Version, serving: Serving | None) -> str | None:
    """The version to beat. A version that serves already is judged as it was when it was promoted."""
    if serving is None:
        return None
    champion = serving.champion
    return champion.previous if champion.version == challenger.version else champion.version
