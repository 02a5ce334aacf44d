"""The typed form of a catalog file. ``shared/catalog/phone.toml`` is the commented example."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,61}[a-z0-9]\Z")]
"""What names blobs and URLs: lower-case letters, digits and hyphens, 3 to 63 of them."""

ColumnType = Literal["integer", "number", "decimal", "boolean", "category", "text", "date", "timestamp"]
Role = Literal["feature", "key", "time", "target", "unused"]
History = Annotated[int, Meta(ge=100)] | Literal["all"]
FEATURE_TYPES = frozenset({"integer", "number", "decimal", "boolean", "category"})
NUMERIC_TYPES = frozenset({"integer", "number", "decimal"})
CURSOR_TYPES = frozenset({"integer", "date", "timestamp", "text", "category"})
PERSONAL = "personal data, which stays in the database"


class Column(Struct, frozen=True, forbid_unknown_fields=True):
    """One column of the dataset's table."""

    type: ColumnType
    role: Role = "feature"
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
    description: str = ""

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
        return {name: column for name, column in self.used_columns().items() if column.role == "feature"}

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


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """What is predicted, and what for."""

    name: Name
    title: str
    task: Literal["classification"]
    positive: str
    """The target's value whose probability is predicted, as the CSV writes it."""
    decision: Decision
    description: str = ""


class Training(Struct, frozen=True, forbid_unknown_fields=True):
    """How versions are made."""

    holdout: Annotated[float, Meta(ge=0.05, le=0.5)] = 0.2
    """The share of rows, the newest, that judge a model and train none."""
    folds: Annotated[int, Meta(ge=1, le=10)] = 3
    """Time-ordered folds inside the older rows, on which settings are chosen."""
    history: Annotated[tuple[History, ...], Meta(min_length=1)] = ("all", 20_000, 5_000)
    """How many of the newest training rows to learn from: tried like any other setting."""
    min_rows: Annotated[int, Meta(ge=50)] = 200
    max_refused: Annotated[float, Meta(ge=0, le=1)] = 0.05
    """The share of rows that may go to quarantine before the whole drop is refused."""
    seconds: Annotated[float, Meta(gt=0)] = 600.0
    """After this long no further candidate is started: a brake for slow machines, not a way to choose a model."""
    seed: int = 42


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """When a new version may replace the champion."""

    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9
    """Of the paired interval of the difference in AUC, whose lower end must be above zero."""
    min_rows: Annotated[int, Meta(ge=20)] = 50
    """Rows unseen by both that a comparison needs."""


class UseCase(Struct, frozen=True, forbid_unknown_fields=True):
    """One catalog file."""

    dataset: Dataset
    model: Model
    training: Training = Training()
    gate: Gate = Gate()
