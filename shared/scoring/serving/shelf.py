"""One model's versions in memory, and those that are known to be broken."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import BlobMissing, VersionError
from shared.scoring.serving.memory import give_back_freed
from shared.scoring.serving.session import load_version

if TYPE_CHECKING:
    from shared.scoring.serving.loaded import LoadedVersion
    from shared.store.registry import Registry

logger = logging.getLogger(__name__)


@dataclass
class _Broken:
    """A version that could not be loaded, and the ETags of its files before that was last tried."""

    reason: str
    marks: dict[str, str | None] | None = None
    """None after the first try: files may have changed while they were read, so one more is made."""


class Shelf:
    """Loads versions, each once; a broken one again only when a file of it has changed.

    Used by one thread at a time.
    """

    def __init__(self, model: str, registry: Registry) -> None:
        self._model = model
        self._registry = registry
        self._loaded: dict[str, LoadedVersion] = {}
        self._broken: dict[str, _Broken] = {}

    def get(self, version: str) -> LoadedVersion:
        """The version, ready to answer. Raises VersionError where it is broken, StoreUnavailable."""
        found = self._loaded.get(version)
        if found is None:
            found = self._loaded[version] = self._load(version)
            give_back_freed()
        return found

    def keep(self, *versions: str | None) -> None:
        """Forget all others."""
        for known in (self._loaded, self._broken):
            for version in known.keys() - set(versions):
                del known[version]

    def _load(self, version: str) -> LoadedVersion:
        broken, marks = self._broken.get(version), None
        if broken is not None:
            marks = self._registry.marks(self._model, version)
            if marks == broken.marks:
                raise VersionError(broken.reason)
        try:
            loaded = load_version(self._registry, self._model, version)
        except (VersionError, BlobMissing) as error:
            is_missing = isinstance(error, BlobMissing)
            reason = f"{self._model} {version}: it is not whole: {error}" if is_missing else str(error)
            if broken is None or broken.reason != reason:
                logger.warning("%s: version %s cannot be loaded: %s", self._model, version, error)
            self._broken[version] = _Broken(reason, marks)
            raise VersionError(reason) from error
        if broken is not None:
            logger.info("%s: version %s has been mended", self._model, version)
            del self._broken[version]
        return loaded
