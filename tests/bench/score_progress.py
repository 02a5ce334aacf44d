"""What ``score_bench`` is doing right now, on standard error: standard output has the tables alone."""

from __future__ import annotations

import sys
import time

CLEAR_LINE = "\r\x1b[2K"


class Progress:
    """One line that changes on a terminal; elsewhere, in a log for one, a line for each stage."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._stage = ""
        self._changes = sys.stderr.isatty()

    def __call__(self, stage: str, what: str = "") -> None:
        """A stage takes seconds to minutes; ``what`` is the part of it that has begun."""
        seconds = int(time.monotonic() - self._began)
        clock = f"{seconds // 60:3d}:{seconds % 60:02d}"
        if self._changes:
            sys.stderr.write(f"{CLEAR_LINE}{clock}  {stage}{what and ': '}{what}")
        elif stage != self._stage:
            sys.stderr.write(f"{clock}  {stage}\n")
        sys.stderr.flush()
        self._stage = stage

    def clear(self) -> None:
        """Make room for what is printed next."""
        if self._changes:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
