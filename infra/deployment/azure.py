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

HEARTBEAT_SECONDS = 30.0
MISSING = (
    "az, the command line of Azure, is not on PATH: install it (https://aka.ms/azure-cli, or pip install azure-cli in "
    "an environment of its own), then az login"
)


@dataclass(frozen=True)
class Az:
    """Runs commands; where ``dry``, prints them instead."""

    environment: Mapping[str, str]
    dry: bool = False

    def __call__(self, *words: str, otherwise: Any = None, told: bool = True) -> Any:
        """Run one and return what its JSON says; ``otherwise`` where it prints none, or is only printed.

        :raises AzError: it ended with an error. :raises DeploymentError: there is no ``az``.
        """
        command = shlex.join(["az", *words])
        if self.dry:
            if told:
                print(f"  {command}")
            return otherwise
        with subprocess.Popen(
            [self._found(), *words, "--output", "json", "--only-show-errors"],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            output, errors = _patiently(process, " ".join(word for word in words[:3] if not word.startswith("-")))
        if process.returncode:
            raise AzError(command, process.returncode, errors)
        return json.loads(output) if output.strip() else otherwise

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
        found = shutil.which("az", path=self.environment.get("PATH"))
        if found is None:
            raise DeploymentError(MISSING)
        return found


def _patiently(process: subprocess.Popen[str], what: str) -> tuple[str, str]:
    """Both outputs, once it ends; until then, now and then, that it is still at work."""
    began = time.monotonic()
    while True:
        try:
            return process.communicate(timeout=HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"  az {what}: at work for {time.monotonic() - began:.0f} s", flush=True)
        except BaseException:
            process.terminate()
            raise


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
