"""The one fitted model that all contenders of ``score_bench`` answer with: the demo company's, trained once and kept.

``python -m tests.bench.score_model``: train it now. Kept under ``.local/bench``, by what it is made from. Beside it,
the blend's weightiest member as a model of its own: small, as hand-written services are compared with as a rule.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.company import bank_contacts
from local.memory_blobs import MemoryBlobs
from shared.store import names
from shared.store.records import Classifier, HistoryEntry, Manifest, Part, Verdict, from_json
from shared.store.registry import VERSION_FILE, Registry
from tests.phone_data import phone, to_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.training.blend import Blend
    from shared.training.search import Found
    from shared.training.versioning import Origin

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".local/bench"
MADE_BY = (
    "shared/training/*.py",
    "shared/catalog/*",
    "shared/store/records.py",
    "shared/features.py",
    "requirements.txt",
)
BLEND_FILE = "blend.pickle"
"""The fitted pipelines as they are, for the peers; no part of the project reads such a file."""
SLOT = "20261123T020000Z"
MODEL = "phone"
BLEND, MEMBER = "blend", "member"
"""What serves: all that the search has chosen, or its weightiest part."""


@dataclass(frozen=True)
class FittedModel:
    """A folder with the files of one version, and the pipelines that its graph was made from."""

    folder: Path

    @property
    def version(self) -> Classifier:
        """Its record."""
        return from_json((self.folder / VERSION_FILE).read_bytes(), Classifier, VERSION_FILE)

    def serve(self, registry: Registry) -> Classifier:
        """Store it and let it serve."""
        version = self.version
        registry.register(version, {file: (self.folder / file).read_bytes() for file in version.files})
        entry = HistoryEntry(
            at=SLOT, action="promoted", version=version.version, previous=None, why="a bench", who="a bench"
        )
        registry.promote(MODEL, entry, None)
        return version

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The newest ``count`` calls as a request has them, key first; from the start again when there are no more."""
        version = self.version
        wanted = [version.key.name, *(item.name for item in version.inputs)]
        newest = [{name: contact[name] for name in wanted} for contact in bank_contacts()][::-1]
        return [newest[place % len(newest)] for place in range(count)]


def fitted_model(which: str = BLEND) -> FittedModel:
    """The kept model, or a new one where the code that makes it has changed. Training takes a minute."""
    folder = KEPT / f"model-{_made_from()}"
    if not (folder / MEMBER / BLEND_FILE).exists():
        print("training the model that all contenders serve; this takes a minute, once", file=sys.stderr, flush=True)
        _train(folder)
    return FittedModel(folder / which)


def _made_from() -> str:
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _sources() -> Iterator[Path]:
    for pattern in MADE_BY:
        yield from sorted(path for path in ROOT.glob(pattern) if path.is_file())


def _train(folder: Path) -> None:
    from shared.training.problem import pose
    from shared.training.search import search
    from shared.training.table import read_table
    from shared.training.versioning import Origin

    use_case, file = phone(), to_csv(list(bank_contacts()))
    blobs = MemoryBlobs({"f": file})
    part = Part(name="f", rows=0, size_bytes=len(file), sha256=hashlib.sha256(file).hexdigest())
    manifest = Manifest(dataset=use_case.dataset.name, slot=SLOT, columns={}, parts=(part,), rows=0, exported_at="")
    table = read_table([manifest], use_case.dataset, blobs)
    problem = pose(table.frame, use_case)
    origin = Origin(use_case, SLOT, table, problem)
    found = search(problem, use_case.training, lambda *_: None)
    _keep(origin, found, folder / BLEND)
    _keep(origin, replace(found, blend=_weightiest(found.blend)), folder / MEMBER)


def _weightiest(blend: Blend) -> Blend:
    from shared.training.blend import Blend, Weights

    weights = blend.weights.members
    return Blend((blend.pipelines[weights.index(max(weights))],), Weights(0.0, (1.0,)))


def _keep(origin: Origin, found: Found, folder: Path) -> None:
    """As training makes a version of it, but in a folder."""
    from shared.training.versioning import make_version

    blobs, verdict = MemoryBlobs(), Verdict(promote=True, reason="a bench")
    version = make_version(origin, found, Registry(blobs), lambda *_: verdict)
    folder.mkdir(parents=True, exist_ok=True)
    for file_name in (VERSION_FILE, *version.files):
        (folder / file_name).write_bytes(blobs.blobs[names.version_file(MODEL, version.version, file_name)])
    (folder / BLEND_FILE).write_bytes(pickle.dumps(found.blend))


if __name__ == "__main__":
    print(fitted_model().folder)
