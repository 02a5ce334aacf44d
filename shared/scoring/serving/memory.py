"""Memory that a process has freed, and that its allocator would keep."""

from __future__ import annotations

import ctypes
import sys


def give_back_freed() -> None:
    """Give what was freed back to the system, where it runs on glibc; that keeps it for later otherwise.

    Reading a graph takes several times what is left when it has been read; a few milliseconds.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # not every Linux has glibc
        trim(0)
