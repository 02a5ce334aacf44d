"""A version in memory, ready to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.errors import VersionError
from shared.features import Encoder
from shared.scoring.request import RowReader
from shared.store.registry import GRAPH_FILE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.store.records import Version
    from shared.store.registry import Registry

INPUT_NAME = "rows"
OUTPUT_NAME = "probabilities"


class LoadedVersion:
    """One version: its record, its graph, and the reader of its requests. Immutable, and shared by all threads."""

    def __init__(self, version: Version, graph: bytes) -> None:
        """Raises VersionError where the graph is not one that takes this version's inputs."""
        self.version = version
        self.reader = RowReader(version)
        self.encoder = Encoder(version.inputs)
        self._session = _session(graph, version)

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of the positive outcome, shape (n,), of encoded rows, shape (n, inputs)."""
        answer: NDArray[np.float32] = self._session.run([OUTPUT_NAME], {INPUT_NAME: rows})[0][:, 1]
        return answer


def load_version(registry: Registry, model: str, version: str) -> LoadedVersion:
    """Read a version whole, checked by hash. Raises VersionError, BlobMissing, StoreUnavailable."""
    record = registry.version(model, version)
    return LoadedVersion(record, registry.file(record, GRAPH_FILE))


def _session(graph: bytes, version: Version) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: requests run beside each other, and containers without CPU affinity print errors otherwise.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        shape = session.get_inputs()[0].shape
        outputs = [output.name for output in session.get_outputs()]
    except Exception as error:
        # onnxruntime has an exception type for every way in which a file is not a graph.
        msg = f"{version.model} {version.version}: {GRAPH_FILE} is not a graph that onnxruntime loads: {error}"
        raise VersionError(msg) from error
    if shape[-1] != len(version.inputs) or OUTPUT_NAME not in outputs:
        msg = (
            f"{version.model} {version.version}: expected a graph with {len(version.inputs)} inputs and an output "
            f"{OUTPUT_NAME!r}, got {shape[-1]} and {outputs}"
        )
        raise VersionError(msg)
    return session
