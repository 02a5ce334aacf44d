"""``python -m infra.packaging``: both apps' packages into ``dist/``; ``--lock``: resolve their pins anew."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

from infra.packaging.apps import APPS, MB, ROOT, App
from infra.packaging.archive import write_zip
from infra.packaging.locks import PackagingError, write_lock
from infra.packaging.tree import SITE, lay_out

LARGEST = 8


def main(words: list[str] | None = None) -> int:
    """Do what the command line asks; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.packaging", description=__doc__)
    parser.add_argument("apps", nargs="*", help=f"which (default: {' '.join(APPS)})", metavar="APP")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder for the zips (default: dist)")
    parser.add_argument("--lock", action="store_true", help="resolve the pins for the platform, build nothing")
    parsed = parser.parse_args(words)
    unknown = [name for name in parsed.apps if name not in APPS]
    if unknown:
        parser.error(f"expected {' or '.join(APPS)}, got {', '.join(unknown)}")
    try:
        for name in parsed.apps or APPS:
            if parsed.lock:
                write_lock(APPS[name])
                print(f"{name:<9} {APPS[name].lock.relative_to(ROOT)} written")
            else:
                build(APPS[name], parsed.to)
    except PackagingError as error:
        print(f"Packaging stopped. {error}", file=sys.stderr)
        return 1
    return 0


def build(app: App, to: Path) -> Path:
    """Build one package and print what it weighs. Raises PackagingError, also where that is too much."""
    start = time.monotonic()
    to.mkdir(parents=True, exist_ok=True)
    archive = to / f"{app.name}.zip"
    print(f"{app.name:<9} installing {app.lock.relative_to(ROOT)} ...", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(app, folder)
        size = write_zip(folder, archive)
        largest = _largest(folder / SITE)
    if size > app.most_bytes:
        archive.unlink()
        message = (
            f"{archive.name}: expected at most {app.most_bytes / MB:.0f} MB, got {size / MB:.1f} MB. Unpacked, the "
            f"largest are {largest}; a new requirement, or tests that are no longer left out?"
        )
        raise PackagingError(message)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    took = time.monotonic() - start
    print(f"{'':<9} {archive}: {size / MB:.1f} MB of at most {app.most_bytes / MB:.0f}, in {took:.0f} s")
    print(f"{'':<9} sha256 {digest}; unpacked, the largest are {largest}", flush=True)
    return archive


def _largest(site: Path) -> str:
    """The packages that weigh most, in words."""
    sizes = {
        one.name: sum(file.stat().st_size for file in one.rglob("*") if file.is_file())
        for one in site.iterdir()
        if one.is_dir()
    }
    first = sorted(sizes.items(), key=lambda item: -item[1])[:LARGEST]
    return ", ".join(f"{name} {size / MB:.0f} MB" for name, size in first)


if __name__ == "__main__":
    sys.exit(main())
