"""The JSON that Cauce stores, as typed records.

Every record carries ``schema_version``. Reading is strict: an unknown version, a missing field or a wrong type is a
VersionError that names the blob. Golden copies of each schema version are read in the tests for ever.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from shared.errors import VersionError

FeatureType = Literal["integer", "number", "decimal", "boolean", "category", "weekday", "day"]
Outcome = Literal["promoted", "kept", "unchanged", "not due", "refused"]


class Part(Struct, frozen=True):
    """One CSV file of a drop."""

    name: str
    rows: int
    size_bytes: int
    sha256: str


class CursorValue(Struct, frozen=True):
    """A value of a cursor column."""

    type: Literal["integer", "text", "date", "timestamp"]
    text: str


class Manifest(Struct, frozen=True):
    """What an export wrote; for training, a CSV that a person drops is a manifest of one part."""

    dataset: str
    slot: str
    columns: dict[str, str]
    """Column name to catalog type, in the order of the CSV header."""
    parts: tuple[Part, ...]
    rows: int
    exported_at: str
    follows: str | None = None
    """The slot whose rows these continue; None where they are the whole table."""
    above: CursorValue | None = None
    """The watermark before: the rows lie above it, but for those that were committed late."""
    up_to: CursorValue | None = None
    """The watermark after."""
    announcements: int = 1
    schema_version: Literal[1, 2] = 1
    """2 where it follows another one: a release that knows no chains must not take it for the whole table."""


class ExportState(Struct, frozen=True):
    """state.json: how far a dataset is exported. Replaced by compare-and-swap alone."""

    dataset: str
    slot: str | None = None
    """Of the newest manifest: the next one continues it."""
    columns: dict[str, str] = {}
    """Of that manifest; where the catalog's differ, everything is exported anew."""
    reads: str | None = None
    """sha256 of what else the catalog says of the rows: see ``reach.reads_of``."""
    cursor: tuple[str, ...] = ()
    look_back: int = 0
    watermark: CursorValue | None = None
    boundary: str | None = None
    """The blob that names the exported rows which a later run may meet again."""
    content: str | None = None
    """sha256 of that manifest's rows."""
    pending: str | None = None
    """A prepared export that has the next turn: its manifest is announced, then this state gives way to its own."""
    schema_version: Literal[1] = 1


class Prepared(Struct, frozen=True):
    """An export whose parts are all there: the manifest to announce, and the state after it."""

    manifest: Manifest
    state: ExportState
    schema_version: Literal[1] = 1


ExportOutcome = Literal["exported", "nothing new", "done before", "overtaken", "failed"]


class ExportRecord(Struct, frozen=True):
    """What became of one dataset's export in one slot."""

    dataset: str
    slot: str
    outcome: ExportOutcome
    reason: str = ""
    rows: int = 0
    size_bytes: int = 0
    parts: int = 0
    seconds: float = 0.0
    whole: bool = True
    """Everything, or only what is new."""
    above: CursorValue | None = None
    up_to: CursorValue | None = None
    notes: tuple[str, ...] = ()
    started_at: str = ""
    schema_version: Literal[1] = 1

    @property
    def rows_per_second(self) -> float:
        """Zero where no time passed."""
        return self.rows / self.seconds if self.seconds else 0.0


class Days(Struct, frozen=True):
    """The days, or weeks, that a forecast can be asked for; a week is named by any of its days."""

    first: str
    """ISO date; its number in the graph's rows is 1."""
    last: str
    """The last day that is within."""
    step: Literal[1, 7] = 1
    """Days in each."""


class Input(Struct, frozen=True):
    """One value that a model takes, as a request may send it."""

    name: str
    type: FeatureType
    nullable: bool = False
    min: float | None = None
    max: float | None = None
    levels: tuple[str, ...] = ()
    """Of a category: those that training saw or the catalog declares. Others score as an unknown level."""
    description: str = ""
    days: Days | None = None
    """Of a day."""


class KeyColumn(Struct, frozen=True):
    """What names a row: a request may send it, and the answer gives it back."""

    name: str
    type: str
    description: str = ""


