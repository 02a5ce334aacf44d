"""The typed form of a catalog file. ``shared/catalog/phone.toml`` is the commented example."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,61}[a-z0-9]\Z")]
"""What names blobs and URLs: lower-case letters, digits and hyphens, 3 to 63 of them."""

ColumnType = Literal["integer", "number", "decimal", "boolean", "category", "text", "date", "timestamp"]
Role = Literal["feature", "key", "time", "target", "series", "line", "unused"]
History = Annotated[int, Meta(ge=100)] | Literal["all"]
HalfLife = Annotated[int, Meta(ge=50)]
FEATURE_TYPES = frozenset({"integer", "number", "decimal", "boolean", "category"})
NUMERIC_TYPES = frozenset({"integer", "number", "decimal"})
CURSOR_TYPES = frozenset({"integer", "date", "timestamp", "text", "category"})
PERSONAL = "personal data, which stays in the database"


class Column(Struct, frozen=True, forbid_unknown_fields=True):
    """One column of the dataset's table."""

    type: ColumnType
    role: Role = "feature"
    """``series``: what a forecast sums by; ``line``: what says whether a line counts; neither is a feature."""
    known: Literal["before", "after"] = "before"
    """Before or after the decision that the model supports: what is known after it cannot be a feature."""
    nullable: bool = False
    min: float | None = None
    max: float | None = None
    levels: tuple[str, ...] | None = None
    """The values that a category may take; left out, training takes those that it sees."""
    pii: bool | Literal["hash", "drop"] = False
    """Personal data: exported as a keyed hash, or not at all. ``true`` alone says that somebody must still decide."""
    reason: str | None = None
    """Why an unused column is unused: shown to whoever sends it."""
    trusted: str | None = None
    """Why this feature may explain the target as well as it does, where the leak guard stops a version for it."""
    calendar: Literal["weekday"] | None = None
    """What of a time is a feature beside its role: a request then sends the time itself."""
    description: str = ""

    seasonal: bool = False
    """It moves with the calendar, as a month does: that new rows differ in it from older ones is no drift."""

    @property
    def moves_with_the_calendar(self) -> bool:
        """By itself, whatever the world does."""
        return self.seasonal or self.calendar is not None

    @property
    def is_used(self) -> bool:
        """It leaves the database."""
        return self.role != "unused" and self.pii != "drop"


class Dataset(Struct, frozen=True, forbid_unknown_fields=True):
    """A table or a query in the SQL database, and what is known of its columns."""

    name: Name
    columns: dict[str, Column]
    table: str | None = None
    """As SQL writes it, with its schema where it has one: ``dbo.contacts``."""
    query: str | None = None
    """Instead of a table; it is run inside another SELECT, where SQL Server allows neither ORDER BY nor WITH."""
    dropped: bool = False
    """Instead of both: the rows come as CSV files that somebody drops, and nothing is exported."""
    cursor: str | tuple[str, str] | None = None
    """The column that grows with every new or changed row: an export then reads what is new. A second column tells
    rows of the same value apart (left out: the key). Without a cursor every export is the whole table."""
    look_back: Annotated[int, Meta(ge=0)] = 0
    """How far behind the newest value a row may still turn up, committed late: seconds, or units of an integer."""
    description: str = ""

    def used_columns(self) -> dict[str, Column]:
        """The columns that are exported and read: all but the unused ones."""
        return {name: column for name, column in self.columns.items() if column.is_used}

    def features(self) -> dict[str, Column]:
        """The columns that a model may see, in the order in which they are declared."""
        used = self.used_columns().items()
        return {name: column for name, column in used if column.role == "feature" or column.calendar}

    def unusable(self) -> dict[str, str]:
        """Column name to the reason why it can appear neither in training nor in a request."""
        return {name: column.reason or PERSONAL for name, column in self.columns.items() if not column.is_used}

    @property
    def cursor_columns(self) -> tuple[str, ...]:
        """The cursor, and what tells rows of one cursor value apart; nothing where there is no cursor."""
        if self.cursor is None:
            return ()
        return (self.cursor, self.column_with("key")) if isinstance(self.cursor, str) else self.cursor

    def column_with(self, role: Role) -> str:
        """The name of the one column that has ``role`` (key, time or target)."""
        return next(name for name, column in self.columns.items() if column.role == role)


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """What a prediction is used for: act where the expected gain is above the cost."""

    act: str
    skip: str
    cost: Annotated[float, Meta(gt=0)]
    """Of acting once, for instance one telephone call, in any currency."""
    gain: Annotated[float, Meta(gt=0)]
    """Of acting where the outcome is positive, in the same currency."""

    @property
    def threshold(self) -> float:
        """The probability above which acting pays."""
        return self.cost / self.gain


