"""Models, their versions, and which of them serves."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from shared.errors import BlobConflict, BlobMissing, StoreUnavailable, VersionError
from shared.store import names
from shared.store.forecasts import Forecaster
from shared.store.records import (
    PROMOTIONS,
    Beside,
    Champion,
    Classifier,
    HistoryEntry,
    Version,
    from_json,
    to_json,
    to_json_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.store.blobs import Blobs

logger = logging.getLogger(__name__)

type Role = Literal["canary", "shadow"]
"""How a version takes part beside the champion."""

ANY_VERSION: Any = Classifier | Forecaster
"""What version.json may hold."""
VERSION_FILE = "version.json"
GRAPH_FILE = "model.onnx"
CARD_FILE = "card.html"
BACKGROUND_FILE = "background.json"
"""What explaining an answer needs; versions that are older than explaining have none."""


@dataclass(frozen=True)
class Serving:
    """champion.json as it was read."""

    champion: Champion
    etag: str


class Registry:
    """Reads and writes everything under ``models/``. Versions are immutable; champion.json is compare-and-swap."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def keep(self, model: str, version: str, file: str, data: bytes) -> bytes:
        """Store one file of a version that is being made, and return what is stored.

        Where a run that died, or one at the same time, stored the file first, that one stays: the same rows make the
        same model, but not always to the last bit.
        """
        name = names.version_file(model, version, file)
        try:
            self._blobs.write(name, data, if_absent=True)
        except BlobConflict:
            return self._read(name)
        return data

    def register[V: Version](self, version: V, files: Mapping[str, bytes] = MappingProxyType({})) -> V:
        """Store ``files``, then version.json, and return the record that is stored: from then on the version is whole.

        Doing it again changes nothing; where another run was first, its record stands. Raises VersionError where a
        file is not the one that the record names.
        """
        for file, data in files.items():
            kept = self.keep(version.model, version.version, file, data)
            if hashlib.sha256(kept).hexdigest() != version.files.get(file):
                msg = f"{version.model} {version.version}: has another {file} already; a version never changes"
                raise VersionError(msg)
        kept = self.keep(version.model, version.version, VERSION_FILE, to_json(version))
        return from_json(kept, type(version), names.version_file(version.model, version.version, VERSION_FILE))

    def write_result(self, name: str, data: bytes) -> None:
        """Write what people take from a model, in place of what a run that died had written."""
        self._blobs.write(name, data)

    def version(self, model: str, version: str) -> Version:
        """The record of one version. Raises BlobMissing, VersionError."""
        name = names.version_file(model, version, VERSION_FILE)
        read: Version = from_json(self._read(name), ANY_VERSION, name)
        return read

    def readable(self, model: str, version: str) -> Version | None:
        """The record of one version, or None where there is none that can be read."""
        try:
            return self.version(model, version)
        except BlobMissing:
            return None
        except VersionError as error:
            logger.warning("%s: version %s cannot be read: %s", model, version, error)
            return None

    def versions(self, model: str) -> list[str]:
        """The versions that are whole, promoted or not, oldest first."""
        found = (names.version_of(info.name) for info in self._blobs.list(names.versions(model)))
        return sorted(version for version in found if version)

    def file(self, version: Version, file: str) -> bytes:
        """One file of a version, checked against its hash. Raises BlobMissing, VersionError."""
        name = names.version_file(version.model, version.version, file)
        data = self._read(name)
        if hashlib.sha256(data).hexdigest() != version.files.get(file):
            msg = f"{name}: is not the file that {VERSION_FILE} names: the sha256 differs"
            raise VersionError(msg)
        return data

    def marks(self, model: str, version: str) -> dict[str, str | None]:
        """The ETags of what a version is loaded from, None for a file that is missing: the same marks, the same files.

        Costs no download, whatever the size.
        """
        marks: dict[str, str | None] = {}
        for file in (VERSION_FILE, GRAPH_FILE):
            try:
                marks[file] = self._blobs.info(names.version_file(model, version, file)).etag
            except BlobMissing:
                marks[file] = None
        return marks

    def serving(self, model: str, *, unless: str | None = None) -> Serving | None:
        """What champion.json says; None when it still has the ETag ``unless``. Raises BlobMissing, VersionError."""
        name = names.champion(model)
        blob = self._blobs.read(name, unless=unless)
        return None if blob is None else Serving(from_json(blob.data, Champion, name), blob.etag)

    def champion(self, model: str) -> Serving | None:
        """The champion, or None while a model has none.

        Raises StoreUnavailable where champion.json cannot be read: until somebody mends it no work is done on it, and
        none is taken for done.
        """
        try:
            return self.serving(model)
        except BlobMissing:
            return None
        except VersionError as error:
            msg = f"{error}; restore it, or delete it to let the next version be judged as a first one"
            raise StoreUnavailable(msg) from error

    def promote(self, model: str, entry: HistoryEntry, replacing: Serving | None) -> None:
        """Let ``entry.version`` serve, then log it. Raises BlobConflict when ``replacing`` is no longer the champion.

        A canary and a shadow end with it: they were held against the champion that goes.

        Safe to repeat: a run that died in between finds its champion in place and only the log line to add.
        """
        if replacing is not None and replacing.champion.version == entry.version:
            self._log(model, msgspec.structs.replace(entry, at=replacing.champion.since))
            return
        champion = to_json(Champion(version=entry.version, previous=entry.previous, since=entry.at))
        if replacing is None:
            self._blobs.write(names.champion(model), champion, if_absent=True)
        else:
            self._blobs.write(names.champion(model), champion, if_match=replacing.etag)
        self._log(model, entry)

    def roll_back(self, model: str, *, to: str | None, at: str, why: str, who: str) -> HistoryEntry:
        """Let an earlier version serve: ``to``, or the one before the champion. Raises PermanentError where it cannot.

        The version is read first, so that nothing starts to serve that is not there.
        """
        serving = self.champion(model)
        target = to or (serving.champion.previous if serving else None)
        if serving is None or target is None:
            msg = f"{model}: there is no earlier version to go back to; see `history {model}`"
            raise VersionError(msg)
        logged = [line for line in self.history(model) if line.action in PROMOTIONS]
        if target == serving.champion.version and logged and logged[-1].version == target:
            msg = f"{model}: {target} already serves"
            raise VersionError(msg)
        self.read_whole(model, target)
        # What served before the target was first promoted, so that going back twice goes back two steps; a target that
        # never served has the champion before it.
        served = [line.previous for line in logged if line.version == target]
        previous = served[0] if served else serving.champion.version
        entry = HistoryEntry(at=at, action="rolled back", version=target, previous=previous, why=why, who=who)
        self.promote(model, entry, serving)
        return entry

    def set_beside(self, model: str, role: Role, beside: Beside, *, why: str, who: str) -> HistoryEntry:
        """Let a version take part beside the champion, in place of what did so in this role.

        Raises PermanentError where it cannot, BlobConflict where champion.json moved meanwhile. The version is read
        first, so that nothing takes part that is not there. Safe to repeat, as a promotion is.
        """
        serving = self._champion_or_error(model)
        champion = serving.champion
        version, share, at = beside.version, beside.share, beside.since
        if version == champion.version:
            msg = f"{model}: {version} serves already; a {role} is another version"
            raise VersionError(msg)
        self.read_whole(model, version)
        action: Literal["canary set", "shadow set"] = "canary set" if role == "canary" else "shadow set"
        before = champion.canary if role == "canary" else champion.shadow
        if before is None or (before.version, before.share) != (version, share):
            self._put_beside(model, role, serving, beside)
        elif any((line.action, line.at) == (action, before.since) for line in self.history(model)):
            msg = f"{model}: {version} is the {role} already, with {share:.4g} of the rows, since {before.since}"
            raise VersionError(msg)
        else:
            at = before.since  # whoever set it died before it was logged
        entry = HistoryEntry(at, action, version, champion.version, why, who, share, schema_version=2)
        self._log(model, entry)
        return entry

    def end_beside(self, model: str, role: Role, *, at: str, why: str, who: str) -> HistoryEntry:
        """Let the champion answer alone again. Raises PermanentError where nothing took part in this role."""
        serving = self._champion_or_error(model)
        before = serving.champion.canary if role == "canary" else serving.champion.shadow
        if before is None:
            msg = f"{model}: there is no {role} to end"
            raise VersionError(msg)
        self._put_beside(model, role, serving, None)
        action: Literal["canary ended", "shadow ended"] = "canary ended" if role == "canary" else "shadow ended"
        entry = HistoryEntry(at, action, before.version, serving.champion.version, why, who, schema_version=2)
        self._log(model, entry)
        return entry

    def read_whole(self, model: str, version: str) -> Version:
        """The record of a version, once each of its files is there and has its hash. Raises as ``file`` does."""
        record = self.version(model, version)
        for file in record.files:
            self.file(record, file)
        return record

    def _champion_or_error(self, model: str) -> Serving:
        serving = self.champion(model)
        if serving is None:
            msg = f"{model}: no version serves yet, so none can take part beside it"
            raise VersionError(msg)
        return serving

    def _put_beside(self, model: str, role: Role, serving: Serving, beside: Beside | None) -> None:
        if role == "canary":
            changed = msgspec.structs.replace(serving.champion, canary=beside)
        else:
            changed = msgspec.structs.replace(serving.champion, shadow=beside)
        self._blobs.write(names.champion(model), to_json(changed), if_match=serving.etag)

    def history(self, model: str) -> list[HistoryEntry]:
        """Every promotion and rollback, and what was set or ended beside a champion, oldest first."""
        return [from_json(line, HistoryEntry, names.history(model)) for line in self._log_lines(model).splitlines()]

    def _log(self, model: str, entry: HistoryEntry) -> None:
        """Append ``entry`` once, however often it is asked for and whoever appends beside it."""
        while True:
            lines = self._log_lines(model)
            line = to_json_line(entry)
            if line in lines.splitlines(keepends=True):
                return
            try:
                self._blobs.append(names.history(model), line, at=len(lines))
                return
            except BlobConflict:
                if self._log_lines(model) == lines:
                    raise  # nobody wrote meanwhile: this blob cannot be appended to, now or ever

    def _log_lines(self, model: str) -> bytes:
        try:
            return self._read(names.history(model))
        except BlobMissing:
            return b""

    def _read(self, name: str) -> bytes:
        blob = self._blobs.read(name)
        if blob is None:  # only a conditional read gives None
            raise BlobMissing(name)
        return blob.data
