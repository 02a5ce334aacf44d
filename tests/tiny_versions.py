"""Versions made by hand, without training: a record, and a graph whose answers say which version gave them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from onnx import TensorProto, helper

from shared.catalog.load import Catalog, load_catalog
from shared.features import WEEKDAYS
from shared.settings import BUILT_IN_CATALOG
from shared.store import names
from shared.store.records import (
    Beside,
    Candidate,
    Classifier,
    Curves,
    Data,
    DecisionRule,
    HistoryEntry,
    Input,
    KeyColumn,
    Parity,
)
from shared.store.registry import GRAPH_FILE
from tests.phone_data import ROW as PHONE_ROW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shared.catalog.spec import UseCase
    from shared.store.records import Version
    from shared.store.registry import Registry, Role

MODEL = "phone"
START = datetime(2024, 1, 1, tzinfo=UTC)

INPUTS = (
    Input("age", "integer", min=16, max=120),
    Input("balance", "number", nullable=True),
    Input("cons.price.idx", "decimal", min=90.5, max=99.5),
    Input("class", "category", levels=("first", "second", "tourist")),
    Input("member", "boolean"),
    Input("job", "category", nullable=True, levels=("clerk", "cook")),
    Input("key", "integer"),
    Input("f0", "integer", nullable=True, min=1, max=9),
    Input("owns car", "boolean", nullable=True),
)
"""Every type, with names that Python does not take and names that a careless reader would take for its own."""

ROW: dict[str, Any] = {
    "age": 41, "balance": 900.5, "cons.price.idx": 93.2, "class": "second", "member": True, "job": "cook", "key": -7,
    "f0": 3, "owns car": False,
}  # fmt: skip
"""A row that INPUTS take."""

UNUSABLE = {"duration": "the length of the call is known when it has ended", "pdays": "mostly one value"}


def graph(
    inputs: int, *, column: int = 0, weight: float = 0.0, bias: float = 0.0, classes: int = 2, **called: str
) -> bytes:
    """``sigmoid(weight * rows[:, column] + bias)`` as an ONNX graph; no other input matters, empty or not.

    ``classes`` may spoil the output's shape; ``taken`` and ``given`` the names of the graph's input and output.
    """
    taken, given = called.get("taken", "rows"), called.get("given", "probabilities")
    body = helper.make_graph(
        [
            helper.make_node("Gather", [taken, "place"], ["value"], axis=1),
            helper.make_node("Mul", ["value", "weight"], ["weighted"]),
            helper.make_node("Add", ["weighted", "bias"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["yes"]),
            helper.make_node("Sub", ["one", "yes"], ["no"]),
            helper.make_node("Concat", ["no", *["yes"] * (classes - 1)], [given], axis=1),
        ],
        "tiny",
        [helper.make_tensor_value_info(taken, TensorProto.FLOAT, [None, inputs])],
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, [None, classes])],
        [
            helper.make_tensor("place", TensorProto.INT64, [1], [column]),
            helper.make_tensor("weight", TensorProto.FLOAT, [1], [weight]),
            helper.make_tensor("bias", TensorProto.FLOAT, [1], [bias]),
            helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        ],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())


def make(
    number: int = 1, inputs: Sequence[Input] = INPUTS, *, threshold: float = 0.5, content: bytes = b"", **weights: Any
) -> tuple[Classifier, dict[str, bytes]]:
    """A whole version and its files. ``content`` takes the place of the graph, which ``weights`` describe.

    Left alone, version ``number`` answers ``sigmoid(number / 100)`` to everything.
    """
    content = content or graph(len(inputs), **{"bias": number / 100, **weights})
    moment = names.stamp(START + timedelta(seconds=number))
    candidate = Candidate(family="tiny", settings={}, history="all", folds_auc=0.7, holdout={"auc": 0.75})
    version = Classifier(
        model=MODEL,
        version=f"{moment}-{hashlib.sha256(content).hexdigest()[:8]}",
        title="Who to telephone",
        description="The probability that a client buys when called.",
        dataset="contacts",
        slot=moment,
        positive="yes",
        decision=DecisionRule(threshold=threshold, act="call", skip="do not call"),
        key=KeyColumn(name="contact_id", type="integer"),
        inputs=tuple(inputs),
        unusable=UNUSABLE,
        files={GRAPH_FILE: hashlib.sha256(content).hexdigest()},
        catalog_sha256="0" * 64,
        data=Data(
            sha256="0" * 64, rows=100, refused=0, train_rows=80, holdout_rows=20, first="2023-01-01",
            trained_to="2023-10-01", last="2023-12-31",
        ),
        recipe=candidate,
        candidates=(candidate,),
        metrics={"auc": 0.75},
        curves=Curves(gain=((0.0, 0.0), (1.0, 1.0)), calibration=((0.1, 0.1, 20),)),
        parity=Parity(rows=20, largest_difference=0.0, decisions_flipped=0),
        libraries={"python": "3.13"},
    )  # fmt: skip
    return version, {GRAPH_FILE: content}


def register(registry: Registry, number: int = 1, inputs: Sequence[Input] = INPUTS, **how: Any) -> Classifier:
    """Store a version of ``make`` without promoting it."""
    version, files = make(number, inputs, **how)
    registry.register(version, files)
    return version


def promote(registry: Registry, version: Version) -> None:
    """Let ``version`` serve."""
    serving = registry.champion(version.model)
    previous = serving.champion.version if serving else None
    entry = HistoryEntry(
        at=version.slot, action="promoted", version=version.version, previous=previous, why="a test", who="a test"
    )
    registry.promote(version.model, entry, serving)


def serve(registry: Registry, number: int = 1, inputs: Sequence[Input] = INPUTS, **how: Any) -> Classifier:
    """Store a version and let it serve."""
    version = register(registry, number, inputs, **how)
    promote(registry, version)
    return version


def put_beside(registry: Registry, role: Role, version: Classifier, share: float = 0.5) -> None:
    """Let ``version`` take part beside the champion of ``MODEL``."""
    registry.set_beside(MODEL, role, Beside(version.version, share, "then"), why="a try", who="marta")


def phone_inputs() -> tuple[Input, ...]:
    """The inputs of the built-in model, as training would write them; categories know the value of the phone row."""
    use_case = catalog(MODEL).use_cases[0]
    return tuple(
        Input(
            name=name,
            type=column.calendar or column.type,  # type: ignore[arg-type]
            nullable=column.nullable,
            min=column.min,
            max=column.max,
            levels=WEEKDAYS
            if column.calendar
            else (column.levels or (PHONE_ROW[name],))
            if column.type == "category"
            else (),
        )
        for name, column in use_case.dataset.features().items()
    )


def catalog(*models: str) -> Catalog:
    """A catalog with these models, each a copy of the built-in one under a name of its own."""
    built_in = load_catalog(BUILT_IN_CATALOG).model(MODEL)
    assert built_in is not None
    return Catalog(tuple(_named(built_in, name) for name in models))


def _named(use_case: UseCase, name: str) -> UseCase:
    model = msgspec.structs.replace(use_case.model, name=name)
    dataset = msgspec.structs.replace(use_case.dataset, name=f"for-{name}")
    return msgspec.structs.replace(use_case, model=model, dataset=dataset)
