"""Any JSON and any bytes are read or refused for a reason, and what is read is what was sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from shared.scoring.rows import MOST_FAULTS, Fault, NotRead, RequestFaulty
from tests.json_rows import LOADED, READER, read
from tests.tiny_versions import INPUTS, ROW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shared.scoring.rows import Rows
    from shared.store.records import Input

QUICK = settings(deadline=None, max_examples=100)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*ROW, "z"]) | st.text(), inner),
    max_leaves=20,
)


def values(item: Input) -> st.SearchStrategy[Any]:
    kinds = {
        "integer": st.integers(int(item.min or -(2**53)), int(item.max or 2**53)),
        "boolean": st.booleans(),
        "category": st.sampled_from(item.levels or ("",)) | st.text(),
    }
    numbers = st.floats(item.min or -3.4e38, item.max or 3.4e38)
    kind = kinds.get(item.type, numbers)
    return kind | st.none() if item.nullable else kind


ROWS = st.fixed_dictionaries(
    {item.name: values(item) for item in INPUTS if not item.nullable},
    optional={
        **{item.name: values(item) for item in INPUTS if item.nullable},
        "contact_id": st.integers() | st.text() | st.none(),
    },
)


def outcome(body: bytes) -> Rows | list[Fault] | None:
    """The rows, what is wrong with them, or None where they are not JSON."""
    try:
        return READER.read(body)
    except NotRead:
        return None
    except RequestFaulty as error:
        return error.faults


def read_or_refused(body: bytes) -> None:
    found = outcome(body)
    assert not isinstance(found, list) or 0 < len(found) <= MOST_FAULTS


@QUICK
@given(ANY_JSON)
def test_any_json_is_read_or_refused_for_a_reason(content: Any) -> None:
    read_or_refused(json.dumps(content).encode())
    read_or_refused(json.dumps(content, ensure_ascii=False).encode(errors="surrogatepass"))


@QUICK
@given(st.binary())
def test_any_bytes_are_read_or_refused_for_a_reason(body: bytes) -> None:
    read_or_refused(body)


@QUICK
@given(ROWS, st.dictionaries(st.sampled_from([*ROW, "duration", "z", "contact_id"]), ANY_JSON), st.data())
def test_rows_spoiled_and_cut_are_read_or_refused_for_a_reason(
    row: dict[str, Any], spoiled: dict[str, Any], data: st.DataObject
) -> None:
    body = json.dumps([row | spoiled, row]).encode()
    read_or_refused(body)
    read_or_refused(body[: data.draw(st.integers(0, len(body)))])


@QUICK
@given(ROWS, st.sampled_from(INPUTS), ANY_JSON)
def test_faults_name_the_values_that_do_not_fit_and_no_others(row: dict[str, Any], item: Input, value: Any) -> None:
    found = outcome(json.dumps([ROW, row | {item.name: value}]).encode())
    if isinstance(found, list):
        assert [fault.path for fault in found] == [f"$[1].{item.name}"]
    elif found is not None:
        assert found.columns[item.name] == [ROW[item.name], value]


@QUICK
@given(st.lists(ROWS, max_size=5))
def test_rows_within_the_schema_come_back_as_they_were_sent(rows: list[dict[str, Any]]) -> None:
    taken = read(rows)
    assert taken.count == len(rows)
    assert taken.columns == {item.name: [row.get(item.name) for row in rows] for item in INPUTS}
    assert taken.keys == [row.get("contact_id", UNSET) for row in rows]


def probabilities(rows: Sequence[dict[str, Any]]) -> list[float]:
    taken = read(rows)
    return list(LOADED.outputs(LOADED.encoder.encode(taken.columns, taken.count)).tolist())


@QUICK
@given(st.lists(ROWS, min_size=1, max_size=8))
def test_row_by_row_is_scored_as_the_whole_list_is(rows: list[dict[str, Any]]) -> None:
    one_by_one = [probability for row in rows for probability in probabilities([row])]
    np.testing.assert_allclose(probabilities(rows), one_by_one, rtol=0, atol=1e-6)
    expected = [1 / (1 + np.exp(2.0 - 0.05 * row["age"])) for row in rows]
    np.testing.assert_allclose(one_by_one, expected, rtol=0, atol=1e-6)
