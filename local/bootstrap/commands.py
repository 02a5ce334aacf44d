"""Where set-up puts things, how it runs commands without a word, and how it tells what goes on."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LOCAL = ROOT / ".local"

PATIENCE_SECONDS = 1800
NON_INTERACTIVE = {
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C.UTF-8",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
}


class SetupError(Exception):
    """A step cannot be done; the message says what was tried and what to do."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command without a word and return its standard output; if it fails, the error has its last lines."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **NON_INTERACTIVE},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"`{' '.join(words)}` did not run: {error}"
        raise SetupError(message) from error
    if done.returncode:
        tail = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-15:])
        message = f"`{' '.join(words)}` ended with code {done.returncode}:\n{tail}"
        raise SetupError(message)
    return done.stdout


def stamped(stamp: Path, wanted: str) -> bool:
    """Say whether the stamp, written only after a step was complete, is for what is wanted now."""
    return stamp.is_file() and stamp.read_text() == wanted


def say(name: str, what: str) -> None:
    """Print one line for a step that takes no time."""
    print(f"{name:<9} {what}", flush=True)


@contextmanager
def step(name: str, doing: str) -> Iterator[None]:
    """Print one line for a step that takes a while: what it does at once, how long it took at its end."""
    print(f"{name:<9} {doing} ...", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    finally:
        print(f" {time.monotonic() - start:.1f} s", flush=True)
