"""What a query may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.scoring.answers import Kind, Refusal
from shared.scoring.rows import cut

if TYPE_CHECKING:
    from shared.scoring.http import Call

PLATFORM = frozenset({"code", "clientId"})
"""The platform's key, and its name."""


def only(call: Call, *known: str) -> None:
    """Nothing but what is ``known``. Raises Refusal."""
    unknown = call.query.keys() - PLATFORM - set(known)
    if unknown:
        expected = f"expected of {', '.join(sorted(known))}" if known else "nothing is"
        raise Refusal(Kind.BAD_QUERY, f"{cut(min(unknown))!r} is not asked for here; {expected}")


def number(call: Call, name: str, default: int, most: int) -> int:
    """A whole number from 1 up to ``most``. Raises Refusal."""
    text = call.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:18]) <= most):
        raise Refusal(Kind.BAD_QUERY, f"{name}: expected a whole number from 1 to {most:,}, got {cut(text)!r}")
    return int(text)
