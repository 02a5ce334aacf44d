"""Versions that forecast, made by hand: a record, and a graph whose numbers say which series and day they are of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from local.memory_blobs import MemoryBlobs
from shared.catalog.load import Catalog, parse_use_case
from shared.features import FORECASTS, GRAPH_INPUT
from shared.scoring.log.day_blobs import DayBlobs
from shared.scoring.log.lines import LineMaker
from shared.scoring.log.prediction_log import PredictionLog
from shared.scoring.run import Scorer
from shared.store import names
from shared.store.forecasts import OUTPUTS, ForecastCandidate, Forecaster, LevelRecord, LinesRecord
from shared.store.records import Beside, Data, Days, Input, KeyColumn, Parity
from shared.store.registry import GRAPH_FILE
from tests import scoring_office
from tests.logged import predictions
from tests.tiny_versions import promote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from shared.scoring.http import Answer
    from shared.store.predictions import Prediction
    from shared.store.registry import Registry, Role

MODEL = "sales"
SCORE = f"models/{MODEL}/score"
CATALOG = """
[dataset]
name = "order-lines"
table = "order_lines"

[dataset.columns]
line_id = { type = "integer", role = "key" }
ordered_at = { type = "timestamp", role = "time" }
product = { type = "category", role = "series" }
country = { type = "category", role = "series" }
quantity = { type = "integer", role = "target" }
price = { type = "number", nullable = true, min = 0 }
promotion = { type = "boolean" }
iban = { type = "text", role = "unused", pii = "drop", reason = "personal" }

