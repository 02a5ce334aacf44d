"""The page of the API: readable, complete in itself, and nothing on it but text."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import pytest

from shared.scoring.http import Call
from shared.scoring.openapi.words import bounds, kind
from shared.store.records import DecisionRule, Input
from tests.describing import Described, Office
from tests.tiny_versions import MODEL, ROW, UNUSABLE

VOID = {"meta"}
NASTY = "<script>alert('x')</script>\" & ${x} $name"


class Page(HTMLParser):
    """What a page holds; raises AssertionError where tags do not pair."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.identities: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.pieces: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "style"}]
        self.tags.append(tag)
        self.identities += [value or "" for name, value in attrs if name == "id"]
        self.targets += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._open:
            self.pieces.setdefault(self._open[-1], []).append(data)


def page(office: Office) -> Page:
    answer = office.get("docs")
    assert (answer.status, answer.content_type) == (200, "text/html")
    return Page(answer.body.decode())


@pytest.fixture
def office() -> Office:
    return Office().open()


def test_it_tells_of_every_address_input_and_error(office: Office) -> None:
    told = "".join(page(office).text)
    described = Described(office.document())
    for path, method, operation in described.operations():
        assert f"{method.upper()} /api{path}" in told
        assert operation["summary"] in told
    for name in (*ROW, *UNUSABLE, *UNUSABLE.values()):
        assert name in told
    for response in described.document["components"]["responses"].values():
        for content in response.get("content", {}).values():
            for example in content["examples"].values():
                assert example["value"]["type"] in told
                assert example["value"]["detail"] in told


def test_every_link_leads_somewhere_on_it(office: Office) -> None:
    found = page(office)
    assert len(found.targets) > 20
    assert {target.removeprefix("#") for target in found.targets} <= set(found.identities)
    assert len(set(found.identities)) == len(found.identities)


def test_nothing_is_loaded_or_run(office: Office) -> None:
    answer = office.get("docs")
    text = answer.body.decode()
    assert not {"script", "img", "link", "iframe", "form", "object", "base"} & set(Page(text).tags)
    assert not re.search(r"https?://|url\(|@import", text)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{allowed}'; ")
    assert "frame-ancestors 'none'" in policy
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


def test_the_key_that_opened_it_is_not_on_it(office: Office) -> None:
    answer = office.scorer.answer(Call("GET", "docs", query={"code": "s3cret-key"}))
    assert answer.status == 200
    assert b"s3cret-key" not in answer.body


def test_what_a_catalog_says_is_text_and_no_markup(office: Office) -> None:
    before = page(office)
    inputs = (
        Input(NASTY.replace('"', ""), "integer"),
        Input("c", "category", levels=(NASTY, "`x`"), description=NASTY),
    )
    office.serve(
        MODEL, 30, inputs, title=NASTY, description=NASTY, positive=NASTY,
        decision=DecisionRule(threshold=0.5, act=NASTY, skip=NASTY), unusable={NASTY: NASTY},
    )  # fmt: skip
    found = page(office)
    assert set(found.tags) == set(before.tags)
    assert "".join(found.text).count(NASTY) > 8


def test_a_command_can_be_copied_into_a_shell(office: Office) -> None:
    inputs = (Input("it's", "category", levels=("it's $HOME `now`\n",)),)
    office.serve(MODEL, 30, inputs)
    commands = [text for text in page(office).pieces["code"] if text.startswith("curl") and f"/{MODEL}/" in text]
    assert len(commands) == 8
    for command in commands:
        words = shlex.split(command)
        address = next(word for word in words if word.startswith("$HOST"))
        content_type = next(
            (word.partition(": ")[2] for word in words if word.startswith("content-type")), "application/json"
        )
        if address.endswith("/compare?version=$VERSION"):
            continue
        assert office.post(address.removeprefix("$HOST/api"), words[-1], content_type).status == 200


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"), ({"type": ["integer", "null"]}, "integer or null"),
        ({"enum": ["a", "b"]}, "a or b"), ({"const": "x"}, "x"),
        ({"type": "array", "items": {"type": "string"}}, "a list of text"), ({}, "anything"),
        ({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]}, "#/components/schemas/A or null"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "by name: number"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "object", "additionalProperties": False}, "an object"),
    ],
)  # fmt: skip
def test_types_are_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert "".join(kind(schema)) == words


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, ""), ({"minimum": 1, "maximum": 1000.5}, "at least 1, at most 1,000.5"), ({"minimum": -3.4e38}, ""),
        ({"type": "array", "items": {"minimum": 0}}, "at least 0"), ({"default": False}, "usually false"),
        ({"default": None}, ""), ({"default": []}, ""), ({"maximum": 9, "default": 5}, "at most 9, usually 5"),
    ],
)  # fmt: skip
def test_bounds_are_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert bounds(schema) == words
