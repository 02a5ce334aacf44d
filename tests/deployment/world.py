"""``make deploy`` against the local cloud, with a pipeline app that answers drops by run records."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from infra.deployment.__main__ import main
from infra.deployment.deployment import INFRA, what_is_asked
from infra.deployment.steps import STEPS
from shared.store import names
from shared.store.azure_blobs import connect
from tests.deployment.cloud import SUBSCRIPTION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment.cloud import Cloud
    from tests.deployment.secure_storage import SecureAzurite

PACKAGES = {"scoring": b"the scoring package", "pipeline": b"the pipeline package" * 100_000}


@dataclass
class Deploying:
    """What a test does, and what it sees of it."""

    cloud: Cloud
    storage: SecureAzurite
    folder: Path
    outcome: str = "promoted"
    stopped: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.packages = self.folder / "dist"
        self.packages.mkdir()
        for app, content in PACKAGES.items():
            (self.packages / f"{app}.zip").write_bytes(content)
        self.blobs = connect(self.storage.connection_string, None, None, patient=True)
        self.blobs.upload("drops/.made", [b""])
        self.blobs.upload("runs/.made", [b""])
        host = f"localhost:{self.cloud.port}"
        self.cloud.outputs = {
            "scoringAppName": "cauce-scoring",
            "pipelineAppName": "cauce-pipeline",
            "scoringScmHostName": host,
            "pipelineScmHostName": host,
            "scoringUrl": self.cloud.url,
            "dataAccountName": "stdata",
            "dataBlobEndpoint": self.storage.blob_url,
            "topicName": "evgt",
            "keyVaultName": "kv-cauce",
        }
        self.pipeline = threading.Thread(target=self._train, daemon=True)
        self.pipeline.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.pipeline.join()

    @property
    def state(self) -> dict[str, Any]:
        """What is kept for the next run."""
        content: dict[str, Any] = json.loads(self._state_file.read_text())
        return content

    def done_until(self, step: str) -> None:
        """As if an earlier run had come to this step."""
        steps = list(STEPS)
        asked = what_is_asked(INFRA / "parameters" / "small.bicepparam", "westeurope", os.environ)
        state = {"asked": asked, "done": steps[: steps.index(step)], "outputs": self.cloud.outputs}
        self._state_file.parent.mkdir(exist_ok=True)
        self._state_file.write_text(json.dumps(state))

    def __call__(self, *words: str) -> int:
        """Run it; the exit code."""
        folders = ("--packages", str(self.packages), "--state", str(self.folder / "state"))
        return main([*folders, "--patience", "5", "--poll", "0.1", *words])

    @property
    def _state_file(self) -> Path:
        return self.folder / "state" / f"{SUBSCRIPTION}-rg-cauce.json"

    def _train(self) -> None:
        """What the pipeline does with a drop, as far as the smoke test sees it."""
        done = set()
        while not self.stopped.wait(0.1):
            for info in self.blobs.list("drops/smoke/"):
                if info.name not in done:
                    done.add(info.name)
                    slot = names.upload_slot(info.name, info.etag, info.modified)
                    record = {"outcome": self.outcome, "version": "20261127T000000Z-00000000", "reasons": ["because"]}
                    self.blobs.upload(names.run_record("smoke", slot, "smoke"), [json.dumps(record).encode()])