class DecisionRule(Struct, frozen=True):
    """From a probability to a word."""

    threshold: float
    act: str
    skip: str


class Candidate(Struct, frozen=True):
    """One family with one setting on one history, and how good it was; or the blend of several, which serves."""

    family: str
    settings: dict[str, Any]
    history: int | Literal["all"]
    folds_auc: float
    """Over the older folds, each predicted by a fit on what was before it: what the choice was made by."""
    holdout: dict[str, float] | None = None
    """Over the newest folds, likewise."""
    random_split_auc: float | None = None
    """The flattering figure, for comparison only."""
    half_life: int | None = None
    """Rows back that count half; None where all rows of the history count alike."""
    folds_log_loss: float | None = None
    weight: float | None = None
    """Its part in the blend."""


class Curves(Struct, frozen=True):
    """What the card draws, over the holdout."""

    gain: tuple[tuple[float, float], ...]
    """Share of rows taken from the highest score down, share of positives among them."""
    calibration: tuple[tuple[float, float, int], ...]
    """Mean predicted probability, observed rate, rows; by tenths of the predictions."""


class Data(Struct, frozen=True):
    """The rows that a version comes from."""

    sha256: str
    rows: int
    refused: int
    train_rows: int
    """Rows that the version was fitted on; the recipe's history says how many of them, the newest, were learned from.
    With ``refitted``, all that were kept."""
    holdout_rows: int
    first: str
    trained_to: str
    """Time of the newest row that training saw. Rows after it may judge this version."""
    last: str
    refitted: bool = False
    """The holdout was predicted by fits on what was older than each of its folds; what serves saw all rows."""
    sampled_from: int | None = None
    """How many rows there were, where memory held fewer."""


class Value(Struct, frozen=True):
    """What acting on the predictions is worth, counted on the holdout in the catalog's currency."""

    share: float
    """Of all rows, the highest scores first: acting on so many earns most."""
    profit: float
    """Per 1,000 rows, when acting on those."""
    profit_of_rule: float
    """Per 1,000 rows, when acting where the probability reaches the threshold, which is what an answer says."""
    share_of_rule: float
    profit_of_all: float
    """Per 1,000 rows, when acting on every one."""
    curve: tuple[tuple[float, float], ...]
    """Share of rows, profit per 1,000 rows."""
    lift: tuple[tuple[float, float], ...] = ()
    """Share of rows, how many times the base rate they hold."""


class Segment(Struct, frozen=True):
    """How good a version is on the rows of one level of a declared segment; figures are None where rows are few."""

    column: str
    level: str
    rows: int
    base_rate: float
    auc: float | None = None
    calibration_error: float | None = None


class Verdict(Struct, frozen=True):
    """What the gate said of a version."""

    promote: bool
    reason: str
    against: str | None = None
    """The champion that it was held against; None for a first version."""
    rows: int = 0
    """Unseen by both, by which they were compared."""


class Watch(Struct, frozen=True):
    """The champion, and the rows that came since it was trained. None: it could not be measured."""

    champion: str
    rows: int
    """New ones."""
    metrics: dict[str, float] = {}
    """Of the champion on the new rows; empty where they have one outcome only."""
    auc_low: float | None = None
    auc_high: float | None = None
    """The interval of the champion's AUC on the new rows."""
    base_rate_before: float | None = None
    base_rate: float | None = None
    psi: dict[str, float] = {}
    """Feature to its population stability index, the largest first."""
    drift_auc: float | None = None
    """Of a classifier that tells old rows from new ones, on rows that it was not fitted on."""
    seconds: float = 0.0


class Parity(Struct, frozen=True):
    """The ONNX graph against the fitted pipeline."""

    rows: int
    largest_difference: float
    decisions_flipped: int


