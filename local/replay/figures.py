"""What a replay found, as records: the figures over all answers of a policy, and those of each block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from local.replay.shelf import made
from shared.training.metrics import metrics
from shared.training.problem import both, outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from local.replay.world import Policy, Step, World
    from shared.store.records import RunRecord


class BlockFigures(Struct, frozen=True):
    """One block under one policy."""

    block: int
    first: str
    """Times of the oldest and the newest row."""
    last: str
    rows: int
    base_rate: float
    auc: float | None
    """None where all rows of the block had one outcome."""
    version: str
    """What answered."""
    outcome: str | None
    """Of the drop that revealed the block; None where the policy is never to retrain."""
    reasons: tuple[str, ...]
    """What the gate said of a new version, or why there is none."""
    due: tuple[str, ...]
    """Why a new version was made."""
    made: str | None
    """The version that the drop led to, promoted or not."""


class PolicyFigures(Struct, frozen=True):
    """All answers under one policy."""

    policy: Policy
    rows: int
    base_rate: float
    figures: dict[str, float]
    """Pooled over all answers; empty where all rows had one outcome."""
    retrainings: int
    """Versions made after the first one."""
    promotions: int
    """Those of them that came to serve."""
    seconds: float
    """Spent on drops after the first one: reading, watching, training. Also for versions that another policy's world
    had made before and that were only taken over."""
    blocks: tuple[BlockFigures, ...]


class Asked(Struct, frozen=True):
    """The command line."""

    model: str
    file: str
    start: str
    every: int


class Replay(Struct, frozen=True):
    """The whole answer, as ``--json`` writes it."""

    asked: Asked
    title: str
    positive: str
    dataset: str
    first_rows: int
    """Known before the first answer."""
    first_version: str
    first_seconds: float
    rows: int
    """Answered."""
    refused: int
    """Rows of the file that do not fit the catalog and were left out."""
    base_rate: float
    """Of the answered rows."""
    random_split: dict[str, float]
    """The flattering figure: the same factory, judged on a random fifth of all rows."""
    policies: tuple[PolicyFigures, ...]
    schema_version: int = 1


def pooled(positive: NDArray[np.bool_], probability: NDArray[Any]) -> dict[str, float]:
    """The figures of a card; empty where there is one outcome only."""
    if not both(positive):
        return {}
    return metrics(positive, probability)


def so_far(worlds: Sequence[World]) -> str:
    """The AUC over all blocks that were answered until now, in a few words."""
    if not worlds[0].steps:
        return "AUC so far: none yet"
    told = ((world.policy, pooled(*_answers(world)).get("auc")) for world in worlds)
    return "AUC so far: " + ", ".join(f"{policy} {'-' if auc is None else f'{auc:.3f}'}" for policy, auc in told)


def of_world(world: World) -> PolicyFigures:
    """Everything that is told of a policy."""
    positive, probability = _answers(world)
    records = [step.record for step in world.steps if step.record is not None]
    return PolicyFigures(
        policy=world.policy,
        rows=len(positive),
        base_rate=float(positive.mean()),
        figures=pooled(positive, probability),
        retrainings=sum(made(record) for record in records),
        promotions=sum(record.outcome == "promoted" for record in records),
        seconds=round(sum(step.seconds for step in world.steps), 3),
        blocks=tuple(_of_step(step, world) for step in world.steps),
    )


def of_replay(asked: Asked, worlds: Sequence[World], random_split: dict[str, float]) -> Replay:
    """Everything that is told of a replay whose worlds are at its end."""
    history, first = worlds[0].history, worlds[0].first
    policies = tuple(of_world(world) for world in worlds)
    return Replay(
        asked=asked,
        title=history.use_case.model.title,
        positive=history.use_case.model.positive,
        dataset=history.use_case.dataset.name,
        first_rows=worlds[0].steps[0].block.rows.start,
        first_version=first.version or "",
        first_seconds=first.seconds,
        rows=policies[0].rows,
        refused=history.table.refused_rows,
        base_rate=policies[0].base_rate,
        random_split=random_split,
        policies=policies,
    )


def _answers(world: World) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Outcomes and probabilities of all blocks so far."""
    frame = world.history.table.frame.iloc[world.steps[0].block.rows.start : world.steps[-1].block.rows.stop]
    return outcomes(frame, world.history.use_case), np.concatenate([step.probability for step in world.steps])


def _of_step(step: Step, world: World) -> BlockFigures:
    rows, record, history = step.block.rows, step.record, world.history
    positive = outcomes(history.table.frame.iloc[rows], history.use_case)
    times = history.times[rows]
    return BlockFigures(
        block=step.block.number,
        first=str(np.datetime_as_string(times[0])),
        last=str(np.datetime_as_string(times[-1])),
        rows=len(positive),
        base_rate=float(positive.mean()),
        auc=pooled(positive, step.probability).get("auc"),
        version=step.version,
        outcome=record.outcome if record else None,
        reasons=record.reasons if record else (),
        due=_due(record, world.policy) if record and made(record) else (),
        made=record.version if record and made(record) else None,
    )


def _due(record: RunRecord, policy: Policy) -> tuple[str, ...]:
    """Where each block is to make a version, the clock that sees to it is no reason."""
    return ("every block is due",) if policy == "every" else record.due
