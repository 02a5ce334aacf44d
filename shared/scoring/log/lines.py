"""From answered rows to the lines of the prediction log, without what is personal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from shared.store.predictions import Loss, Prediction, Told, key_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shared.catalog.load import Catalog
    from shared.catalog.spec import Dataset
    from shared.scoring.rows import Rows
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.store.predictions import PredictionRole
    from shared.store.records import Version

LONGEST_TEXT = 200
"""Characters of a text that go into the log; levels are shorter, and what is longer would fill it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the same rows were answered, beside a shadow that nobody is shown."""

    loaded: LoadedVersion
    outputs: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows that are to be written down. All that is by row is in the order of ``rows``."""

    at: float
    """Seconds since 1970."""
    request: str
    role: PredictionRole
    loaded: LoadedVersion
    rows: Rows
    places: Sequence[int]
    """Of the rows in the request, counted from 0."""
    outputs: NDArray[np.float32] | None
    """None: ``loaded`` scores the rows when they are written down."""
    shown: Shown | None = None


class Discretion:
    """What of a model's rows may be written down: what today's catalog knows, and does not call personal."""

    def __init__(self, dataset: Dataset, secret: str | None) -> None:
        columns = dataset.columns
        self._plain = frozenset(name for name, column in columns.items() if column.is_used and not column.pii)
        self._known = frozenset(columns)
        self._secret = secret

    def features(self, version: Version) -> list[str]:
        """The inputs that may be written, in their order. One that the catalog does not know any more may not.

        The days of a forecast are nobody's, and in no table.
        """
        return [item.name for item in version.inputs if item.name in self._plain or item.days is not None]

    def key(self, version: Version, key: Any) -> str | None:
        """What stands for a row's key. A personal one has no plain hash, since that can be found out by trying."""
        if key is UNSET or version.key.name not in self._known:
            return None
        if self._secret is None and version.key.name not in self._plain:
            return None
        return key_hash(key, self._secret)


class LineMaker:
    """Writes lines for the models of a catalog."""

    def __init__(self, catalog: Catalog, secret: str | None) -> None:
        self._discretion = {case.model.name: Discretion(case.dataset, secret) for case in catalog.use_cases}
        self._encode = msgspec.json.Encoder(enc_hook=_plain).encode

    def lines(self, answered: Answered, start: int, stop: int) -> Iterator[bytes]:
        """The lines of the rows from ``start`` to ``stop``."""
        loaded, rows = answered.loaded, answered.rows
        discretion = self._discretion[loaded.version.model]
        names = discretion.features(loaded.version)
        columns = [_cut(rows.columns[name][start:stop]) for name in names]
        features = zip(*columns, strict=True) if columns else repeat((), stop - start)
        told = loaded.told(_outputs(answered, start, stop))
        shown: Iterable[Told] = repeat(Told(), stop - start)
        against_version: str | UnsetType = UNSET
        if answered.shown is not None:
            against_version = answered.shown.loaded.version.version
            shown = answered.shown.loaded.told(answered.shown.outputs[start:stop])
        at, version = instant(answered.at), loaded.version
        for place, key, values, one, against in zip(
            answered.places[start:stop], rows.keys[start:stop], features, told, shown, strict=True
        ):
            line = Prediction(
                at=at, request=answered.request, row=place, model=version.model, version=version.version,
                role=answered.role, probability=one.probability, decision=one.decision, forecast=one.forecast,
                key_hash=discretion.key(version, key), features=dict(zip(names, values, strict=True)),
                against=against_version, against_probability=against.probability, against_decision=against.decision,
                against_forecast=against.forecast,
            )  # fmt: skip
            yield self._encode(line) + b"\n"

    def loss(self, model: str, role: PredictionRole, rows: int, at: float) -> bytes:
        """The line that says how many rows are missing."""
        return self._encode(Loss(at=instant(at), model=model, role=role, rows=rows)) + b"\n"


def instant(seconds: float) -> str:
    """UTC to the millisecond, as the lines write it; its first ten characters are the day."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _outputs(answered: Answered, start: int, stop: int) -> NDArray[np.float32]:
    if answered.outputs is not None:
        return answered.outputs[start:stop]
    columns = {name: values[start:stop] for name, values in answered.rows.columns.items()}
    loaded = answered.loaded
    return loaded.checked(loaded.outputs(loaded.encoder.encode(columns, stop - start)))


def _cut(values: Any) -> Any:
    """Texts no longer than they may be."""
    if any(type(value) is str and len(value) > LONGEST_TEXT for value in values):
        return [value[:LONGEST_TEXT] + "..." if isinstance(value, str) else value for value in values]
    return values


def _plain(value: Any) -> Any:
    """Of an array's own type, what JSON can write."""
    return value.item()
