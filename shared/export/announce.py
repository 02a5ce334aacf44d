"""Announce again what nobody has taken up: an event may be lost, and a manifest without one lies there for ever."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.errors import BlobConflict, BlobMissing, VersionError
from shared.export.ledger import Ledger
from shared.store import names
from shared.store.records import Manifest, from_json, to_json

if TYPE_CHECKING:
    from datetime import datetime

    from shared.catalog.spec import UseCase
    from shared.settings import Settings
    from shared.store.blobs import Blobs

logger = logging.getLogger(__name__)


def announce_again(use_case: UseCase, blobs: Blobs, now: datetime, settings: Settings) -> list[str]:
    """Write every manifest without a run record once more, which makes an event; the slots that stay without.

    A manifest waits ``export_announce_after_seconds`` each time. After ``export_announcements`` it is only reported.
    Any model's record will do, but for the newest export: a model that is new in the catalog learns from that one.
    """
    dataset, model = use_case.dataset.name, use_case.model.name
    records = [info.name for info in blobs.list(names.runs(dataset))]
    done = {names.folder_of(name) for name in records if not name.endswith(names.PROGRESS)}
    newest = Ledger(blobs, dataset).peek().slot
    overdue = []
    for info in blobs.list(names.manifests(dataset)):
        slot = names.manifest_slot(info.name)
        if slot is None or now - info.modified < timedelta(seconds=settings.export_announce_after_seconds):
            continue
        record = names.run_record(dataset, slot, model)
        if record in records if slot == newest else names.folder_of(record) in done:
            continue
        if not _announced_again(info.name, blobs, settings.export_announcements):
            overdue.append(slot)
    if overdue:
        logger.error(
            "export of %s: %d manifests have no run record after %d announcements each: %s. Does Event Grid reach "
            "train_blob_trigger, and what lies in its poison queue?",
            dataset, len(overdue), settings.export_announcements, ", ".join(overdue),
        )  # fmt: skip
    return overdue


def _announced_again(name: str, blobs: Blobs, most: int) -> bool:
    """False where it has been announced often enough."""
    try:
        blob = blobs.read(name)
    except BlobMissing:
        logger.info("%s: another run has just deleted it", name)
        return True
    if blob is None:  # only a conditional read gives None
        return True
    try:
        manifest = from_json(blob.data, Manifest, name)
    except VersionError as error:
        logger.warning("not announced again: %s", error)
        return True
    if manifest.announcements >= most:
        return False
    again = msgspec.structs.replace(manifest, announcements=manifest.announcements + 1)
    try:
        blobs.write(name, to_json(again), if_match=blob.etag)
    except BlobConflict:
        logger.info("%s: another run has just announced it again", name)
    else:
        logger.warning("%s: has no run record; announced again (%d of %d)", name, again.announcements, most)
    return True
