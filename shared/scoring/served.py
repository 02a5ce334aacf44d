"""The version that serves, kept in memory and followed as champion.json moves."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from shared.errors import BlobMissing, CauceError, VersionError
from shared.scoring.session import load_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.scoring.session import LoadedVersion
    from shared.store.registry import Registry

logger = logging.getLogger(__name__)

FAILURE_SECONDS = 1.0
"""While nothing is loaded, a failure stands this long for all requests, so that they do not queue up to fail alike."""


class NoChampion(Exception):
    """The model is in the catalog, but no version of it has been promoted yet."""


class Served:
    """One model's champion.

    While requests keep coming, the champion is looked up in the background, half way through ``refresh_seconds``, and
    no request waits. After a pause the first request looks it up itself. Either way a request is answered by a version
    that was champion at most ``refresh_seconds`` ago; when storage fails or a new version is broken, by the last one
    that was whole.
    """

    def __init__(
        self, model: str, registry: Registry, refresh_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._registry = registry
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._lookup = threading.Lock()
        self._looked_up_at = float("-inf")
        self._etag: str | None = None
        self._loaded: LoadedVersion | None = None
        self._failure: CauceError | None = None
        self._failed_at = 0.0
        self.since = ""
        """When the version that serves was promoted."""

    def current(self) -> LoadedVersion:
        """The version that answers. Raises NoChampion, and CauceError where nothing can be loaded at all."""
        age = self._clock() - self._looked_up_at
        if self._loaded is None:
            self._load_first()
        elif age >= self._refresh_seconds:
            self._look_up_once(self._refresh_seconds)
        elif age >= self._refresh_seconds / 2 and not self._lookup.locked():
            due = self._refresh_seconds / 2
            name = f"champion-of-{self._model}"
            threading.Thread(target=self._look_up_once, args=(due,), name=name, daemon=True).start()
        if self._loaded is None:
            raise NoChampion
        return self._loaded

    def _load_first(self) -> None:
        """Wait until something is loaded, or known not to be."""
        with self._lookup:
            if self._loaded is not None:
                return
            if self._failure is not None and self._clock() - self._failed_at < FAILURE_SECONDS:
                raise self._failure.with_traceback(None)
            try:
                self._look_up()
            except CauceError as error:
                self._failure, self._failed_at = error, self._clock()
                raise
            self._failure = None

    def _look_up_once(self, due: float) -> None:
        """Look up unless somebody does so already, or just did; keep what serves when it fails."""
        if not self._lookup.acquire(blocking=False):
            return
        try:
            if self._clock() - self._looked_up_at >= due:
                self._look_up()
        except (CauceError, NoChampion) as error:
            # However long it took: as long as requests keep coming, none of them waits for the next attempt either.
            self._looked_up_at = self._clock()
            logger.warning(
                "%s: champion.json could not be followed, the last version serves on: %s", self._model, error
            )
        finally:
            self._lookup.release()

    def _look_up(self) -> None:
        # Set first: a lookup that hangs or fails is not tried again by the next request.
        self._looked_up_at = self._clock()
        try:
            serving = self._registry.serving(self._model, unless=self._etag)
        except BlobMissing as error:
            raise NoChampion from error
        if serving is None:
            return
        version = serving.champion.version
        try:
            if self._loaded is None or self._loaded.version.version != version:
                self._loaded = load_version(self._registry, self._model, version)
                logger.info("%s: version %s serves", self._model, version)
        except BlobMissing as error:
            msg = f"{self._model} {version}: champion.json names it, but it is not whole: {error}"
            raise VersionError(msg) from error
        self._etag, self.since = serving.etag, serving.champion.since
