"""The versions in memory: each model's champion, and a few that requests ask for by name."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from shared.errors import BlobMissing, CauceError
from shared.scoring.answers import Kind, Refusal, later
from shared.scoring.serving.served import NoChampion
from shared.scoring.serving.session import load_version
from shared.store.names import VERSION_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.scoring.serving.loaded import LoadedVersion
    from shared.scoring.serving.served import Served
    from shared.store.registry import Registry

logger = logging.getLogger(__name__)

NO_CHAMPION_RETRY_SECONDS = 60
STORAGE_RETRY_SECONDS = 10
KEPT = 4
"""Versions beside the champions that stay in memory; a graph has some megabytes."""


class Versions:
    """Finds the version that a request is answered by."""

    def __init__(self, served: Mapping[str, Served], registry: Registry) -> None:
        self._served = served
        self._registry = registry
        self._kept: OrderedDict[tuple[str, str], LoadedVersion] = OrderedDict()
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def choose(self, model: str, asked: str | None) -> LoadedVersion:
        """The champion, or the version ``asked`` for. Raises Refusal."""
        champion = self.served(model)
        if asked is None:
            return self.champion(model)
        if not VERSION_PATTERN.match(asked):
            raise _unknown(model, asked)
        try:
            current = champion.current()
        except (NoChampion, CauceError):
            current = None
        if current is not None and current.version.version == asked:
            return current
        return self._named(model, asked)

    def at_once_bytes(self, model: str) -> int:
        """How long a body the model's champion answers at once; less than none where that would have to wait."""
        served = self._served.get(model)
        live = served.latest if served is not None and served.is_at_hand else None
        return -1 if live is None else live.champion.at_once_bytes

    def served(self, model: str) -> Served:
        """What follows a model's champion. Raises Refusal."""
        if model not in self._served:
            raise Refusal(Kind.NO_MODEL, f"there is no model {model!r}; there is: {', '.join(self._served)}")
        return self._served[model]

    def champion(self, model: str) -> LoadedVersion:
        """The version that serves. Raises Refusal."""
        try:
            return self.served(model).current()
        except NoChampion as error:
            detail = f"model {model!r} has no version yet: it serves when the first drop has been trained on"
            raise later(Kind.NOT_YET, detail, NO_CHAMPION_RETRY_SECONDS) from error
        except CauceError as error:
            logger.warning("%s: cannot be loaded: %s", model, error)
            raise later(Kind.NOT_LOADED, f"model {model!r} cannot be loaded: {error}", STORAGE_RETRY_SECONDS) from error

    def _named(self, model: str, version: str) -> LoadedVersion:
        found = self._remembered(model, version)
        if found is not None:
            return found
        with self._loading:  # one at a time: whoever waits for the same version finds it loaded
            return self._remembered(model, version) or self._load(model, version)

    def _remembered(self, model: str, version: str) -> LoadedVersion | None:
        with self._lock:
            found = self._kept.get((model, version))
            if found is not None:
                self._kept.move_to_end((model, version))
            return found

    def _load(self, model: str, version: str) -> LoadedVersion:
        try:
            loaded = load_version(self._registry, model, version)
        except BlobMissing as error:
            raise _unknown(model, version) from error
        except CauceError as error:
            logger.warning("%s: %s cannot be loaded: %s", model, version, error)
            detail = f"version {version!r} of model {model!r} cannot be loaded: {error}"
            raise later(Kind.NOT_LOADED, detail, STORAGE_RETRY_SECONDS) from error
        with self._lock:
            self._kept[model, version] = loaded
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return loaded


def _unknown(model: str, version: str) -> Refusal:
    detail = f"model {model!r} has no version {version[:40]!r}; without ?version= the one that serves answers"
    return Refusal(Kind.NO_VERSION, detail)
