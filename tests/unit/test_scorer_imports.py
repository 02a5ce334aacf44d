"""Answering requests takes numpy and onnxruntime: nothing that training or the export needs is loaded for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from local.memory_blobs import MemoryBlobs
from shared.store.registry import Registry
from tests.phone_data import ROW
from tests.tiny_versions import MODEL, phone_inputs, serve

PROJECT_ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("pandas", "sklearn", "scipy", "skl2onnx", "onnx", "pyodbc", "joblib")
ANSWER = """
import json, sys
from pathlib import Path

import score_http
at_import = sorted(sys.modules)

from shared.catalog.load import load_catalog
from shared.scoring.http import Call
from shared.scoring.run import Scorer
from shared.settings import BUILT_IN_CATALOG, Settings
from shared.store.blobs import Blob
from shared.store.registry import Registry

class Folder:
    def read(self, name, *, unless=None):
        return Blob((Path(sys.argv[1]) / name).read_bytes(), "etag")

scorer = Scorer(load_catalog(BUILT_IN_CATALOG), Registry(Folder()), Settings())
answer = scorer.answer(Call("POST", "models/phone/score", sys.argv[2].encode()))
from tests.peak_memory import peak_mb
print(json.dumps([at_import, sorted(sys.modules), answer.status, json.loads(answer.body), peak_mb()]))
"""


def test_a_request_is_answered_without_a_library_of_the_other_stages(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    version = serve(Registry(blobs), 40, phone_inputs())
    for name, data in blobs.blobs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-c", ANSWER, str(tmp_path), json.dumps([ROW, ROW])]
    finished = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, check=False, timeout=60)
    assert finished.returncode == 0, finished.stderr.decode()
    at_import, loaded, status, content, peak = json.loads(finished.stdout)
    print(f"peak: {peak:.0f} MB")
    assert (status, content["model"], content["version"]) == (200, MODEL, version.version)
    assert content["predictions"] == [{"probability": 0.598688, "decision": "call"}] * 2
    assert not set(HEAVY) & {name.partition(".")[0] for name in loaded}
    assert not {"numpy", "onnxruntime", "msgspec", "azure.storage"} & set(at_import)
