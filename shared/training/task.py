"""What the kinds of models do with the checked rows of a drop; see ``shared.training.run`` for when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.store.records import Candidate, Order, Verdict, Version, Watch
    from shared.training.policy import Due

type Report = Callable[[str, int, int], None]
"""Takes the step, how many are done, and of how many."""


class Task(Protocol):
    """The work on one drop, of one kind of model."""

    @property
    def version(self) -> str:
        """What a version of these rows is called: known before the work, and the same when it is done again."""

    def watch(self, champion: Version) -> Watch:
        """How the champion has fared on the rows that came since.

        Raises VersionError, BlobMissing where it cannot answer.
        """

    def due(self, watched: Watch | None, champion: Version | None, newest: Version | None, order: Order | None) -> Due:
        """Whether a new version is due; ``newest`` is the one made last by another slot, promoted or not."""

    def make(self, report: Report) -> Version:
        """Search, convert, prove, judge and register."""

    def decide(self, version: Version) -> Verdict:
        """Judge a version against the champion, and promote it where it is better."""

    def candidates(self, version: Version) -> tuple[Candidate, ...]:
        """What was tried, for the run record."""

    def publish(self, serving: Version) -> None:
        """Write what people take from the version that serves now that the drop is done."""
