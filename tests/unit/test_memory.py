"""Memory that was freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]

FREEING = """
import sys
from shared.scoring.serving.memory import give_back_freed

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

pieces = [bytes(1000) for _ in range(60_000)]
keeper = [pieces[-1]]
del pieces
before = resident()
give_back_freed()
print(before - resident())
"""
"""Many small pieces, the last of which is kept: so the allocator cannot shrink its heap by itself."""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is done")
def test_what_small_pieces_took_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FREEING], cwd=PROJECT_ROOT, capture_output=True, check=True, timeout=60
    )
    assert float(done.stdout) > 30


def test_on_other_systems_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.scoring.serving import memory

    monkeypatch.setattr(memory.sys, "platform", "win32")
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    memory.give_back_freed()
