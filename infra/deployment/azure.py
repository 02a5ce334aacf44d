"""``az``, the command line of Azure: all but the packages goes through it, so that it can be repeated by hand."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.deployment.faults import AzError, DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MISSING = (
    "az, the command line of Azure, is not on PATH: install it (https://aka.ms/azure-cli, or pip install azure-cli in "
    "an environment of its own), then az login"
)


@dataclass(frozen=True)
class Az:
    """Runs commands; where ``dry``, prints them instead."""

    environment: Mapping[str, str]
    dry: bool = False
    program: str = "az"

    def __call__(self, *words: str, otherwise: Any = None, told: bool = True) -> Any:
        """Run one and return what its JSON says; ``otherwise`` where it prints none, or is only printed.

        :raises AzError: it ended with an error. :raises DeploymentError: there is no ``az``.
        """
        command = shlex.join(["az", *words])
        if self.dry:
            if told:
                print(f"  {command}")
            return otherwise
        done = subprocess.run(
            [self._found(), *words, "--output", "json", "--only-show-errors"],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AzError(command, done.returncode, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else otherwise

    def shown(self, *words: str) -> None:
        """Run one whose output is for people. Raises AzError."""
        command = shlex.join(["az", *words])
        print(f"  {command}")
        if self.dry:
            return
        done = subprocess.run(
            [self._found(), *words], env=dict(self.environment), text=True, stderr=subprocess.PIPE, check=False
        )
        if done.returncode:
            raise AzError(command, done.returncode, done.stderr)

    def _found(self) -> str:
        found = shutil.which(self.program, path=self.environment.get("PATH"))
        if found is None:
            raise DeploymentError(MISSING)
        return found


@dataclass(frozen=True)
class Patience:
    """How long something is waited for, and how often it is looked at."""

    seconds: float = 900
    poll_seconds: float = 10

    def until[T](self, what: str, look: Callable[[], T | None], *, todo: str) -> T:
        """Ask until there is an answer. Raises DeploymentError with ``todo`` after ``seconds``.

        ``look`` may raise ``NotYet`` with the reason why there is none.
        """
        deadline = time.monotonic() + self.seconds
        why = ""
        while True:
            try:
                found = look()
            except NotYet as reason:
                found = None
                if str(reason) != why:
                    why = str(reason)
                    print(f"  waiting for {what}: {why}", flush=True)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                last = f"; the last word was: {why}" if why else ""
                message = f"{what}: nothing within {self.seconds:g} s{last}. {todo}"
                raise DeploymentError(message)
            time.sleep(self.poll_seconds)


class NotYet(Exception):
    """What is waited for is not there; the message says why."""
