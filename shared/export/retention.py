"""What old exports leave behind, and which of it may go."""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.errors import BlobMissing, VersionError
from shared.store import names
from shared.store.records import ExportState, Manifest, from_json
from shared.store.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from shared.catalog.spec import UseCase
    from shared.store.blobs import BlobInfo, Blobs

logger = logging.getLogger(__name__)

ABANDONED = timedelta(days=1)
"""No export runs as long: an attempt of that age which no manifest names was given up."""


@dataclass(frozen=True)
class _Slot:
    """An announced export."""

    manifest: Manifest
    modified: datetime

    @property
    def attempts(self) -> set[str]:
        return {names.folder_of(part.name) for part in self.manifest.parts}


def sweep(use_case: UseCase, blobs: Blobs, now: datetime, retention_days: float) -> int:
    """Delete attempts that came to nothing, and exports older than the retention; the number of blobs deleted.

    What a younger export continues stays whatever its age, and so does what the versions were made from that serve or
    may serve again.
    """
    dataset = use_case.dataset.name
    stored = list(blobs.list(names.exports(dataset)))
    oldest = min((info.modified for info in stored), default=now)
    if now - oldest < min(ABANDONED, timedelta(days=retention_days)):
        return 0
    # In this order: an export that ends meanwhile continues the state's slot, whose chain is then there to be seen.
    state = _state(dataset, blobs)
    try:
        slots = _slots(dataset, blobs)
    except VersionError as error:  # what that one continues is not known
        logger.warning("export of %s: nothing old is deleted: %s", dataset, error)
        return 0
    young = [name for name, slot in slots.items() if now - slot.modified < _days(retention_days)]
    manifests = {name: slot.manifest for name, slot in slots.items()}
    needed = chains([state.slot, *_live_slots(use_case, blobs), *young], manifests)
    kept = {name: slot for name, slot in slots.items() if name in needed}
    for name in slots.keys() - kept.keys():
        logger.info("export of %s: slot %s is older than %g days and goes", dataset, name, retention_days)
        blobs.delete(names.manifest(dataset, name))
    used = {attempt for slot in kept.values() for attempt in slot.attempts}
    used |= {names.folder_of(name) for name in (state.pending, state.boundary) if name is not None}
    gone = list(_left_over(stored, used, kept.keys(), now, retention_days, dataset))
    for name in gone:
        blobs.delete(name)
    return len(gone) + len(slots) - len(kept)


def chains(slots: Iterable[str | None], manifests: Mapping[str, Manifest]) -> set[str]:
    """The slots, and all that they continue."""
    found: set[str] = set()
    for slot in slots:
        link = slot
        while link is not None and link not in found:
            found.add(link)
            link = manifests[link].follows if link in manifests else None
    return found


def _left_over(
    stored: Iterable[BlobInfo], used: set[str], kept: Iterable[str], now: datetime, days: float, dataset: str
) -> Iterable[str]:
    """Blobs of attempts that no kept manifest names, when the youngest of the attempt is old enough."""
    attempts: dict[str, list[BlobInfo]] = defaultdict(list)
    for info in stored:
        if info.name != names.export_state(dataset):
            attempts[names.folder_of(info.name)].append(info)
    records = {names.folder_of(names.export_record(dataset, slot)) for slot in kept}
    for folder, blobs in attempts.items():
        is_attempt = folder.count("/") > names.export_record(dataset, "slot").count("/")
        limit = ABANDONED if is_attempt else _days(days)
        if folder not in used | records and now - max(info.modified for info in blobs) >= limit:
            yield from (info.name for info in blobs)


def _slots(dataset: str, blobs: Blobs) -> dict[str, _Slot]:
    found = {}
    for info in blobs.list(names.manifests(dataset)):
        slot = names.manifest_slot(info.name)
        if slot is not None:
            with suppress(BlobMissing):  # another run has just deleted it
                blob = blobs.read(info.name)
                if blob is not None:
                    found[slot] = _Slot(from_json(blob.data, Manifest, info.name), info.modified)
    return found


def _state(dataset: str, blobs: Blobs) -> ExportState:
    name = names.export_state(dataset)
    try:
        blob = blobs.read(name)
    except BlobMissing:
        return ExportState(dataset)
    return from_json(blob.data, ExportState, name) if blob else ExportState(dataset)


def _live_slots(use_case: UseCase, blobs: Blobs) -> list[str]:
    """The slots that the champion and the version before it were made from."""
    registry = Registry(blobs)
    serving = registry.champion(use_case.model.name)
    if serving is None:
        return []
    slots = []
    for version in (serving.champion.version, serving.champion.previous):
        if version is not None:
            try:
                slots.append(registry.version(use_case.model.name, version).slot)
            except (BlobMissing, VersionError) as error:
                logger.warning(
                    "%s: what version %s was made from is not known: %s", use_case.model.name, version, error
                )
    return slots


def _days(days: float) -> timedelta:
    return timedelta(days=days)