class Version(Struct, frozen=True, kw_only=True, tag_field="task"):
    """version.json: written last, so that its presence says that the version is whole. What every task has."""

    model: str
    version: str
    title: str
    description: str
    dataset: str
    slot: str
    key: KeyColumn
    inputs: tuple[Input, ...]
    unusable: dict[str, str]
    """Columns that a request may not send, with the reason."""
    files: dict[str, str]
    """File name to sha256."""
    catalog_sha256: str
    """Of the use case that it was made by."""
    data: Data
    metrics: dict[str, float]
    """On the holdout: the newest rows, which training did not see."""
    parity: Parity
    libraries: dict[str, str]
    verdict: Verdict | None = None
    """Of the gate, when this version was made: whether it could serve then, and why."""
    warnings: tuple[str, ...] = ()
    """What whoever reads the card should know first."""
    schema_version: Literal[1] = 1


class Classifier(Version, frozen=True, kw_only=True, tag="classification"):
    """A version that gives the probability of an outcome."""

    positive: str
    decision: DecisionRule
    recipe: Candidate
    candidates: tuple[Candidate, ...]
    curves: Curves
    value: Value | None = None
    segments: tuple[Segment, ...] = ()
    leaks: tuple[str, ...] = ()
    """Why the leak guard stops this version, one sentence for each column."""


class Beside(Struct, frozen=True):
    """A version that takes part beside the champion, on a share of the rows."""

    version: str
    share: Annotated[float, Meta(gt=0, le=1)]
    since: str


class Champion(Struct, frozen=True):
    """champion.json: the version that serves, the one before it, and what takes part beside it.

    A release that knows of nothing beside a champion passes that over: then the champion answers everything, as it
    would have without, so the schema version stays.
    """

    version: str
    previous: str | None
    since: str
    canary: Beside | None = None
    """Answers its share of the rows."""
    shadow: Beside | None = None
    """Scores its share for the prediction log alone; nobody is shown what it says."""
    schema_version: Literal[1] = 1


PROMOTIONS = frozenset({"promoted", "rolled back"})
"""The actions after which another version serves. Either ends a canary and a shadow."""


class HistoryEntry(Struct, frozen=True):
    """A line of history.jsonl."""

    at: str
    action: Literal["promoted", "rolled back", "canary set", "canary ended", "shadow set", "shadow ended"]
    version: str
    previous: str | None
    """What served before; where the champion stays, the champion."""
    why: str
    who: str
    share: float | UnsetType = UNSET
    """Of the rows, where a canary or a shadow is set."""
    schema_version: Literal[1, 2] = 1
    """2 where the champion stays: a release that knows promotions alone must not take the line for one."""


class RunRecord(Struct, frozen=True):
    """What one drop led to, and why."""

    dataset: str
    slot: str
    model: str
    drop: str
    outcome: Outcome
    reasons: tuple[str, ...]
    version: str | None = None
    rows: int = 0
    refused: int = 0
    candidates: tuple[Candidate, ...] = ()
    metrics: dict[str, float] | None = None
    notes: tuple[str, ...] = ()
    started_at: str = ""
    seconds: float = 0.0
    due: tuple[str, ...] = ()
    """Why a new version was made, or what was measured that said it need not be."""
    watch: Watch | None = None
    schema_version: Literal[1] = 1


class Order(Struct, frozen=True):
    """A person's order to retrain: a blob ``drops/{dataset}/{stamp}.order``."""

    why: str
    who: str = ""
    schema_version: Literal[1] = 1


class Progress(Struct, frozen=True):
    """How far a run is, for whoever waits."""

    step: str
    done: int
    total: int
    at: str
    schema_version: Literal[1] = 1


def to_json(record: Struct) -> bytes:
    """One stored record, readable by a person."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def to_json_line(record: Struct) -> bytes:
    """One line of a log."""
    return msgspec.json.encode(record) + b"\n"


def from_json[R: Struct](data: bytes, kind: type[R], name: str) -> R:
    """Read a record; raise VersionError naming the blob ``name`` and the field that does not fit."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        kind_name = getattr(kind, "__name__", Version.__name__)
        msg = f"{name}: is not a {kind_name} record that this release reads: {error}"
        raise VersionError(msg) from error
