"""The prediction log: what was answered, one JSON line for each row, in blobs by model, UTC day and writing process.

It holds no personal data: no column that the catalog calls so, and of a row's key no more than a keyed hash.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from shared.errors import VersionError
from shared.store import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.blobs import Blobs

PredictionRole = Literal["served", "canary", "named", "shadow"]


class Told(Struct, frozen=True, kw_only=True):
    """What a version said of one row: a probability and a decision, or a forecast."""

    probability: float | UnsetType = UNSET
    decision: str | UnsetType = UNSET
    forecast: dict[str, float] | UnsetType = UNSET
    """``forecast`` itself, and the ends of its interval of 90 %."""


class Prediction(Struct, frozen=True, tag_field="kind", tag="prediction", kw_only=True):
    """One row, and what a version said of it: a probability and a decision, or a forecast.

    A release that knows no forecasts finds neither of the first two in the line of one, and says that it is no
    prediction which it reads.
    """

    at: str
    """UTC, to the millisecond: 2026-11-25T20:14:24.123Z."""
    request: str
    """The id that the answer bore."""
    row: int
    """Its place in the request, counted from 0; of a forecast, its place in the answer, one for each day."""
    model: str
    version: str
    role: PredictionRole
    """``served`` by the champion, or by its ``canary``; ``named``: the request asked for this version; ``shadow``: this
    was shown to nobody, ``against`` says what was."""
    probability: float | UnsetType = UNSET
    decision: str | UnsetType = UNSET
    forecast: dict[str, float] | UnsetType = UNSET
    """See ``Told``; the features say of what series, and of which day."""
    key_hash: str | None
    """Of what names the row: see ``key_hash``. None where the request did not name it."""
    features: dict[str, Any]
    """As they were sent, by input; long texts are cut."""
    against: str | UnsetType = UNSET
    """The version whose answer was shown; what it said of the row follows."""
    against_probability: float | UnsetType = UNSET
    against_decision: str | UnsetType = UNSET
    against_forecast: dict[str, float] | UnsetType = UNSET
    schema_version: Literal[1] = 1

    def __post_init__(self) -> None:
        """Raise ValueError where it says nothing of the row, or two things."""
        if ((self.probability is UNSET) | (self.decision is UNSET)) is not (self.forecast is not UNSET):
            msg = "expected a probability and a decision, or a forecast"
            raise ValueError(msg)


class Loss(Struct, frozen=True, tag_field="kind", tag="loss", kw_only=True):
    """Rows that should stand in this log and do not: they came faster than they could be written."""

    at: str
    model: str
    role: PredictionRole
    rows: int
    """Since the writer's last such line."""
    schema_version: Literal[1] = 1


def key_hash(key: Any, secret: str | None) -> str | None:
    """What stands in the log for a row's key, in hexadecimal.

    With a secret (PII_HASH_KEY): HMAC-SHA256 of the key's text, the very hash that a key column with ``pii = "hash"``
    is exported as, so that outcomes can be joined. Without: plain SHA-256, from which a short key can be found out by
    trying all of them; it keeps keys out of sight, not secret.
    """
    if key is None:
        return None
    text = str(key).encode()
    return hashlib.sha256(text).hexdigest() if secret is None else hmac.digest(secret.encode(), text, "sha256").hex()


def read_predictions(blobs: Blobs, model: str, day: str) -> Iterator[Prediction | Loss]:
    """The lines of one UTC day, writer by writer. Raises VersionError where a line is none."""
    for info in blobs.list(names.predictions_of(model, day)):
        rest = b""
        for chunk in blobs.chunks(info.name):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield read_line(line, info.name)


def read_line(line: bytes, name: str) -> Prediction | Loss:
    """One line of the blob ``name``. Raises VersionError."""
    try:
        read: Prediction | Loss = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{name}: has a line that is no prediction which this release reads: {error}"
        raise VersionError(msg) from error
    return read


_DECODER = msgspec.json.Decoder(Prediction | Loss)
