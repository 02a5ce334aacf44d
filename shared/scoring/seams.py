"""Where traffic, the prediction log, shadows and reasons take part in a request. Each has a stand-in that does nothing.

A scoring request goes through: content negotiation -> rows, read by the schema of the version that ``Versions.choose``
names -> ``Traffic.split`` says which version answers which rows -> encoded and run: ``Scored`` -> ``Explain`` where
reasons were asked for -> rendered -> each ``Watcher``. A long CSV goes through in chunks, each with its own ``Scored``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.scoring.formats.render import Writer
    from shared.scoring.http import Call
    from shared.scoring.rows import Rows
    from shared.scoring.scored import Scored
    from shared.scoring.serving.loaded import LoadedVersion

type Share = tuple[LoadedVersion, Sequence[int] | None]
"""A version, and the places of the rows that it answers; None is all of them."""


class ChunkReader(Protocol):
    """Reads requests of one format."""

    def chunks(self, body: bytes) -> Iterator[Rows]:
        """The rows, some after the others. Raises NotRead, RequestFaulty."""


class Reader(ChunkReader, Protocol):
    """Reads requests that may be small."""

    def read(self, body: bytes) -> Rows:
        """All rows at once. Raises NotRead, RequestFaulty."""


class Renders(Protocol):
    """Writes the answers of one version."""

    key: str
    """What an answer calls a row's name."""

    def writer(self, content_type: str) -> Writer:
        """For one answer."""


class Traffic(Protocol):
    """Which version answers which rows."""

    def split(self, model: str, champion: LoadedVersion, rows: Rows) -> Sequence[Share]:
        """Shares that together hold every row once. Not asked where the request names a version.

        The rows were read by the champion's schema: a version with other inputs cannot take a share.
        """


class Watcher(Protocol):
    """Learns what was answered: the prediction log, a shadow. It neither raises nor waits for anything."""

    def watch(self, call: Call, scored: Scored) -> Callable[[], None] | None:
        """Called before it is certain that the request is answered: the next chunk of a CSV may be faulty.

        Take what is needed of ``scored``, which does not stay in memory, and give back what is to be done once the
        answer is certain.
        """


class Explain(Protocol):
    """Says what moved each answer."""

    def reasons(self, scored: Scored, call: Call) -> Sequence[Any]:
        """For each row something that msgspec writes as JSON. Raises Refusal where it cannot be said."""


class ChampionOnly:
    """Every row is the champion's."""

    def split(self, model: str, champion: LoadedVersion, rows: Rows) -> Sequence[Share]:  # noqa: ARG002
        """One share."""
        return ((champion, None),)


@dataclass(frozen=True)
class Seams:
    """Who takes part in scoring requests."""

    traffic: Traffic = field(default_factory=ChampionOnly)
    watchers: Sequence[Watcher] = ()
    explain: Explain | None = None
    """None: reasons cannot be asked for."""
