"""One policy's walk through the blocks, in a store of its own, with the code that trains and scores in Azure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from local.replay.history import announce
from local.replay.shelf import Shelf, ShelvedBlobs
from shared.catalog.load import Catalog
from shared.errors import DropError
from shared.scoring.serving.session import load_version
from shared.store.registry import Registry
from shared.training.problem import encoded
from shared.training.run import train

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from local.replay.history import Block, History
    from shared.catalog.spec import ClassificationCase
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.store.records import RunRecord

Policy = Literal["automatic", "every", "never"]
POLICIES: tuple[Policy, ...] = ("automatic", "every", "never")


def clock_of(policy: Policy, use_case: ClassificationCase, block: Block) -> datetime:
    """What time it is for training when a block becomes known.

    For who retrains with every block it is later by the cadence, so that a version is always due: another cadence in
    the catalog would do as well, but make versions of other names, which no other world could take over.
    """
    ahead = use_case.retraining.every_days if policy == "every" else 0.0
    return block.moment + timedelta(days=ahead)


@dataclass(frozen=True)
class Step:
    """One block: what answered it and how, and what its drop led to."""

    block: Block
    version: str
    probability: NDArray[Any]
    """Shape (rows of the block,)."""
    record: RunRecord | None
    """None where the policy is never to retrain: nothing is dropped then."""
    seconds: float


@dataclass
class World:
    """A store in which one policy holds."""

    policy: Policy
    history: History
    shelf: Shelf
    steps: list[Step] = field(default_factory=list)
    _first: RunRecord | None = None
    _revealed: Block | None = None
    _loaded: LoadedVersion | None = None

    def __post_init__(self) -> None:
        self.blobs = ShelvedBlobs(shelf=self.shelf)

    @property
    def first(self) -> RunRecord:
        """Of the training before the first answer."""
        if self._first is None:
            msg = "asked for before the world began"
            raise RuntimeError(msg)
        return self._first

    def begin(self, block: Block) -> None:
        """Train the version that serves first. Raises DropError where none does: there is nothing to replay then."""
        record, _ = self._reveal(block)
        if record.outcome != "promoted":
            why = "; ".join(record.reasons)
            msg = f"nothing serves, so there is nothing to replay: the first training was {record.outcome}: {why}"
            raise DropError(msg)
        self._first = record

    def live(self, block: Block) -> None:
        """Answer the block with the champion of this moment; only then reveal what happened."""
        serving = self._champion()
        rows = self.history.table.frame.iloc[block.rows]
        probability = serving.outputs(encoded(serving.encoder, rows))
        record, seconds = (None, 0.0) if self.policy == "never" else self._reveal(block)
        self.steps.append(Step(block, serving.version.version, probability, record, seconds))

    def _champion(self) -> LoadedVersion:
        model, registry = self.history.use_case.model.name, Registry(self.blobs)
        serving = registry.champion(model)
        version = serving.champion.version if serving else self.first.version or ""
        if self._loaded is None or self._loaded.version.version != version:
            self._loaded = load_version(registry, model, version)
        return self._loaded

    def _reveal(self, block: Block) -> tuple[RunRecord, float]:
        """Drop the block's rows and do what the event would; the record, and what that costs in seconds."""
        drop = announce(block, self._revealed, self.history, self.blobs)
        self._revealed = block
        use_case = self.history.use_case
        record = train(drop, Catalog((use_case,)), self.blobs, lambda: clock_of(self.policy, use_case, block))
        if record is None:  # a blob that is there and named as a manifest is work
            msg = f"{drop}: training found nothing to do"
            raise DropError(msg)
        return record, self.shelf.cost(record, self.blobs)
