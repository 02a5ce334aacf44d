"""Writes the draft: TOML with the reasons beside what they are for."""

from __future__ import annotations

import json
import math
import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.propose.judgement import Judgement
    from local.propose.proposal import Proposal
    from shared.catalog.spec import Column

WIDTH = 118
COST = 1.0
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def draft(proposal: Proposal, name: str, table: str, *, origin: str, is_file: bool) -> str:
    """The text of the catalog file. ``origin`` is what was read, as a person calls it."""
    blocks = [
        _head(proposal, origin),
        _dataset(proposal, name, table, is_file=is_file),
        *(_column(one, asked=one.question in proposal.questions) for one in proposal.columns),
        _model(proposal, name),
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def gain(proposal: Proposal) -> float:
    """For a cost of COST, what makes acting on everybody come out even: nobody's figure, but not an absurd one."""
    return max(math.ceil(100 * COST / proposal.positive_share) / 100, COST + 0.01)


def _head(proposal: Proposal, origin: str) -> list[str]:
    lines = [
        *_comment(f"Drafted from {proposal.rows:,} rows of {origin}, to be read by somebody who knows them."),
        "#",
        *_comment(
            "Edit cost and gain at the end, and answer the lines that begin with '# ?'. `role` is what a column is "
            "for, `known` says whether its value exists before or after the decision. A row outside of min and max is "
            "refused: they are the range that was seen, with as much again on both sides."
        ),
    ]
    if proposal.left_out:
        names = ", ".join(map(repr, proposal.left_out))
        lines += ["#", *_comment(f"Left out, since the catalog cannot name them or they are binary: {names}.")]
    return lines


def _dataset(proposal: Proposal, name: str, table: str, *, is_file: bool) -> list[str]:
    lines = ["[dataset]", f"name = {_text(name)}"]
    if is_file:
        lines += ["# Where an export would find the rows in a database; a file that is dropped does not need it."]
    lines += [f"table = {_text(table)}"]
    if not is_file and not proposal.derived:
        key = next(one.name for one in proposal.columns if one.column.role == "key")
        lines += _comment("Where the key grows with every new row, an export can read only what is new:")
        lines += [f"# cursor = {_text(key)}"]
    return lines


def _column(judged: Judgement, *, asked: bool) -> list[str]:
    lines = [line for comment in judged.comments for line in _comment(comment)]
    if judged.question:
        lines += _comment(judged.question, "# ? " if asked else "# ")
    return [*lines, f"[dataset.columns.{_key(judged.name)}]", *_settings(judged.column)]


def _settings(column: Column) -> Iterator[str]:
    yield f"type = {_text(column.type)}"
    if column.role != "feature":
        yield f"role = {_text(column.role)}"
    if column.known == "after":
        yield 'known = "after"'
    if column.nullable:
        yield "nullable = true"
    for name, bound in (("min", column.min), ("max", column.max)):
        if bound is not None:
            yield f"{name} = {_number(bound)}"
    if column.levels is not None:
        yield f"levels = [{', '.join(map(_text, column.levels))}]"
    if column.pii:
        yield f"pii = {_text(str(column.pii))}"
    if column.reason is not None:
        yield f"reason = {_text(column.reason)}"


def _model(proposal: Proposal, name: str) -> list[str]:
    share = f"{proposal.positive_share:.1%}".replace("%", " %")
    return [
        "[model]",
        f"name = {_text(name)}",
        f"title = {_text(f'{name.replace("-", " ").capitalize()}: will {proposal.target} be {proposal.positive}?')}",
        'task = "classification"',
        f"positive = {_text(proposal.positive)}   # {share} of the rows",
        "",
        *_comment(
            "The two numbers to edit: what acting once costs, and what it brings where the outcome is positive, in the "
            "same currency. As drafted, acting in every case would just come out even; a prediction above cost / gain "
            "says act."
        ),
        "[model.decision]",
        'act = "act"',
        'skip = "do nothing"',
        f"cost = {COST}",
        f"gain = {gain(proposal)}",
    ]


def _comment(text: str, begin: str = "# ") -> list[str]:
    """Within a comment TOML allows no control characters, which may come from a value."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return textwrap.wrap(plain, WIDTH, initial_indent=begin, subsequent_indent=begin, break_on_hyphens=False)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for one character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _number(value: float) -> str:
    return f"{value:_}" if isinstance(value, int) else repr(value)
