"""The one place that spells blob names: ``container/path``, as in docs/design.md's blob contract."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import DropError

STAMP_FORMAT = "%Y%m%dT%H%M%SZ"
VERSION_PATTERN = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{8}\Z", re.ASCII)
DROP_PATTERN = re.compile(r"^drops/(?P<dataset>[^/]+)/(?P<stem>[^/]+?)(?P<suffix>\.[^./]+)?\Z")
SCORE = "score"
"""Takes the place of a dataset in the names of what is dropped to be scored: no dataset can be called so."""
SCORING_PATTERN = re.compile(rf"^drops/{SCORE}/(?P<model>[^/]+)/(?P<stem>[^/]+?)(?P<suffix>\.[^./]+)?\Z")
RESULT_STEM_CHARACTERS = 200
"""So much of a file's name is in that of its result: storage allows 1,024 characters in all."""
PROGRESS = ".progress.json"
ORDER = ".order"
NO_MODEL = "none"
"""Stands for the model in the run record of a drop that no use case reads."""


def stamp(moment: datetime) -> str:
    """A UTC instant to the second, as blob names write it: 20261123T020000Z."""
    return moment.astimezone(UTC).strftime(STAMP_FORMAT)


def parse_stamp(text: str) -> datetime:
    """The inverse of ``stamp``; raise ValueError for anything that it would not write."""
    moment = datetime.strptime(text, STAMP_FORMAT).replace(tzinfo=UTC)
    if stamp(moment) != text:
        msg = f"expected a stamp like 20261123T020000Z, got {text!r}"
        raise ValueError(msg)
    return moment


def upload_slot(blob: str, etag: str, modified: datetime) -> str:
    """The slot of a file that somebody uploads, from the moment and the ETag of the upload.

    The same event again means the same slot, and a new upload under the old name a new one.
    """
    digest = hashlib.sha256(f"{blob} {etag}".encode()).hexdigest()
    return f"{stamp(modified)}-{digest[:8]}"


def part(dataset: str, slot: str, attempt: str, index: int) -> str:
    """One CSV file of an export. Each attempt has a folder of its own: two at once never share a blob."""
    return f"exports/{dataset}/{slot}/{attempt}/part-{index:05d}.csv"


def attempt_file(dataset: str, slot: str, attempt: str, file: str) -> str:
    """What an attempt writes beside its parts: ``prepared.json`` and ``boundary.bin``."""
    return f"exports/{dataset}/{slot}/{attempt}/{file}"


def folder_of(blob: str) -> str:
    """The folder that ``blob`` lies in, ending in a slash: an attempt's, or a slot's."""
    return blob.rpartition("/")[0] + "/"


def export_record(dataset: str, slot: str) -> str:
    """What became of the slot's export."""
    return f"exports/{dataset}/{slot}/export.json"


def export_state(dataset: str) -> str:
    """How far the dataset is exported."""
    return f"exports/{dataset}/state.json"


def exports(dataset: str) -> str:
    """What every blob of the dataset's exports begins with."""
    return f"exports/{dataset}/"


def manifests(dataset: str) -> str:
    """What every manifest of the dataset, and every CSV dropped for it, begins with."""
    return f"drops/{dataset}/"


def manifest(dataset: str, slot: str) -> str:
    """The blob that announces an export; nothing else of an export triggers anything."""
    return f"drops/{dataset}/{slot}.json"


def dropped_csv(dataset: str, name: str) -> str:
    """A CSV file that a person drops; ``name`` ends in .csv."""
    return f"drops/{dataset}/{name}"


def order(dataset: str, slot: str) -> str:
    """A person's order to retrain on what was dropped last."""
    return f"drops/{dataset}/{slot}{ORDER}"


def quarantine(dataset: str, slot: str) -> str:
    """The refused rows of a drop, each with its reason."""
    return f"quarantine/{dataset}/{slot}/rows.csv"


def runs(dataset: str) -> str:
    """What every run record of the dataset begins with."""
    return f"runs/{dataset}/"


