"""Who answers which row, and what is written down of it: the canary, the shadow, the prediction log."""

from __future__ import annotations

import hashlib
import time
from random import random
from typing import TYPE_CHECKING

from msgspec import UNSET

from shared.scoring.log.lines import Answered, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shared.scoring.http import Call
    from shared.scoring.log.prediction_log import PredictionLog
    from shared.scoring.rows import Rows
    from shared.scoring.scored import Scored
    from shared.scoring.seams import Share
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.scoring.serving.served import Live, Served
    from shared.store.predictions import PredictionRole

VERSION = "version"
"""In the query: the version that answers all rows of the request."""


class CanarySplit:
    """Gives the canary its share of the rows, each row always to the same version."""

    def __init__(self, served: Mapping[str, Served]) -> None:
        self._served = served

    def split(self, model: str, champion: LoadedVersion, rows: Rows) -> Sequence[Share]:
        """All rows to the champion where there is no canary, or it is that of another champion."""
        live = self._served[model].latest
        if live is None or live.canary is None or live.champion is not champion:
            return ((champion, None),)
        canary = live.canary.loaded
        places = positions(champion, canary, rows)
        goes = [position < live.canary.share for position in places]
        taken = canary.takes(rows)
        if taken is not None:
            goes = [goes_there and takes for goes_there, takes in zip(goes, taken, strict=True)]
        if not any(goes):
            return ((champion, None),)
        if all(goes):
            return ((canary, None),)
        stay = [place for place, one in enumerate(goes) if not one]
        return ((champion, stay), (canary, [place for place, one in enumerate(goes) if one]))


def positions(champion: LoadedVersion, canary: LoadedVersion, rows: Rows) -> Iterator[float]:
    """For each row a number from 0 to 1 that depends on its key alone, and on which canary it is.

    A row that nothing names is known by what it holds. With another canary other rows come first, so that it is not
    always the same clients on whom versions are tried.
    """
    salted = hashlib.blake2b(f"{canary.version.model} {canary.version.version} ".encode(), digest_size=8)
    contents: NDArray[np.float32] | None = None
    for place, key in enumerate(rows.keys):
        one = salted.copy()
        if key is UNSET or key is None:
            if contents is None:
                contents = champion.contents(rows) + 0.0  # -0 is 0
            one.update(b"row " + contents[place].tobytes())
        else:
            one.update(b"key " + str(key).encode())
        yield int.from_bytes(one.digest()) / 2**64


class LogWatcher:
    """Writes down what was answered: a share of it, chosen by chance."""

    def __init__(self, served: Mapping[str, Served], log: PredictionLog, sample: float) -> None:
        self._served = served
        self._log = log
        self._sample = sample

    def watch(self, call: Call, scored: Scored) -> Callable[[], None] | None:
        """See ``seams.Watcher``."""
        chosen = _chosen(scored, self._sample)
        if chosen is None:
            return None
        rows, probabilities, places = chosen
        live = self._served[scored.loaded.version.model].latest
        role: PredictionRole = "served"
        if VERSION in call.query:
            role = "named"
        elif live is not None and live.canary is not None and live.canary.loaded is scored.loaded:
            role = "canary"
        answered = Answered(time.time(), call.request_id, role, scored.loaded, rows, places, probabilities)
        return self._log.hold(answered)


class ShadowWatcher:
    """Has a challenger score a share of the rows, chosen by chance, for the prediction log alone.

    The log's thread does it after the answer; where rows come faster, they are dropped and counted as any others.
    """

    def __init__(self, served: Mapping[str, Served], log: PredictionLog) -> None:
        self._served = served
        self._log = log

    def watch(self, call: Call, scored: Scored) -> Callable[[], None] | None:
        """See ``seams.Watcher``."""
        live = self._served[scored.loaded.version.model].latest
        if live is None or live.shadow is None or VERSION in call.query or not _is_of(live, scored.loaded):
            return None
        chosen = _chosen(scored, live.shadow.share, live.shadow.loaded.takes(scored.rows))
        if chosen is None:
            return None
        rows, probabilities, places = chosen
        shown = Shown(scored.loaded, probabilities)
        answered = Answered(time.time(), call.request_id, "shadow", live.shadow.loaded, rows, places, None, shown)
        return self._log.hold(answered)


def _is_of(live: Live, loaded: LoadedVersion) -> bool:
    """Whether rows that ``loaded`` answered were read by the schema that the shadow can take."""
    return loaded is live.champion or (live.canary is not None and loaded is live.canary.loaded)


def _chosen(
    scored: Scored, share: float, fits: Sequence[bool] | None = None
) -> tuple[Rows, NDArray[np.float32], Sequence[int]] | None:
    """Rows, what was said of them and their places in the request: all, or each with the probability ``share``.

    Only those that fit, where it is said which.
    """
    if share <= 0:
        return None
    rows, places = scored.rows, scored.places
    numbers: Sequence[int] = range(rows.first, rows.first + rows.count)
    if places is not None:
        numbers = [rows.first + place for place in places]
    if share >= 1 and (fits is None or all(fits)):
        return rows, scored.outputs, numbers
    taken = [place for place in range(rows.count) if random() < share]  # noqa: S311 - nothing is kept secret by it
    if fits is not None:
        taken = [place for place in taken if fits[place]]
    if not taken:
        return None
    return rows.take(taken), scored.outputs[taken], [numbers[place] for place in taken]
