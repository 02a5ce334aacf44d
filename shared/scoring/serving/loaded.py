"""A version in memory, ready to answer: what versions of every task share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from shared.errors import VersionError
from shared.features import GRAPH_INPUT, LARGEST_FLOAT, Encoder
from shared.scoring.formats.json_request import RowReader
from shared.scoring.serving.threads import pieces, pool
from shared.store.registry import GRAPH_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shared.scoring.rows import Rows
    from shared.scoring.scored import Scored
    from shared.scoring.seams import ChunkReader, Reader, Renders
    from shared.store.predictions import Told
    from shared.store.records import Days, Version

SHORT_BYTES = 4096
"""Some ten rows of JSON."""


class LoadedVersion(ABC):
    """One version: its record, its graph, and the reader of its requests. Immutable, and shared by all threads.

    What differs by task is in its subclasses: what a request may send, what the graph gives, and how that is told.
    """

    output: ClassVar[str]
    """The name of what the graph gives."""
    width: ClassVar[int]
    """How many numbers it gives for each row."""
    unknown: ClassVar[str] = ""
    """What is added to the warning of an unknown level."""
    comparison: ClassVar[Callable[..., Any]]
    """What is answered of two versions: of their names, and of what ``compared`` gives."""
    answer_bytes: ClassVar[int] = 0
    """What the answer to a row takes in memory, where a short request may have a long one."""
    at_once_bytes: int = SHORT_BYTES
    """A body of so many at most is answered within a millisecond or two."""
    days: Days | None = None
    """Those that it forecasts."""

    def __init__(self, version: Version, graph: bytes) -> None:
        """Raises VersionError where the graph is not one that takes this version's inputs, or no request can."""
        self.version = version
        self.reader: Reader = self._reader_or_error()
        self.encoder = Encoder(version.inputs)
        self._tried = _tried(version)
        self._session = self._opened(graph)
        self.checked(self._run(self._tried))

    @property
    @abstractmethod
    def renderer(self) -> Renders:
        """Writes the answers of requests that this version reads."""

    @property
    def asked(self) -> Version:
        """The version with the inputs that a request may send."""
        return self.version

    @property
    @abstractmethod
    def csv_reader(self) -> ChunkReader:
        """The reader of its CSV requests."""

    def outputs(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the graph gives of encoded rows, shape (n, inputs): see ``checked`` for what it should be.

        Raises VersionError where it fails.
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

    @abstractmethod
    def checked(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the graph gave, once it means something. Raises VersionError where it does not, such as NaN."""

    @abstractmethod
    def told(self, outputs: NDArray[np.float32]) -> Sequence[Told]:
        """What the prediction log writes of each row."""

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """What GET models/{model} tells beside what it tells of versions of every task."""

    @abstractmethod
    def compared(self, both: Sequence[tuple[Scored, Scored]]) -> tuple[Any, list[Any]]:
        """The sum of what this version and another one of its task say of the same rows, and row by row."""

    def takes(self, rows: Rows) -> Sequence[bool] | None:  # noqa: ARG002
        """Which rows this version can answer that another one's reader has read, and for which it may stand in.

        None is all.
        """
        return None

    def contents(self, rows: Rows) -> NDArray[np.float32]:
        """What a row is known by that nothing names, shape (rows, n)."""
        return self.encoder.encode(rows.columns, rows.count)

    def _reader(self) -> Reader:
        return RowReader(self.version)

    def _taken(self, answer: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of what the graph gives, what is meant."""
        return answer

    def _reader_or_error(self) -> Reader:
        try:
            return self._reader()
        except ValueError as error:
            # Two inputs share a name, or msgspec says that a name cannot be read from JSON.
            version = self.version
            msg = f"{version.model} {version.version}: no request can be read by its inputs: {error}"
            raise VersionError(msg) from error

    def _run(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return self._taken(self._session.run([self.output], {GRAPH_INPUT: rows})[0])
        except Exception as error:
            # As below: the graph took the rows that it was tried with, and fails on these.
            msg = f"{self.version.model} {self.version.version}: {GRAPH_FILE} fails on rows of its schema: {error}"
            raise VersionError(msg) from error

    def _opened(self, graph: bytes) -> Any:
        """The graph, once it has answered rows as it must: a graph that cannot never serves."""
        import onnxruntime

        version = self.version
        options = onnxruntime.SessionOptions()
        # One thread: requests run beside each other, as do the pieces of large ones, without the runtime's threads that
        # wait for each other in every operator; and containers without CPU affinity print errors otherwise.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            shape = session.run([self.output], {GRAPH_INPUT: self._tried})[0].shape
        except Exception as error:
            # onnxruntime has an exception type for every way in which a file is not a graph.
            msg = (
                f"{version.model} {version.version}: {GRAPH_FILE} is not a graph that takes {len(version.inputs)} "
                f"inputs as {GRAPH_INPUT!r} and gives {self.output!r}: {error}"
            )
            raise VersionError(msg) from error
        if shape != (2, self.width):
            msg = (
                f"{version.model} {version.version}: expected {self.output!r} of shape (2, {self.width}) for two rows, "
                f"got {shape}"
            )
            raise VersionError(msg)
        return session


def _tried(version: Version) -> NDArray[np.float32]:
    """Two rows of the schema: what every graph must answer before it serves. Each value is the nearest one to 0."""
    lows = [1 if item.days else -LARGEST_FLOAT if item.min is None else item.min for item in version.inputs]
    highs = [1 if item.days else LARGEST_FLOAT if item.max is None else item.max for item in version.inputs]
    row = np.clip(np.clip(0.0, lows, highs), -LARGEST_FLOAT, LARGEST_FLOAT)
    return np.stack([row, row]).astype(np.float32)