def run_record(dataset: str, slot: str, model: str) -> str:
    """What a run decided; its presence says that the drop is done."""
    return f"runs/{dataset}/{slot}/{model}.json"


def run_progress(dataset: str, slot: str, model: str) -> str:
    """How far a run is; overwritten while it works."""
    return f"runs/{dataset}/{slot}/{model}{PROGRESS}"


def scoring_csv(model: str, name: str) -> str:
    """A CSV file that is dropped to be scored; ``name`` ends in .csv."""
    return f"drops/{SCORE}/{model}/{name}"


def scoring_version(slot: str, model: str) -> str:
    """The version that a dropped file is scored by: chosen once, so that a run done again is scored by it too."""
    return f"runs/{SCORE}/{slot}/{model}.version.json"


def result(model: str, stem: str, slot: str) -> str:
    """The answers to a dropped file; ``stem`` is its name without .csv."""
    return f"results/{model}/{stem[:RESULT_STEM_CHARACTERS]}-{slot}.csv"


def forecast_table(model: str, slot: str) -> str:
    """All that a model forecast once a drop was done, for whoever lives in a spreadsheet."""
    return f"results/{model}/{slot}.csv"


def version_file(model: str, version: str, file: str) -> str:
    """One immutable file of a version: model.onnx, card.html, version.json (written last)."""
    return f"models/{model}/{version}/{file}"


def versions(model: str) -> str:
    """What everything of a model begins with."""
    return f"models/{model}/"


def version_of(blob: str) -> str | None:
    """The version that a blob under ``models/`` shows to be whole; None for any other blob."""
    *folder, file = blob.split("/")
    whole = file == "version.json" and VERSION_PATTERN.match(folder[-1])
    return folder[-1] if whole else None


def champion(model: str) -> str:
    """Which version serves."""
    return f"models/{model}/champion.json"


def history(model: str) -> str:
    """Every promotion and rollback, one JSON line each."""
    return f"models/{model}/history.jsonl"


def predictions(model: str, day: str, writer: str, part: int) -> str:
    """What one process answered on a UTC day (``2026-11-25``); ``part`` counts the blobs that were filled before."""
    return f"predictions/{model}/{day}/{writer}-{part:05d}.jsonl"


def predictions_of(model: str, day: str) -> str:
    """What every blob of the model's predictions of one UTC day begins with."""
    return f"predictions/{model}/{day}/"


def manifest_slot(blob: str) -> str | None:
    """The slot that a manifest under ``drops/`` is named after; None for any other blob."""
    match = DROP_PATTERN.match(blob)
    return match["stem"] if match and (match["suffix"] or "").lower() == ".json" else None


@dataclass(frozen=True)
class Drop:
    """A blob under ``drops/``: an export's manifest (.json), a person's CSV (.csv) or order to retrain (.order)."""

    blob: str
    dataset: str
    stem: str
    suffix: str


def parse_drop(blob: str) -> Drop:
    """Read a drop's blob name; raise DropError saying what a drop is called."""
    match = DROP_PATTERN.match(blob)
    if match is None:
        msg = f"{blob!r} is not a drop: expected drops/<dataset>/<name>.csv, or a manifest ending in .json"
        raise DropError(msg)
    return Drop(blob, match["dataset"], match["stem"], (match["suffix"] or "").lower())


def is_to_score(blob: str) -> bool:
    """Whether a blob under ``drops/`` is there to be scored, and not to be learned from."""
    return blob.startswith(f"drops/{SCORE}/")


@dataclass(frozen=True)
class ScoringDrop:
    """A file under ``drops/score/``."""

    blob: str
    model: str
    stem: str


def parse_scoring_drop(blob: str) -> ScoringDrop:
    """Read the name of a file that is to be scored; raise DropError saying what such a file is called."""
    match = SCORING_PATTERN.match(blob)
    if match is None or (match["suffix"] or "").lower() != ".csv":
        msg = f"{blob!r} is not a file to be scored: expected drops/{SCORE}/<model>/<name>.csv"
        raise DropError(msg)
    return ScoringDrop(blob, match["model"], match["stem"])
