"""Child processes that never outlive their parent.

On Linux the kernel is asked to signal the child when its parent dies (``PR_SET_PDEATHSIG``), however the parent dies.
The request is made by a small Python program that then becomes the child (``exec`` keeps the request), so nothing runs
between fork and exec in a parent that has threads. The kernel looks at the *thread* that started the child: start
children from a thread that lives as long as they should. On other systems only ``Child.close`` ends them.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

_TIE_TO_PARENT = """
import ctypes, os, sys
parent, death_signal, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
if os.getppid() != parent:
    sys.exit("the parent died before its child began")
os.execvp(command[0], command)
"""


class Child:
    """A running child, at the head of a process group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: IO[bytes],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start ``command``; both its outputs go to ``output``, and it reads nothing.

        :param death_signal: what the child gets when its parent dies; a program that has children of its own needs
            a signal that it can handle.
        :raises OSError: the program cannot be started (where the kernel ties children, a program that is not found
            is told in ``output`` instead, and the child ends with 1).
        """
        self._process = subprocess.Popen(
            _tied(command, death_signal),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=folder,
            process_group=0,
        )

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Wait for the end and return the exit code; ``subprocess.TimeoutExpired`` when it does not come."""
        return self._process.wait(timeout_seconds)

    def close(self, grace_seconds: float = 10.0) -> int:
        """Ask the whole group to end, kill what is left after ``grace_seconds``; closing twice does no harm."""
        if self.exit_code is None:
            self._signal_group(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                return self.wait(grace_seconds)
        return self.kill()

    def kill(self) -> int:
        """End the whole group at once, as a crash would."""
        if self.exit_code is None:
            self._signal_group(signal.SIGKILL)
        return self.wait()

    def _signal_group(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, what)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _tied(command: Sequence[str], death_signal: signal.Signals) -> list[str]:
    """The command line that ties ``command`` to this process where the kernel can."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TIE_TO_PARENT, str(os.getpid()), str(int(death_signal)), *command]
