"""The product's defaults on made-up contracts whose best AUC is known: how near they come, and what they refuse.

A gap is the AUC of the true probability less that of the model, on the same rows: most of what chance does to the one
it does to the other. Each bound has room for other seeds beside what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from local.memory_blobs import MemoryBlobs
from local.replay.history import blocks_of, read_history
from local.replay.shelf import Shelf
from local.replay.world import World
from shared.catalog.load import Catalog
from shared.catalog.spec import Column
from shared.store.registry import Registry
from shared.training.run import train
from tests.worlds import DATASET, MODEL, churn, drifting, jump, stable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.replay.world import Policy
    from shared.catalog.spec import UseCase
    from shared.store.records import RunRecord
    from tests.worlds import Contracts

pytestmark = [
    pytest.mark.timeout(900),
    # Forests are fitted in threads, and scikit-learn empties the process's list of filters for a moment in each.
    pytest.mark.filterwarnings("ignore:`sklearn.utils.parallel.delayed`:UserWarning"),
]

OF_THE_BEST = 0.01
"""Gap after 40,000 rows of a world that stands still. Measured: 0.009 here, 0.007 with seed 3."""
WITH_FEW_ROWS = 0.025
"""The same after 4,800 rows: 0.019. The best single fit on all of them, known only afterwards, has 0.017."""
TWO_RETRAININGS_LATER = 0.035
"""Gap on the third, fourth and fifth thousand rows after a jump. Measured: 0.018 to 0.028 on each. Boosted trees
that are fitted on the rows since the jump, and on nothing else, have 0.025 to 0.032."""


@dataclass(frozen=True)
class Walk:
    """One policy's answers, and the contracts that they are about."""

    contracts: Contracts
    world: World

    def gap(self, first: int, last: int) -> float:
        """What the answers to the blocks ``first`` to ``last`` lack to the best, pooled."""
        steps = [step for step in self.world.steps if first <= step.block.number <= last]
        rows = slice(steps[0].block.rows.start, steps[-1].block.rows.stop)
        answers = np.concatenate([step.probability for step in steps])
        return self.contracts.best_auc(rows) - float(roc_auc_score(self.contracts.left[rows], answers))

    @property
    def blocks(self) -> int:
        return len(self.world.steps)

    @property
    def overall(self) -> float:
        """The gap over all answers."""
        return self.gap(1, self.blocks)


def walked(
    contracts: Contracts, folder: Path, policies: Sequence[Policy], *, start: int, every: int
) -> dict[Policy, Walk]:
    """Replay the rows from ``start`` on under each policy; what one has trained the others find."""
    file = folder / "contracts.csv"
    file.write_bytes(contracts.to_csv())
    history = read_history(file, churn())
    assert history.table.refused_rows == 0
    blocks, shelf = blocks_of(history, start, every), Shelf()
    walks: dict[Policy, Walk] = {}
    for policy in policies:
        world = World(policy, history, shelf)
        world.begin(blocks[0])
        for block in blocks[1:-1]:
            world.live(block)
        world.policy = "never"  # what the last block's outcomes would lead to answers nothing more
        world.live(blocks[-1])
        walks[policy] = Walk(contracts, world)
    return walks


@dataclass
class Shop:
    """A store in which people drop files of contracts."""

    use_case: UseCase
    blobs: MemoryBlobs
    ahead_days: float = 0.0
    files: int = 0

    @classmethod
    def open(cls, use_case: UseCase | None = None) -> Shop:
        return cls(use_case or churn(), MemoryBlobs())

    def drop(self, contracts: Contracts, rows: slice = slice(None)) -> RunRecord:
        """What a file of these rows leads to."""
        self.files += 1
        blob = f"drops/{DATASET}/{self.files}.csv"
        self.blobs.write(blob, contracts.to_csv(rows))
        now = datetime.now(UTC) + timedelta(days=self.ahead_days)
        record = train(blob, Catalog((self.use_case,)), self.blobs, lambda: now)
        assert record is not None
        return record

    @property
    def serving(self) -> str | None:
        champion = Registry(self.blobs).champion(MODEL)
        return champion.champion.version if champion else None


