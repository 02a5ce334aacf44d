"""The Bicep compiler as a service: it is asked many times and starts once, which is most of what one answer costs."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from infra.snapshots import Deployed, from_text
from tests.infra.compiler import GROUP, LOCATION, SUBSCRIPTION, compiler, is_of_a_group

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Service:
    """``bicep jsonrpc``, spoken to over its standard streams."""

    requests: IO[bytes]
    responses: IO[bytes]
    asked: int = 0

    def snapshot(self, parameters: Path) -> Deployed:
        """The deployment that a parameters file comes to. Raises AssertionError where it does not compile."""
        where = {"subscriptionId": SUBSCRIPTION, "location": LOCATION}
        if is_of_a_group(parameters):
            where["resourceGroup"] = GROUP
        answer = self._call("bicep/getSnapshot", {"path": str(parameters), "metadata": where})
        assert "result" in answer, answer
        return from_text(parameters.stem, answer["result"]["snapshot"])

    def diagnostics(self, file: Path) -> list[dict[str, Any]]:
        """All that the compiler and the linter have against a file, each with its ``code`` and ``message``."""
        if file.suffix == ".bicepparam":
            answer = self._call("bicep/compileParams", {"path": str(file), "parameterOverrides": {}})
        else:
            answer = self._call("bicep/compile", {"path": str(file)})
        return list(answer["result"]["diagnostics"])

    def formatted(self, file: Path) -> str:
        """The file as the compiler would write it."""
        return str(self._call("bicep/format", {"path": str(file)})["result"]["contents"])

    def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        message = {"jsonrpc": "2.0", "id": self.asked, "method": method, "params": parameters}
        body = json.dumps(message).encode()
        self.requests.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.requests.flush()
        headers = iter(self.responses.readline, b"\r\n")
        (length,) = [int(line.split(b":")[1]) for line in headers if line.lower().startswith(b"content-length:")]
        answer: dict[str, Any] = json.loads(self.responses.read(length))
        return answer


def serving() -> Iterator[Service]:
    """One that runs until the next value is asked for."""
    path = str(compiler())
    process = subprocess.Popen([path, "jsonrpc", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield Service(process.stdin, process.stdout)
        process.kill()
