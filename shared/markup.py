"""HTML from a template file: named parts, filled with values that cannot be anything but text."""

from __future__ import annotations

import html
import re
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PART = re.compile(r"^<!-- part: (\w+) -->\n", re.MULTILINE)
UNPRINTABLE = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}

Values = dict[str, object]
"""What a part of a template is filled with, by the names of its fields."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


class Parts:
    """The parts of a template file, each begun by a line ``<!-- part: name -->``."""

    def __init__(self, file: Path) -> None:
        _, *pieces = PART.split(file.read_text(encoding="utf-8"))
        self._templates = {name: Template(text) for name, text in zip(pieces[::2], pieces[1::2], strict=True)}

    def fill(self, part: str, **values: object) -> Markup:
        """One part with its fields; whatever is not Markup is escaped."""
        return Markup(self._templates[part].substitute({name: _safe(value) for name, value in values.items()}))

    def fill_each(self, part: str, rows: list[dict[str, object]]) -> Markup:
        """The same part once for each row."""
        return Markup("".join(self.fill(part, **row) for row in rows))


def clean(text: str) -> str:
    """The text without characters that neither HTML nor SVG can hold."""
    return text.translate(UNPRINTABLE)


def _safe(value: object) -> str:
    return value if isinstance(value, Markup) else html.escape(clean(str(value)))
