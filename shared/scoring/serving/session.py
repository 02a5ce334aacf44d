"""A version in memory, ready to answer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.errors import VersionError
from shared.features import FEW_ROWS, GRAPH_INPUT, GRAPH_OUTPUT, LARGEST_FLOAT, Encoder
from shared.scoring.formats.csv_request import CsvReader
from shared.scoring.formats.json_request import RowReader
from shared.scoring.formats.render import Renderer
from shared.scoring.serving.threads import pieces, pool
from shared.store.records import Classifier
from shared.store.registry import GRAPH_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shared.store.registry import Registry

ROUNDING = 1e-5
"""So far from 0 or 1 the sums of 32-bit floats may end; it is put right."""


class LoadedVersion:
    """One version: its record, its graph, and the reader of its requests. Immutable, and shared by all threads."""

    def __init__(self, version: Classifier, graph: bytes) -> None:
        """Raises VersionError where the graph is not one that takes this version's inputs, or no request can."""
        self.version = version
        self.reader = _reader(version)
        self.encoder = Encoder(version.inputs)
        self.renderer = Renderer(version)
        self._session = _session(graph, version)
        self.checked(self._run(_tried(version)))

    @cached_property
    def csv_reader(self) -> CsvReader:
        """The reader of its CSV requests; most processes never see one."""
        return CsvReader(self.version)

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the graph gives for the positive outcome, shape (n,), of encoded rows, shape (n, inputs).

        Raises VersionError where it fails. That they are probabilities, ``checked`` says.
        """
        return self.begin(rows)()

    def begin(self, rows: NDArray[np.float32]) -> Callable[[], NDArray[np.float32]]:
        """The same, beginning at once where there are many rows; what comes back waits for it.

        Many rows are answered in pieces, beside each other, so that the graph's memory does not grow with them.
        """
        parts = pieces(len(rows))
        if len(parts) == 1:
            return lambda: self._run(rows)
        running = [pool().submit(self._run, rows[part]) for part in parts]
        return lambda: np.concatenate([one.result() for one in running])

    def checked(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the graph gave, once all of it are probabilities. Raises VersionError where one is none, such as NaN."""
        if len(found) <= FEW_ROWS:
            if all(0.0 <= one <= 1.0 for one in found.tolist()):
                return found
        elif found.min() >= 0.0 and found.max() <= 1.0:  # NaN is neither
            return found
        near = np.clip(found, 0.0, 1.0)
        if not (np.abs(near - found) <= ROUNDING).all():
            worst = found[~(np.abs(near - found) <= ROUNDING)][0]
            msg = f"{self.version.model} {self.version.version}: {GRAPH_FILE} gave {worst} where a probability belongs"
            raise VersionError(msg)
        return near

    def _run(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            answer: NDArray[np.float32] = self._session.run([GRAPH_OUTPUT], {GRAPH_INPUT: rows})[0][:, 1]
        except Exception as error:
            # As below: the graph took the rows that it was tried with, and fails on these.
            msg = f"{self.version.model} {self.version.version}: {GRAPH_FILE} fails on rows of its schema: {error}"
            raise VersionError(msg) from error
        return answer


def load_version(registry: Registry, model: str, version: str) -> LoadedVersion:
    """Read a version whole, checked by hash. Raises VersionError, BlobMissing, StoreUnavailable."""
    record = registry.version(model, version)
    if (record.model, record.version) != (model, version):
        msg = f"{model} {version}: version.json is that of {record.model} {record.version}"
        raise VersionError(msg)
    if not isinstance(record, Classifier):
        msg = f"{model} {version}: was made for another task than classification"
        raise VersionError(msg)
    return LoadedVersion(record, registry.file(record, GRAPH_FILE))


def _reader(version: Classifier) -> RowReader:
    try:
        return RowReader(version)
    except ValueError as error:
        # Two inputs share a name, or msgspec says that a name cannot be read from JSON.
        msg = f"{version.model} {version.version}: no request can be read by its inputs: {error}"
        raise VersionError(msg) from error


def _tried(version: Classifier) -> NDArray[np.float32]:
    """Two rows of the schema: what every graph must answer before it serves. Each value is the nearest one to 0."""
    lows = [-LARGEST_FLOAT if item.min is None else item.min for item in version.inputs]
    highs = [LARGEST_FLOAT if item.max is None else item.max for item in version.inputs]
    row = np.clip(np.clip(0.0, lows, highs), -LARGEST_FLOAT, LARGEST_FLOAT)
    return np.stack([row, row]).astype(np.float32)


def _session(graph: bytes, version: Classifier) -> Any:
    """The graph, once it has answered rows as it must: a graph that cannot never serves."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: requests run beside each other, as do the pieces of large ones, without the runtime's threads that
    # wait for each other in every operator; and containers without CPU affinity print errors otherwise.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        shape = session.run([GRAPH_OUTPUT], {GRAPH_INPUT: _tried(version)})[0].shape
    except Exception as error:
        # onnxruntime has an exception type for every way in which a file is not a graph.
        msg = (
            f"{version.model} {version.version}: {GRAPH_FILE} is not a graph that takes {len(version.inputs)} inputs "
            f"as {GRAPH_INPUT!r} and gives {GRAPH_OUTPUT!r}: {error}"
        )
        raise VersionError(msg) from error
    if shape != (2, 2):
        msg = f"{version.model} {version.version}: expected {GRAPH_OUTPUT!r} of shape (2, 2) for two rows, got {shape}"
        raise VersionError(msg)
    return session
