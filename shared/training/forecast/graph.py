"""From a solution to one ONNX graph: the state of every series, the trees, and what makes forecasts of them.

    rows (n, inputs) -> which series, which period -> gather its features -> trees
                                                   -> gather what the other families said
    -> mixed, made to add up -> times the ratios of its band -> forecasts (n, 7)

The state lies in the graph as constants, in one table for all levels: series by series, the total first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import ConversionError
from shared.features import FORECASTS, GRAPH_INPUT
from shared.store.forecasts import COVERAGES
from shared.training.forecast.bands import SLACK
from shared.training.forecast.blend import mixed
from shared.training.forecast.members import FAMILIES, LARGEST_EFFECT, LEAST_EXPECTED, TREES
from shared.training.forecast.trees import planned, usual
from shared.training.to_onnx import IR_VERSION, TARGET_OPSET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shared.training.forecast.solution import Solution

TREES_PLACE = FAMILIES.index(TREES)


@dataclass(frozen=True)
class State:
    """The constants of the graph. Series of all levels stand in one row: of each level, its series and the average."""

    solution: Solution

    @cached_property
    def starts(self) -> list[int]:
        """Where each level's series begin. The total has one row: an average total is no series."""
        sizes = [1, *(len(rolled.level.sold) for rolled in self.solution.world.levels[1:])]
        return [sum(sizes[:place]) for place in range(len(sizes))]

    def joined(self, parts: Iterator[NDArray[Any]]) -> NDArray[np.float32]:
        """One array of what there is for each level's series."""
        levels = [part[:1] if place == 0 else part for place, part in enumerate(parts)]
        return np.concatenate(levels).astype(np.float32)

    @property
    def features(self) -> int:
        """How many are known ahead."""
        return len(self.solution.world.sales.features)

    def series_of_codes(self) -> Iterator[NDArray[np.int64]]:
        """For each column of ``by``: the series of the codes -1, 0, 1, ... and of the one for an empty value.

        Only one column of a row is not empty, and the empty ones point to 0, as the total does: so their sum is it.
        """
        for start, rolled in zip(self.starts[1:], self.solution.world.levels[1:], strict=True):
            count = rolled.level.count
            yield np.array([start + count, *range(start, start + count), 0], dtype=np.int64)

    def tabled(self) -> NDArray[np.float32]:
        """What all families but the trees say, mixed and made to add up; shape (series * horizon, 1)."""
        parts = []
        for level, rolled in enumerate(self.solution.world.levels):
            weights = self.solution.choice.weights[level].copy()
            weights[TREES_PLACE] = 0
            parts.append(mixed(rolled.last.members, weights) * self._worth(level))
        return self.joined(iter(parts)).reshape(-1, 1)

    def of_trees(self, level: int) -> NDArray[np.float32]:
        """What one level's trees are multiplied by, shape (series * horizon, 1): zero for series of other levels."""
        found = [np.zeros_like(said) for said in self.solution.said]
        scale = self.solution.world.levels[level].last_seen.scale[:, None]
        found[level] = (self.solution.choice.weights[level][TREES_PLACE] * scale * self._worth(level)).astype(
            np.float32
        )
        return self.joined(iter(found)).reshape(-1, 1)

    def _worth(self, level: int) -> NDArray[np.float64]:
        """What a mixture is multiplied by, shape (series + 1, horizon): 0 for what is off sale or closed."""
        rolled, world = self.solution.world.levels[level], self.solution.world
        opened = world.opened_from(world.sales.days.count)
        return np.where(rolled.level.ended[:, None], 0.0, self.solution.factors[level] * opened)

    def slack(self) -> NDArray[np.float32]:
        """What is added to a forecast to make the unit of its interval, shape (series * horizon, 1)."""
        world = self.solution.world
        opened = world.opened_from(world.sales.days.count)
        parts = (
            np.where(rolled.level.ended, 0.0, SLACK * rolled.last_seen.scale)[:, None] * opened
            for rolled in world.levels
        )
        return self.joined(parts).reshape(-1, 1)

    def still(self) -> NDArray[np.float32]:
        """The features that are alike for the whole horizon, shape (series, STILL)."""
        return self.joined(rolled.last_seen.still for rolled in self.solution.world.levels)

    def moving(self) -> NDArray[np.float32]:
        """Those that are not, shape (series * horizon, MOVING)."""
        table = self.joined(rolled.last_seen.moving for rolled in self.solution.world.levels)
        return table.reshape(-1, table.shape[2])

    def flags(self) -> NDArray[np.float32]:
        """The calendars, shape (calendars * horizon, flags)."""
        world = self.solution.world
        return world.flags[:, world.sales.days.count :].reshape(-1, world.flags.shape[2])

    def calendars(self) -> NDArray[np.int64]:
        """Which calendar each series has, shape (series,)."""
        return self.joined(rolled.level.calendars for rolled in self.solution.world.levels).astype(np.int64)

    def planned(self) -> NDArray[np.float32]:
        """What is taken to be known ahead where a request does not say, shape (series, features)."""
        world = self.solution.world
        return self.joined(
            planned(rolled.level, np.arange(len(rolled.level.sold)), world.sales.days.count)
            if place == 1
            else np.zeros((len(rolled.level.sold), self.features))
            for place, rolled in enumerate(world.levels)
        )

    def usual(self) -> NDArray[np.float32]:
        """What planned values are divided by, shape (series, features)."""
        world = self.solution.world
        return self.joined(
            usual(rolled.level, np.arange(len(rolled.level.sold)), world.sales.days.count)
            if place == 1
            else np.ones((len(rolled.level.sold), self.features))
            for place, rolled in enumerate(world.levels)
        )

    def classes(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """For each series and period the row of its ratios, shape (series * horizon,), and the ratios themselves."""
        world = self.solution.world
        tables: list[NDArray[np.float64]] = []
        places = []
        first = 0
        for rolled, bands in zip(world.levels, self.solution.choice.bands, strict=True):
            flat = bands.ratios.reshape(-1, 2 * len(COVERAGES))
            places.append(first + bands.places(rolled.last_seen.scale, world.horizon))
            tables.append(flat)
            first += len(flat)
        return self.joined(iter(places)).reshape(-1).astype(np.int64), np.concatenate(tables).astype(np.float32)


def convert(solution: Solution, model: str) -> bytes:
    """The graph: ``rows`` (n, inputs) float32 in, ``forecasts`` (n, 1 + 2 * COVERAGES) out. Raises ConversionError."""
    return _Writer(State(solution)).graph(model)


class _Writer:
    """Collects nodes and constants."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._ensembles: dict[tuple[int, str], str] = {}

    def graph(self, model: str) -> bytes:
        from onnx import TensorProto, helper

        by = len(self._state.solution.world.levels) - 1
        self._places(by)
        self._features(by)
        summed = self._gathered("tabled", self._state.tabled(), "place")
        if self._state.features and self._state.solution.world.levels[1].last.trees is not None:
            summed = self._node("Mul", [summed, self._effect()])
        for level in range(by + 1):
            if self._state.solution.choice.weights[level][TREES_PLACE] > 0:
                worth = self._gathered(f"worth_{level}", self._state.of_trees(level), "place")
                summed = self._node("Add", [summed, self._node("Mul", [self._trees(level), worth])])
        self._forecasts(summed)
        inputs = by + 1 + self._state.features
        outputs = 1 + 2 * len(COVERAGES)
        made = helper.make_graph(
            self._nodes,
            model,
            [helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, [None, inputs])],
            [helper.make_tensor_value_info(FORECASTS, TensorProto.FLOAT, [None, outputs])],
            self._constants,
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in TARGET_OPSET.items()]
        whole = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="cauce")
        return bytes(whole.SerializeToString(deterministic=True))

    def _places(self, by: int) -> None:
        """``series``, ``period`` and ``place``, the row of both in tables, each of shape (n,)."""
        horizon = self._state.solution.world.horizon
        found = self._constant("total", np.array(0, dtype=np.int64))
        for column, places in enumerate(self._state.series_of_codes()):
            code = self._node("Add", [self._whole(column), self._constant(f"one_{column}", np.array(1, np.int64))])
            found = self._node("Add", [found, self._gathered(f"series_{column}", places, code)])
        day = self._node("Sub", [self._whole(by), self._constant("first_period", np.array(1, np.int64))])
        self._node("Min", [day, self._constant("last_period", np.array(horizon - 1, np.int64))], "period")
        spread = self._node("Mul", [day, self._constant("none", np.array(0, np.int64))])
        self._node("Add", [spread, found], "series")  # the total has no column that gives its shape
        wide = self._node("Mul", ["series", self._constant("horizon", np.array(horizon, np.int64))])
        self._node("Add", [wide, "period"], "place")

    def _whole(self, column: int) -> str:
        """One column of the rows, as whole numbers; shape (n,)."""
        from onnx import TensorProto

        value = self._node(
            "Gather", [GRAPH_INPUT, self._constant(f"column_{column}", np.array(column, np.int64))], axis=1
        )
        return self._node("Cast", [value], to=TensorProto.INT64)

    def _features(self, by: int) -> None:
        """``design``, what trees see but for what is known ahead, and ``design_ahead``, with it."""
        from onnx import TensorProto

        horizon = self._state.solution.world.horizon
        calendar = self._gathered("calendars", self._state.calendars(), "series")
        width = self._constant("calendar_width", np.array(horizon, np.int64))
        flags = self._node("Add", [self._node("Mul", [calendar, width]), "period"])
        ahead = self._node("Add", ["period", self._constant("one_ahead", np.array(1, np.int64))])
        column = self._node("Unsqueeze", [ahead, self._constant("last_axis", np.array([1], np.int64))])
        parts = [
            self._gathered("still", self._state.still(), "series"),
            self._gathered("moving", self._state.moving(), "place"),
            self._gathered("flags", self._state.flags(), flags),
            self._node("Cast", [column], to=TensorProto.FLOAT),
        ]
        self._node("Concat", parts, "design", axis=1)
        if self._state.features:
            columns = np.arange(by + 1, by + 1 + self._state.features, dtype=np.int64)
            sent = self._node("Gather", [GRAPH_INPUT, self._constant("ahead_columns", columns)], axis=1)
            planned = self._gathered("planned", self._state.planned(), "series")
            known = self._node("Where", [self._node("IsNaN", [sent]), planned, sent])
            usual = self._gathered("usual", self._state.usual(), "series")
            self._node("Concat", ["design", self._node("Div", [known, usual])], "design_known", axis=1)
            self._node("Concat", ["design", self._node("Div", [planned, usual])], "design_planned", axis=1)

    def _trees(self, level: int) -> str:
        """What one level's trees say, in units of the scale; shape (n, 1)."""
        if level == 1 and self._state.features:
            return self._ensemble(level, "design_known")
        return self._ensemble(level, "design")

    def _ensemble(self, level: int, given: str) -> str:
        from onnx.compose import add_prefix_graph
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType

        if (level, given) in self._ensembles:
            return self._ensembles[level, given]
        fitted = self._state.solution.world.levels[level].last.trees
        try:
            made = to_onnx(
                fitted,
                initial_types=[(given, FloatTensorType([None, fitted.n_features_in_]))],
                target_opset=TARGET_OPSET,
            ).graph
        except Exception as error:
            # The converter raises whatever the converted class makes it stumble over.
            msg = f"the fitted {type(fitted).__name__} does not convert to ONNX: {error}"
            raise ConversionError(msg) from error
        member = add_prefix_graph(made, f"{given}_{level}_", rename_inputs=False)
        self._nodes += member.node
        self._constants += member.initializer
        self._ensembles[level, given] = self._node("Relu", [member.output[0].name])
        return self._ensembles[level, given]

    def _effect(self) -> str:
        """How many times as much the trees say with what is sent as without; see ``members.effect``. Shape (n, 1).

        Rows of other levels than the finest send nothing that is known ahead: there both are the same.
        """
        known, expected = self._ensemble(1, "design_known"), self._ensemble(1, "design_planned")
        least = self._constant("least_expected", np.array(LEAST_EXPECTED, np.float32))
        ratio = self._node("Div", [known, self._node("Max", [expected, least])])
        bounds = [
            self._constant("least_effect", np.array(1 / LARGEST_EFFECT, np.float32)),
            self._constant("largest_effect", np.array(LARGEST_EFFECT, np.float32)),
        ]
        tells = self._node("Greater", [expected, least])
        one = self._constant("no_effect", np.array(1, np.float32))
        return self._node("Where", [tells, self._node("Clip", [ratio, *bounds]), one])

    def _forecasts(self, summed: str) -> None:
        classes, ratios = self._state.classes()
        unit = self._node("Add", [summed, self._gathered("slack", self._state.slack(), "place")])
        own = self._gathered("ratios", ratios, self._gathered("classes", classes, "place"))
        self._node("Concat", [summed, self._node("Mul", [unit, own])], FORECASTS, axis=1)

    def _gathered(self, name: str, table: NDArray[Any], rows: str) -> str:
        return self._node("Gather", [self._constant(name, table), rows], axis=0)

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
        return name

    def _node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        name = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name
