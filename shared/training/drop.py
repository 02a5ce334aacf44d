"""What a blob under ``drops/`` stands for: its slot, and the manifests of what is to be read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared.errors import BlobMissing, DropError
from shared.store import names
from shared.store.records import Manifest, Order, Part, from_json

if TYPE_CHECKING:
    from shared.catalog.spec import Dataset
    from shared.store.blobs import Blobs
    from shared.store.names import Drop


def slot_of(drop: Drop, blobs: Blobs) -> str:
    """The slot names the work: the same slot is the same work, done once.

    A manifest is named after its slot. A person's file has none: it gets one from the moment and the ETag of the
    upload, so that the same event again means the same slot and a new upload under the old name a new one.
    Raises BlobMissing when the file is gone.
    """
    info = blobs.info(drop.blob)
    if drop.suffix == ".json":
        return drop.stem
    return names.upload_slot(drop.blob, info.etag, info.modified)


def ordered_by(drop: Drop, blobs: Blobs) -> tuple[Order | None, Drop]:
    """The order to retrain that a blob ending in .order is, and the drop to train on: the dataset's newest.

    Any other drop is itself what to train on. Raises DropError, VersionError, BlobMissing.
    """
    if drop.suffix != names.ORDER:
        return None, drop
    order = from_json(_read(drop.blob, blobs), Order, drop.blob)
    if not order.why.strip():
        msg = f"{drop.blob}: why: is empty; an order says why, for the run record"
        raise DropError(msg)
    found = [info for info in blobs.list(names.manifests(drop.dataset)) if info.name.endswith((".json", ".csv"))]
    if not found:
        msg = f"{drop.blob}: there is nothing to train on: export the table first, or drop a CSV"
        raise DropError(msg)
    return order, names.parse_drop(max(found, key=lambda info: (info.modified, info.name)).name)


def manifests_of(drop: Drop, slot: str, dataset: Dataset, blobs: Blobs) -> tuple[Manifest, ...]:
    """The export's manifest behind those that it continues, or one of one part for a person's CSV: oldest first.

    Raises DropError, VersionError, BlobMissing.
    """
    if drop.suffix == ".json":
        return _chain(drop, blobs)
    if drop.suffix != ".csv":
        msg = f"{drop.blob}: expected a file named .csv, an export's manifest named .json, or an order named .order"
        raise DropError(msg)
    digest, size_bytes = hashlib.sha256(), 0
    for chunk in blobs.chunks(drop.blob):
        digest.update(chunk)
        size_bytes += len(chunk)
    part = Part(name=drop.blob, rows=0, size_bytes=size_bytes, sha256=digest.hexdigest())
    columns: dict[str, str] = {name: column.type for name, column in dataset.used_columns().items()}
    return (Manifest(dataset=dataset.name, slot=slot, columns=columns, parts=(part,), rows=0, exported_at=""),)


def _chain(drop: Drop, blobs: Blobs) -> tuple[Manifest, ...]:
    """The manifest, and before it those that it continues, back to one of the whole table."""
    chain = [_read_manifest(drop, blobs)]
    while (before := chain[-1].follows) is not None:
        if any(before == link.slot for link in chain):
            msg = f"{drop.blob}: continues slot {before}, which continues it: export everything anew (--full)"
            raise DropError(msg)
        link = names.parse_drop(names.manifest(drop.dataset, before))
        try:
            chain.append(_read_manifest(link, blobs))
        except BlobMissing as error:
            msg = f"{drop.blob}: continues slot {before}, whose manifest is gone: export everything anew (--full)"
            raise DropError(msg) from error
    return tuple(reversed(chain))


def _read_manifest(drop: Drop, blobs: Blobs) -> Manifest:
    manifest = from_json(_read(drop.blob, blobs), Manifest, drop.blob)
    if (manifest.dataset, manifest.slot) != (drop.dataset, drop.stem):
        msg = (
            f"{drop.blob}: the manifest inside is of dataset {manifest.dataset!r} and slot {manifest.slot!r}; "
            "a manifest lies where its own names say"
        )
        raise DropError(msg)
    try:
        names.parse_stamp(manifest.slot)
    except ValueError as error:
        msg = f"{drop.blob}: slot: {error}"
        raise DropError(msg) from error
    return manifest


def _read(name: str, blobs: Blobs) -> bytes:
    blob = blobs.read(name)
    if blob is None:  # only a conditional read gives None
        raise BlobMissing(name)
    return blob.data