@pytest.mark.xdist_group("a stable world of many rows")
def test_with_many_rows_of_a_world_that_stands_still_the_best_is_reached(tmp_path: Path) -> None:
    walk = walked(stable(45_000, seed=2), tmp_path, ("never",), start=40_000, every=5_000)["never"]
    assert walk.overall < OF_THE_BEST


class TestStable:
    pytestmark = pytest.mark.xdist_group("a stable world")

    @pytest.fixture(scope="class")
    @staticmethod
    def walks(tmp_path_factory: pytest.TempPathFactory) -> dict[Policy, Walk]:
        folder = tmp_path_factory.mktemp("stable")
        return walked(stable(10_800), folder, ("every", "never"), start=4_800, every=3_000)

    def test_one_training_comes_near_the_best_on_six_thousand_newer_rows(self, walks: dict[Policy, Walk]) -> None:
        assert walks["never"].overall < WITH_FEW_ROWS

    def test_training_with_every_block_does_so_too(self, walks: dict[Policy, Walk]) -> None:
        assert walks["every"].overall < WITH_FEW_ROWS
        assert walks["every"].overall < walks["never"].overall + 0.005


class TestJump:
    """Half of the coefficients turn at the first row that is answered."""

    pytestmark = pytest.mark.xdist_group("a world that jumps")

    @pytest.fixture(scope="class")
    @staticmethod
    def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
        contracts = jump(10_000, at=5_000)
        return walked(contracts, tmp_path_factory.mktemp("jump"), ("every",), start=5_000, every=1_000)["every"]

    def test_who_learned_from_the_old_world_alone_is_lost(self, walk: Walk) -> None:
        assert walk.gap(1, 1) > 0.15

    def test_one_retraining_finds_most_of_the_new_world(self, walk: Walk) -> None:
        assert walk.gap(2, 2) < 0.08

    def test_two_come_as_near_the_best_as_the_few_new_rows_allow(self, walk: Walk) -> None:
        assert walk.gap(3, walk.blocks) < TWO_RETRAININGS_LATER


class TestDrifting:
    pytestmark = pytest.mark.xdist_group("a world that drifts")

    @pytest.fixture(scope="class")
    @staticmethod
    def walks(tmp_path_factory: pytest.TempPathFactory) -> dict[Policy, Walk]:
        folder = tmp_path_factory.mktemp("drifting")
        policies: tuple[Policy, ...] = ("every", "automatic", "never")
        return walked(drifting(15_500), folder, policies, start=5_000, every=1_500)

    def test_the_automatic_policy_is_well_ahead_of_never_retraining(self, walks: dict[Policy, Walk]) -> None:
        assert walks["automatic"].overall < walks["never"].overall - 0.03

    def test_and_close_to_retraining_with_every_block(self, walks: dict[Policy, Walk]) -> None:
        assert walks["automatic"].overall < walks["every"].overall + 0.02


@pytest.mark.parametrize("seed", range(5))
def test_outcomes_that_mean_nothing_bring_nothing_into_service(seed: int) -> None:
    """By its confidence of 90 %, two-sided, the gate lets pass one in twenty of them, and of those only the ones whose
    log loss is better than the base rate's, too: of these five, none.
    """
    contracts = stable(1_500, seed=seed)
    shop = Shop.open()
    record = shop.drop(contracts.with_outcomes(np.random.default_rng(seed + 100).permutation(contracts.left)))
    assert record.outcome == "kept"
    assert "better than" in record.reasons[0]
    assert "nothing to serve" in record.reasons[0] or "base rate" in record.reasons[0]
    assert shop.serving is None


class TestLeak:
    """A column that copies the outcome, but for a little noise."""

    @pytest.fixture(scope="class")
    @staticmethod
    def leaking() -> Contracts:
        contracts = stable(1_500, seed=3)
        noise = np.random.default_rng(3).normal(0, 0.2, len(contracts.left))
        return contracts.with_column("last_invoice", np.round(contracts.left + noise, 3).tolist())

    def test_it_is_named_and_stops_the_promotion(self, leaking: Contracts) -> None:
        shop = Shop.open(with_feature("last_invoice", Column("number")))
        record = shop.drop(leaking)
        assert record.outcome == "kept"
        assert record.reasons[0].startswith("stopped: ")
        assert "last_invoice" in record.reasons[0]
        assert not any(name in record.reasons[0] for name in churn().dataset.features())
        assert shop.serving is None

    def test_one_that_is_trusted_is_promoted(self, leaking: Contracts) -> None:
        shop = Shop.open(with_feature("last_invoice", Column("number", trusted="it is sent before the contract ends")))
        record = shop.drop(leaking)
        assert record.outcome == "promoted"
        assert shop.serving == record.version