class Model(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is predicted, and what for: what every task says of it."""

    name: Name
    title: str
    task: str
    description: str = ""


class Classification(Model, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The probability of an outcome, and what to do then."""

    task: Literal["classification"]
    positive: str
    """The target's value whose probability is predicted, as the CSV writes it."""
    decision: Decision


class Training(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How versions are made: what holds for every task."""

    max_refused: Annotated[float, Meta(ge=0, le=1)] = 0.05
    """The share of rows that may go to quarantine before the whole drop is refused."""
    seconds: Annotated[float, Meta(gt=0)] = 600.0
    """After this long no further candidate is started: a brake for slow machines, not a way to choose a model."""
    memory_mb: Annotated[int, Meta(ge=400)] = 1_200
    """What a training may use: where all rows do not fit, the newest are kept and the older ones are sampled."""
    seed: int = 42


class ClassificationTraining(Training, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How classifiers are made."""

    folds: Annotated[int, Meta(ge=1, le=20)] = 4
    """Time-ordered folds that choose settings, and as many newer ones that judge what was chosen."""
    fold_rows: Annotated[int, Meta(ge=20)] = 250
    """Rows of a fold: fewer where rows are few, more where an outcome is rare."""
    history: Annotated[tuple[History, ...], Meta(min_length=1)] = (1_000, 2_000, 5_000, 20_000, "all")
    """How many of the newest rows to learn from: tried like any other setting."""
    half_lives: tuple[HalfLife, ...] = (500,)
    """Instead of an end to history: every so many rows back, a row counts half."""
    min_rows: Annotated[int, Meta(ge=50)] = 200


class Retraining(Struct, frozen=True, forbid_unknown_fields=True):
    """When a drop makes a new version. Each drop measures the champion on the rows that came since it was trained."""

    every_days: Annotated[float, Meta(ge=0)] = 30.0
    """The cadence: after so long a new version is due. Zero: with every drop."""
    min_rows: Annotated[int, Meta(ge=1)] = 200
    """New rows that drift and performance are judged by; with fewer, only the cadence or an order retrains."""
    drift_psi: Annotated[float, Meta(gt=0)] = 0.25
    """Population stability index of a feature, old rows against new, above which the world has moved."""
    drift_auc: Annotated[float, Meta(gt=0.5, le=1)] = 0.8
    """How well a classifier may tell old rows from new ones."""
    base_rate_shift: Annotated[float, Meta(gt=0, le=1)] = 0.1
    """How far the rate of positives may move, beyond what chance explains."""
    auc_drop: Annotated[float, Meta(gt=0, le=0.5)] = 0.03
    """How far the champion's AUC may fall below that of its card, beyond what chance explains."""


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """When a new version may replace the champion."""

    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9
    """Of the paired intervals of the differences in AUC and in log loss."""
    min_rows: Annotated[int, Meta(ge=20)] = 50
    """Rows unseen by both that a comparison needs."""
    margin: Annotated[float, Meta(ge=0, le=0.5)] = 0.05
    """A version is no worse where the interval reaches no further below 0 than this, and near to 0 above."""
    calibration: Annotated[float, Meta(gt=0, le=1)] = 0.05
    """So much may the expected calibration error grow."""
    segments: tuple[str, ...] = ()
    """Categories whose levels are judged one by one."""
    segment_loss: Annotated[float, Meta(gt=0, le=0.5)] = 0.1
    """So much AUC may a level of a segment lose, beyond what chance explains."""
    leak: Annotated[float, Meta(gt=0.5, le=1)] = 0.95
    """AUC that a single feature reaches only when it knows the outcome."""


class UseCase(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One catalog file: what every task has."""

    dataset: Dataset
    model: Model
    training: Training = Training()
    retraining: Retraining = Retraining()


class ClassificationCase(UseCase, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file whose model classifies."""

    model: Classification
    training: ClassificationTraining = ClassificationTraining()
    gate: Gate = Gate()
