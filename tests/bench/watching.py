"""How much memory a process and its children take, seen from outside."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.03


@dataclass
class Watched:
    """A program that ran to its end; its memory in bytes."""

    output: bytes
    own_peak: int = 0
    """Of the program's own process."""
    peak: int = 0
    """Of it and its children at one time. What they share, which is libraries, counts once."""
    simple_peak: int = 0
    """The same with all that is shared counted in each process."""


@dataclass(frozen=True)
class _Memory:
    """What the kernel says of one process."""

    high_water: int
    resident: int
    files: int
    """The part of it that lies in files, and is shared with whoever uses the same files."""


def watch(command: list[str], given: bytes, folder: Path) -> Watched:
    """Run a program; raises CalledProcessError where it fails."""
    watched = Watched(b"")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as pipe:
            pipe.write(given)
        while process.poll() is None:
            _look(process.pid, watched)
            time.sleep(POLL_SECONDS)
        watched.output = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, watched.output)
    return watched


def _look(pid: int, watched: Watched) -> None:
    family = [memory for member in _family(pid) if (memory := _memory(member))]
    if not family:
        return
    resident = sum(memory.resident for memory in family)
    shared_once = resident - sum(memory.files for memory in family) + max(memory.files for memory in family)
    watched.own_peak = max(watched.own_peak, family[0].high_water)
    watched.peak = max(watched.peak, shared_once)
    watched.simple_peak = max(watched.simple_peak, resident)


def _family(pid: int) -> list[int]:
    """A process, its children and theirs."""
    found = [pid]
    for parent in found:
        # A child belongs to the thread that started it.
        with suppress(OSError):
            for listed in list(Path(f"/proc/{parent}/task").glob("*/children")):
                found += [child for child in map(int, listed.read_text().split()) if _has_begun(child, parent)]
    return found


def _has_begun(child: int, parent: int) -> bool:
    """Until it runs a program of its own, a child's memory is its parent's, counted a second time."""
    with suppress(OSError):
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (child, parent)]
        return commands[0] != commands[1]
    return False


def _memory(pid: int) -> _Memory | None:
    """None where the process has ended."""
    with suppress(OSError, KeyError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        sizes = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
        return _Memory(sizes["VmHWM"], sizes["VmRSS"], sizes["RssFile"])
    return None