def with_feature(name: str, column: Column) -> UseCase:
    """The use case with one column more."""
    use_case = churn()
    dataset = msgspec.structs.replace(use_case.dataset, columns={**use_case.dataset.columns, name: column})
    return msgspec.structs.replace(use_case, dataset=dataset)


class TestChampion:
    pytestmark = pytest.mark.xdist_group("a champion")

    @pytest.fixture
    def contracts(self) -> Contracts:
        return stable(3_000, seed=4)

    @pytest.fixture
    def shop(self, contracts: Contracts, served: Shop) -> Shop:
        """A copy of one in which the oldest 2,000 contracts have made the champion."""
        return Shop(served.use_case, MemoryBlobs(*(dict(part) for part in parts_of(served.blobs))), 0.0, served.files)

    @pytest.fixture(scope="class")
    @staticmethod
    def served() -> Shop:
        shop = Shop.open()
        assert shop.drop(stable(3_000, seed=4), slice(0, 2_000)).outcome == "promoted"
        return shop

    def test_it_stays_where_the_old_rows_have_come_with_other_outcomes(self, shop: Shop, contracts: Contracts) -> None:
        champion = shop.serving
        left = contracts.left.copy()
        left[:2_600] = np.random.default_rng(5).permutation(left[:2_600])
        shop.ahead_days = 31
        record = shop.drop(contracts.with_outcomes(left))
        assert "31" in record.due[0]
        assert record.outcome == "kept", record.reasons
        assert "not shown to be better" in record.reasons[0]
        assert shop.serving == champion

    def test_new_rows_that_mean_nothing_bring_no_ranking_at_most_probabilities_that_fit_them(
        self, shop: Shop, contracts: Contracts
    ) -> None:
        left = contracts.left.copy()
        left[2_000:] = np.random.default_rng(6).permutation(left[2_000:])
        record = shop.drop(contracts.with_outcomes(left))
        assert "AUC" in record.due[0], "the champion fails on them, which is measured"
        assert record.reasons[0].startswith(("better calibrated", "not shown to be better")), record.reasons

    def test_new_rows_of_one_outcome_are_measured_and_judged_without_an_auc(
        self, shop: Shop, contracts: Contracts
    ) -> None:
        left = contracts.left.copy()
        left[2_000:] = False
        champion = shop.serving
        record = shop.drop(contracts.with_outcomes(left), slice(0, 2_300))
        assert record.watch is not None
        assert "auc" not in record.watch.metrics
        assert record.watch.base_rate == 0
        assert any("base rate 0 against" in reason for reason in record.due)
        assert record.outcome == "kept", record.reasons
        assert "with 2 of each outcome among them" in record.reasons[0]
        assert shop.serving == champion

    def test_newest_rows_of_one_outcome_that_would_have_to_judge_are_refused(
        self, shop: Shop, contracts: Contracts
    ) -> None:
        left = contracts.left.copy()
        left[2_000:] = False
        champion = shop.serving
        record = shop.drop(contracts.with_outcomes(left))
        assert record.outcome == "refused"
        assert record.reasons[0].startswith("left: the newest rows, which judge, have one outcome only (0 of 7")
        assert shop.serving == champion


def parts_of(blobs: MemoryBlobs) -> tuple[dict, dict, dict]:
    return blobs.blobs, blobs.etags, blobs.modified


def test_thirty_rows_are_too_few_and_it_is_said_how_many_are_needed() -> None:
    shop = Shop.open()
    record = shop.drop(stable(30))
    assert record.outcome == "refused"
    assert record.reasons == ("30 rows fit the catalog; training.min_rows asks for 200",)
    assert shop.serving is None
