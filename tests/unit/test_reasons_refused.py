"""``?explain=true``: what is refused, what cannot be explained, and that scoring goes on all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from shared.scoring.http import Call
from shared.scoring.reasons.explain import MOST_ROWS, GivenReasons, most_rows
from shared.scoring.rows import Rows
from shared.scoring.scored import Scored
from shared.scoring.serving.session import load_version
from shared.store import names
from shared.store.records import to_json
from shared.store.registry import BACKGROUND_FILE
from tests.explaining import AGE, BEFORE, Office, reasons, serve_explained
from tests.scoring_office import problem
from tests.tiny_versions import MODEL, ROW, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shared.scoring.http import Answer


@pytest.fixture
def office() -> Office:
    return Office()


def refusal(answer: Answer, status: int) -> str:
    detail: str = problem(answer, status)["detail"]
    return detail


@pytest.mark.parametrize("top", ["0", "-1", "1001", "10000000000", "2.5", "x", "", "٣"])
def test_another_number_of_values_is_refused(office: Office, top: str) -> None:
    serve_explained(office.registry, **AGE)
    assert refusal(office.explained(ROW, top=top), 400) == f"top: expected a whole number from 1 to 1,000, got {top!r}"


@pytest.mark.parametrize("wanted", ["", "yes", "True", "1"])
def test_explain_is_true_or_false(office: Office, wanted: str) -> None:
    serve_explained(office.registry, **AGE)
    assert refusal(office.explained(ROW, explain=wanted), 400) == f"explain: expected true or false, got {wanted!r}"


def test_a_number_of_reasons_without_reasons_is_refused(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    assert refusal(office.explained(ROW, explain="false", top="3"), 400).startswith("top: expected nothing")


def test_more_rows_than_can_be_explained_are_refused_and_can_be_scored(office: Office) -> None:
    serve_explained(office.registry, **AGE)
    assert len(reasons(office.explained([ROW] * MOST_ROWS))) == MOST_ROWS
    rows = [ROW] * (MOST_ROWS + 1)
    assert refusal(office.explained(rows), 413).startswith("the request has at least 51 rows; at most 50 are explained")
    assert office.explained(rows, explain="false").status == 200


def test_rows_count_over_all_chunks_and_shares_of_a_request(office: Office) -> None:
    loaded = load_version(office.registry, MODEL, serve_explained(office.registry, **AGE).version)
    matrix = loaded.encoder.encode({name: [value] for name, value in ROW.items()}, 1)
    given, call = GivenReasons(office.registry), Call("POST", "")
    for first, places in ((MOST_ROWS, None), (0, [MOST_ROWS])):
        rows = Rows(1, {name: [value] for name, value in ROW.items()}, [None], first)
        scored = Scored(loaded, rows, matrix, loaded.outputs(matrix), {}, places)
        with pytest.raises(Exception, match="at least 51 rows"):
            given.reasons(scored, call)


def test_models_with_many_inputs_explain_fewer_rows_and_one_at_least() -> None:
    assert [most_rows(32, inputs) for inputs in (1, 15, 50, 200, 10_000)] == [50, 50, 15, 3, 1]


# What cannot be explained


def test_a_version_without_a_background_says_so_and_answers_without_reasons(office: Office) -> None:
    version = serve(office.registry, 40)
    detail = refusal(office.explained(ROW), 409)
    assert detail == (
        f"version {version.version} of model 'phone' was made before answers could be explained; retrain it "
        "(python -m local retrain phone), or ask without ?explain=true"
    )
    assert office.explained(ROW, explain="false").status == 200


def test_a_graph_that_gives_no_number_for_mixed_rows_is_said_to(office: Office) -> None:
    serve_explained(office.registry, column=1, weight=1.0, bias=0.0)
    assert refusal(office.explained(ROW), 409).startswith("row 0 cannot be explained: the model gives no number")
    assert office.explained(ROW, explain="false").status == 200


def spoiled(**changes: Any) -> bytes:
    return to_json(msgspec.structs.replace(BEFORE, **changes))


SPOILED: dict[str, tuple[bytes, str]] = {
    "what is no JSON": (b"{", "is not a Background record"),
    "a text for a number": (spoiled(rows=(("x",) * 9,)), "is not a Background record"),
    "another release's record": (to_json(BEFORE).replace(b'_version": 1', b'_version": 9'), "schema_version"),
    "no rows": (spoiled(rows=()), "expected one row or more, each of 9 values"),
    "a short row": (spoiled(rows=(*BEFORE.rows, (1.0,))), "expected one row or more, each of 9 values"),
    "other inputs": (spoiled(inputs=("age",), rows=((1.0,),)), "expected the inputs age, balance"),
    "inputs in another order": (spoiled(inputs=BEFORE.inputs[::-1]), "expected the inputs age, balance"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_background_that_is_not_right_is_an_error_and_scoring_goes_on(office: Office, what: str) -> None:
    data, told = SPOILED[what]
    serve_explained(office.registry, stored=data, **AGE)
    check_unexplained(office, told)


def change(office: Office, name: str) -> None:
    office.blobs.write(name, to_json(BEFORE) + b" ")


def remove(office: Office, name: str) -> None:
    del office.blobs.blobs[name]


@pytest.mark.parametrize(("damage", "told"), [(change, "the sha256 differs"), (remove, BACKGROUND_FILE)])
def test_a_background_that_was_changed_or_is_gone_is_an_error_and_scoring_goes_on(
    office: Office, damage: Callable[[Office, str], None], told: str
) -> None:
    version = serve_explained(office.registry, **AGE)
    damage(office, names.version_file(MODEL, version.version, BACKGROUND_FILE))
    check_unexplained(office, told)


def check_unexplained(office: Office, told: str) -> None:
    answer = office.explained(ROW)
    detail = refusal(answer, 503)
    assert told in detail
    assert detail.endswith("without ?explain=true it answers all the same")
    assert answer.headers["Retry-After"] == "10"
    plain = json.loads(office.explained(ROW, explain="false").body)
    assert plain["predictions"] == [{"probability": 0.5, "decision": "call"}]