[model]
name = "sales"
title = "Units sold"
task = "forecast"
by = ["product", "country"]
horizon = 28
"""
LEVELS = {"product": ("P-1", "P-2", "P-3"), "country": ("France", "United Kingdom")}
FEATURES = (Input("price", "number", nullable=True, min=0), Input("promotion", "boolean", nullable=True))
ORIGIN = date(2026, 11, 22)
SPREADS = {"low_90": -9.0, "low_80": -8.0, "low_50": -5.0, "high_50": 5.0, "high_80": 8.0, "high_90": 9.0}
"""What the ends of the intervals have above the forecast."""
SERIES_STEP, DAY_STEP, PROMOTED = 1_000.0, 1.0, 100.0
UNUSABLE = {"quantity": "it is known once an order has come", "iban": "personal"}
MADE = datetime(2026, 11, 23, tzinfo=UTC)


def places(levels: Mapping[str, Sequence[str]] = LEVELS) -> dict[tuple[str | None, str | None], int]:
    """The number of each series by its column and value: the total is 0, a value of None is the pooled series."""
    found: dict[tuple[str | None, str | None], int] = {(None, None): 0}
    for name, known in levels.items():
        for value in (*known, None):
            found[name, value] = len(found)
    return found


def table(series: int, horizon: int, bias: float) -> NDArray[np.float32]:
    """Shape (series, horizon, 7): ``1000 * series + day + bias``, days counted from 1, and the ends around it."""
    middle = SERIES_STEP * np.arange(series)[:, None] + DAY_STEP * np.arange(1, horizon + 1) + bias
    return np.stack([middle + SPREADS.get(name, 0.0) for name in OUTPUTS], axis=2).astype(np.float32)


def graph(horizon: int = 28, bias: float = 0.0, numbers: NDArray[np.float32] | None = None, **called: Any) -> bytes:
    """An ONNX graph that looks the day of a series up in a table, and adds 100 while ``promotion`` is true.

    ``numbers`` are the table's; ``taken`` and ``given`` the names of the graph's input and output.
    """
    taken, given = called.get("taken", GRAPH_INPUT), called.get("given", FORECASTS)
    numbered, by = places(), list(LEVELS)
    numbers = table(len(numbered), horizon, bias) if numbers is None else numbers
    width = len(by) + 1 + len(FEATURES)
    nodes, constants = [], {"table": numbers, "one": np.array(1, np.int64), "promoted": np.float32(PROMOTED)}
    constants |= {"zero": np.float32(0), "last": np.array([width - 1], np.int64), "at": np.array([len(by)], np.int64)}

    def add(operator: str, inputs: Sequence[str], output: str, **how: Any) -> None:
        nodes.append(helper.make_node(operator, list(inputs), [output], **how))

    for place, name in enumerate(by):
        # Codes run from -1, an unknown level, to the number of levels, an empty value.
        codes = [numbered[name, None], *(numbered[name, level] for level in LEVELS[name]), 0]
        constants |= {f"codes{place}": np.array(codes, np.int64), f"column{place}": np.array([place], np.int64)}
        add("Gather", [taken, f"column{place}"], f"float{place}", axis=1)
        add("Cast", [f"float{place}"], f"code{place}", to=TensorProto.INT64)
        add("Add", [f"code{place}", "one"], f"index{place}")
        add("Gather", [f"codes{place}", f"index{place}"], f"series{place}", axis=0)
    add("Sum" if len(by) != 2 else "Add", [f"series{place}" for place in range(len(by))], "series")
    add("Gather", [taken, "at"], "day", axis=1)
    add("Cast", ["day"], "counted", to=TensorProto.INT64)
    add("Sub", ["counted", "one"], "ahead")
    add("Concat", ["series", "ahead"], "where", axis=1)
    add("GatherND", ["table", "where"], "found")
    add("Gather", [taken, "last"], "flag", axis=1)
    add("IsNaN", ["flag"], "empty")
    add("Where", ["empty", "zero", "flag"], "planned")
    add("Mul", ["planned", "promoted"], "uplift")
    add("Add", ["found", "uplift"], given)
    body = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(taken, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, [None, numbers.shape[2]])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())


def inputs_of(horizon: int = 28, origin: date = ORIGIN, step: int = 1) -> tuple[Input, ...]:
    """As training writes them."""
    first, last = origin + timedelta(days=1), origin + timedelta(days=step * horizon)
    series = (Input(name, "category", nullable=True, levels=levels) for name, levels in LEVELS.items())
    days = Days(str(first), str(last), step)  # type: ignore[arg-type]
    return (*series, Input("date", "day", nullable=True, days=days, description="left out: all days"), *FEATURES)


def make(
    number: int = 1, *, horizon: int = 28, origin: date = ORIGIN, step: int = 1, content: bytes = b"", **changed: Any
) -> tuple[Forecaster, dict[str, bytes]]:
    """A whole version and its files; ``number / 100`` is what tells its numbers from those of others.

    ``content`` takes the place of the graph; ``changed`` are other fields of the record.
    """
    content = content or graph(horizon, number / 100)
    moment = names.stamp(MADE + timedelta(seconds=number))
    level = {"wape": 0.25, "naive_wape": 0.5, "sum_wape": 0.1, "naive_sum_wape": 0.2, "coverage": {"90": 0.9}}
    record: dict[str, Any] = {
        "model": MODEL,
        "version": f"{moment}-{hashlib.sha256(content).hexdigest()[:8]}",
        "title": "Units sold",
        "description": "How many units will be sold, day by day.",
        "dataset": "order-lines",
        "slot": moment,
        "key": KeyColumn(name="id", type="text", description="any name for the row; the answer gives it back"),
        "inputs": inputs_of(horizon, origin, step),
        "unusable": UNUSABLE,
        "files": {GRAPH_FILE: hashlib.sha256(content).hexdigest()},
        "catalog_sha256": "0" * 64,
        "data": Data(
            sha256="0" * 64, rows=100, refused=0, train_rows=100, holdout_rows=20, first="2025-01-01",
            trained_to=str(origin), last=str(origin),
        ),
        "metrics": {"wape": 0.25, "naive_wape": 0.5},
        "parity": Parity(rows=20, largest_difference=0.0, decisions_flipped=0),
        "libraries": {"python": "3.13"},
        "measure": "units",
        "frequency": "day" if step == 1 else "week",
        "horizon": horizon,
        "origin": str(origin),
        "by": tuple(LEVELS),
        "levels": tuple(
            LevelRecord(level=name, series=series, bias=0.0, **level)  # type: ignore[arg-type]
            for name, series in (("total", 1), *((name, len(known)) for name, known in LEVELS.items()))
        ),
        "candidates": (ForecastCandidate(level="total", family="tiny", settings={}, choosing_wape=0.3),),
        "lines": LinesRecord(counted=100),
        "off_sale": {},
        "pooled": {},
    }  # fmt: skip
    return Forecaster(**{**record, **changed}), {GRAPH_FILE: content}


def register(registry: Registry, number: int = 1, **how: Any) -> Forecaster:
    """Store a version of ``make`` without promoting it."""
    version, files = make(number, **how)
    return registry.register(version, files)


def serve(registry: Registry, number: int = 1, **how: Any) -> Forecaster:
    """Store a version and let it serve."""
    version = register(registry, number, **how)
    promote(registry, version)
    return version


def catalog() -> Catalog:
    """A catalog of this model alone."""
    faults: list[str] = []
    case = parse_use_case(CATALOG.encode(), "sales.toml", faults)
    assert case is not None, faults
    return Catalog((case,))


@dataclass(frozen=True)
class Expected:
    """What a version of ``make`` says of one day of one series."""

    series: int
    ahead: int
    """The day, counted from 1."""
    number: int = 1
    promoted: bool = False

    @property
    def outputs(self) -> dict[str, float]:
        """As an answer writes it."""
        middle = SERIES_STEP * self.series + DAY_STEP * self.ahead + self.number / 100 + PROMOTED * self.promoted
        # The table's floats have 32 bits.
        return {name: round(float(np.float32(middle + SPREADS.get(name, 0.0))), 4) for name in OUTPUTS}


def day(ahead: int, origin: date = ORIGIN) -> str:
    """The date of a day, counted from 1."""
    return str(origin + timedelta(days=ahead))


class Office(scoring_office.Office):
    """A scorer for this model alone, over blobs of its own; with a prediction log where it is ``logging``."""

    def __init__(self, *, logging: bool = False, **limits: Any) -> None:
        super().__init__(**limits)
        cases = catalog()
        self.logged = MemoryBlobs()
        days = DayBlobs(self.logged, datetime.now(UTC))
        self.log = PredictionLog(LineMaker(cases, None), days, 0.0, 2**26) if logging else None
        self.scorer = Scorer(cases, self.registry, self.settings, self.log)

    def ask(self, content: Any, query: dict[str, str] | None = None, **headers: str) -> Answer:
        """See ``scoring_office.Office``; of this model."""
        return self.asked_at(SCORE, content, query, **headers)

    def beside(self, role: Role, version: Forecaster, share: float = 1.0) -> None:
        self.registry.set_beside(MODEL, role, Beside(version.version, share, "then"), why="a try", who="marta")

    def lines(self, role: str | None = None) -> list[Prediction]:
        """What was logged of answers, or of those of one role; the log is at its end then."""
        assert self.log is not None
        self.log.close(20)
        return [line for line in predictions(self.logged) if role in {None, line.role}]
