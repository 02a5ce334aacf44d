"""A line to storage that a test can cut, slow down and let fall silent for as long as it wants."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from tests.tcp_proxy import Fault, TcpProxy

State = Literal["whole", "down", "slow", "silent"]
SLOW_SECONDS = 2.0
"""What each request is late by where the line is slow; the client waits longer than that for an answer."""


class StorageLine(TcpProxy):
    """Passes everything on while it is whole. Requests that come while it is not fare as it is then."""

    def __init__(self, port: int) -> None:
        super().__init__(port, (), 0.0, seed=0)
        self.state: State = "whole"
        self.spoilt: Counter[State] = Counter()
        """Requests that met a line that was not whole."""

    def fate(self) -> tuple[Fault | None, int]:
        """See ``TcpProxy``: each exchange asks in a thread of its own."""
        state = self.state
        if state != "whole":
            self.spoilt[state] += 1
        if state == "slow":
            self.closing.wait(SLOW_SECONDS)
        return {"whole": None, "slow": None, "down": "cut before", "silent": "silent"}[state], 0
