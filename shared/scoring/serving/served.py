"""The version that serves, kept in memory and followed as champion.json moves, with what takes part beside it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import BlobMissing, CauceError, VersionError
from shared.scoring.serving.beside import unfit
from shared.scoring.serving.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.scoring.serving.loaded import LoadedVersion
    from shared.store.records import Beside, Champion
    from shared.store.registry import Registry, Serving

logger = logging.getLogger(__name__)

FAILURE_SECONDS = 1.0
"""While nothing is loaded, a failure stands this long for all requests, so that they do not queue up to fail alike; so
does the answer that there is no champion yet."""
PATIENCE_SECONDS = 0.5
"""A request that comes after a pause waits so long for the look-up that it started, then it is answered from memory."""


class NoChampion(Exception):
    """The model is in the catalog, but no version of it has been promoted yet."""


@dataclass(frozen=True, slots=True)
class TakesPart:
    """A version in memory that takes part beside the champion."""

    loaded: LoadedVersion
    share: float


@dataclass(frozen=True, slots=True)
class Live:
    """What champion.json says, as far as it can be loaded. It never changes: a request works with one."""

    champion: LoadedVersion
    since: str
    """When the champion was promoted; empty where it stands in for one that is broken."""
    canary: TakesPart | None = None
    shadow: TakesPart | None = None
    problems: tuple[str, ...] = ()
    """What champion.json names and cannot be loaded, and what is done without it."""


class Served:
    """One model's champion.

    While requests keep coming, champion.json is looked up in the background, half way through ``refresh_seconds``, and
    no request waits. After a pause the first request waits for the look-up, but not for a storage account that is slow.
    A request is answered by a version that was champion at most ``refresh_seconds`` ago; when storage fails or a
    new version is broken, by the last one that was whole.
    """

    def __init__(
        self, model: str, registry: Registry, refresh_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._registry = registry
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._shelf = Shelf(model, registry)
        self._lookup = threading.Lock()
        self._looked_up_at = float("-inf")
        self._is_slow = False
        self._named: Serving | None = None
        """champion.json as it was read last."""
        self._is_whole = True
        """All that it names is loaded; else it is tried again with every look-up."""
        self._live: Live | None = None
        self._failure: CauceError | NoChampion | None = None
        self._failed_at = 0.0
        self.trouble = ""
        """Why the last look-up failed; empty where it did not."""

    @property
    def since(self) -> str:
        """When the version that serves was promoted."""
        return self._live.since if self._live else ""

    @property
    def latest(self) -> Live | None:
        """What is in memory, without looking whether it still stands."""
        return self._live

    @property
    def is_at_hand(self) -> bool:
        """Whether ``live`` would wait for nothing."""
        if self._live is None:
            return False
        return self._is_slow or self._clock() - self._looked_up_at < self._refresh_seconds

    def current(self) -> LoadedVersion:
        """The version that answers. Raises NoChampion, and CauceError where nothing can be loaded at all."""
        return self.live().champion

    def live(self) -> Live:
        """The version that answers, and what takes part beside it. Raises as ``current`` does."""
        if self._live is None:
            return self._first()
        age = self._clock() - self._looked_up_at
        if age >= self._refresh_seconds:
            self._look_up_beside(self._refresh_seconds, wait=not self._is_slow)
        elif age >= self._refresh_seconds / 2:
            self._look_up_beside(self._refresh_seconds / 2, wait=False)
        return self._live

    def _first(self) -> Live:
        """Wait until something is loaded, or known not to be."""
        with self._lookup:
            if self._live is not None:
                return self._live
            stands = min(FAILURE_SECONDS, self._refresh_seconds)
            if self._failure is not None and self._clock() - self._failed_at < stands:
                raise self._failure.with_traceback(None)
            try:
                self._live = self._look_up()
            except (CauceError, NoChampion) as error:
                self._failure, self._failed_at = error, self._clock()
                raise
            self._failure = None
            return self._live

    def _look_up_beside(self, due: float, *, wait: bool) -> None:
        """Look up in a thread of its own, unless somebody does so already or just did."""
        if not self._lookup.acquire(blocking=False):
            return
        thread = threading.Thread(target=self._look_up_held, name=f"champion-of-{self._model}", daemon=True)
        try:
            if self._clock() - self._looked_up_at < due:
                self._lookup.release()
                return
            thread.start()
        except RuntimeError as error:  # no thread can be started: the process is short of memory
            self._lookup.release()
            logger.warning("%s: champion.json is not looked up: %s", self._model, error)
            return
        if wait:
            thread.join(PATIENCE_SECONDS)
            self._is_slow = thread.is_alive()

    def _look_up_held(self) -> None:
        """With the lock that the caller took. Whatever fails, what serves is kept."""
        began = time.monotonic()
        try:
            self._live = self._look_up()
        except (CauceError, NoChampion) as error:
            self.trouble = str(error) or "champion.json is gone"
            logger.warning(
                "%s: champion.json could not be followed, the last version serves on: %s", self._model, self.trouble
            )
        finally:
            # However long it took: as long as requests keep coming, none of them waits for the next attempt either.
            self._looked_up_at = self._clock()
            self._is_slow = time.monotonic() - began >= PATIENCE_SECONDS
            self._lookup.release()

    def _look_up(self) -> Live:
        """What is to serve now. Raises NoChampion, and CauceError where it cannot be known or loaded."""
        # Set first: a lookup that hangs or fails is not tried again by the next request.
        self._looked_up_at = self._clock()
        try:
            serving = self._registry.serving(self._model, unless=self._named.etag if self._named else None)
        except BlobMissing as error:
            raise NoChampion from error
        self.trouble = ""
        if serving is None and self._live is not None and self._is_whole:
            return self._live
        self._named, self._is_whole = serving or self._named, False
        if self._named is None:  # an ETag that nobody gave has not changed
            raise NoChampion
        return self._follow(self._named.champion)

    def _follow(self, named: Champion) -> Live:
        """What champion.json says. Raises CauceError where nothing of it can be loaded, and nothing serves."""
        try:
            champion = self._shelf.get(named.version)
        except VersionError as error:
            return self._without(named, error)
        canary, no_canary = self._taking_part("canary", named.canary, champion)
        shadow, no_shadow = self._taking_part("shadow", named.shadow, champion)
        problems = tuple(problem for problem in (no_canary, no_shadow) if problem)
        self._is_whole = not problems
        if self._live is None or self._live.champion is not champion:
            logger.info("%s: version %s serves", self._model, named.version)
        beside = [part.version for part in (named.canary, named.shadow) if part]
        self._shelf.keep(named.version, named.previous, *beside)
        return Live(champion, named.since, canary, shadow, problems)

    def _without(self, named: Champion, error: VersionError) -> Live:
        """What serves while champion.json names a broken version: what did so before, else the version before it."""
        live = self._live
        if live is None:
            if named.previous is None:
                raise error
            live = Live(self._shelf.get(named.previous), since="")
        problem = f"{error}; {live.champion.version.version} serves in its place"
        return Live(live.champion, live.since, live.canary, live.shadow, (problem,))

    def _taking_part(
        self, role: str, named: Beside | None, champion: LoadedVersion
    ) -> tuple[TakesPart | None, str | None]:
        """A version beside the champion, or why there is none: the champion then answers its rows."""
        if named is None:
            return None, None
        try:
            loaded = self._shelf.get(named.version)
        except CauceError as error:
            return None, f"the {role} takes no part: {error}"
        reason = unfit(champion.version, loaded.version)
        return (None, f"the {role} takes no part: {reason}") if reason else (TakesPart(loaded, named.share), None)
