"""How far a deployment is, kept between one ``make deploy`` and the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class State:
    """What is done of one deployment. A file: a step that is cut off is not in it, and is taken again."""

    file: Path
    asked: str = ""
    """What the deployment was asked for; when it is something else, every step is taken again."""
    done: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    """Those of main.bicep: names and addresses, no secret."""

    @classmethod
    def read(cls, file: Path, asked: str) -> State:
        """The state of an earlier run, if it was asked for the same and did not come to its end; else a fresh one."""
        try:
            found = json.loads(file.read_text())
            state = cls(file, str(found["asked"]), list(found["done"]), dict(found["outputs"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls(file, asked)
        if state.asked != asked:
            return cls(file, asked, outputs=state.outputs)
        return state

    def finish(self, step: str) -> None:
        """Note that a step is done."""
        if step not in self.done:
            self.done.append(step)
        self._write()

    def start_over(self, step: str, steps: list[str]) -> None:
        """Forget that ``step`` and those after it are done."""
        self.done = steps[: steps.index(step)]
        self._write()

    def end(self) -> None:
        """All is done: the next run takes every step again, which changes what has changed."""
        self.done = []
        self._write()

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".part")
        content = {name: value for name, value in asdict(self).items() if name != "file"}
        unfinished.write_text(json.dumps(content, indent=2) + "\n")
        unfinished.replace(self.file)
