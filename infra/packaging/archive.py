"""A zip whose bytes depend on nothing but what is in it."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EARLIEST = (1980, 1, 1, 0, 0, 0)
READABLE = 0o100644 << 16
UNIX = 3


def write_zip(folder: Path, archive: Path) -> int:
    """Zip a folder: names in order, no times, the same rights for all. Returns the size in bytes.

    The archive takes its place when it is whole.
    """
    unfinished = archive.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EARLIEST)
            entry.create_system, entry.external_attr = UNIX, READABLE
            made.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=6)
    unfinished.replace(archive)
    return archive.stat().st_size
