"""What the functions of this app saw, one JSON object a line, for the tests to read."""

import json
import os
from pathlib import Path
from typing import Any


def record(kind: str, **what: Any) -> None:
    with Path(os.environ["RECORDS"]).open("a") as file:
        file.write(json.dumps({"kind": kind, **what}) + "\n")


def records() -> list[dict[str, Any]]:
    path = Path(os.environ["RECORDS"])
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
