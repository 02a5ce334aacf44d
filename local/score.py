"""``python -m local score``: drop a CSV to be scored on the platform that runs here, and fetch its answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from local.chosen import local_settings, use_case_of
from local.follow import follow_scoring
from local.platform import attach
from local.show import show_scoring
from shared.errors import SettingsError, StoreUnavailable
from shared.store import names

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from shared.store.blobs import Blobs

CHUNK_BYTES = 1024 * 1024


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the sub-command."""
    command = commands.add_parser("score", help="drop a CSV file to be scored, follow the work, fetch the answers")
    command.add_argument("file", type=Path, help="the columns that the model takes, and the key")
    command.add_argument("--model", required=True, help="as the catalog names it")
    command.add_argument("--out", type=Path, metavar="FILE", help="for the answers (default: FILE-answers.csv)")
    command.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Do what the command line asks: 0 where there are answers, 1 where the file was refused."""
    from shared.catalog.load import load_catalog

    file: Path = parsed.file
    out: Path = parsed.out or file.parent / f"{file.stem}-answers.csv"
    model = use_case_of(parsed.model, load_catalog(local_settings().catalog_dir)).model.name
    _check(file, out)
    running = attach()
    blob = names.scoring_csv(model, f"{file.stem}.csv")
    running.blobs.upload(blob, _chunks(file))
    info = running.blobs.info(blob)
    record = follow_scoring(running, names.upload_slot(blob, info.etag, info.modified), model)
    if record.result is not None:
        _fetch(running.blobs, record.result, out)
    show_scoring(record, out)
    return 0 if record.result is not None else 1


def _check(file: Path, out: Path) -> None:
    """Before anything is dropped: that there is something to send, and a place for what comes back."""
    if not file.is_file():
        msg = f"{file}: expected a CSV file, got {'a folder' if file.is_dir() else 'nothing: there is no such file'}"
        raise SettingsError(msg)
    if out.is_dir() or not out.parent.is_dir():
        found = "is a folder" if out.is_dir() else f"lies in {out.parent}, which is no folder"
        msg = f"--out {out}: {found}; expected a file to write the answers to"
        raise SettingsError(msg)
    if out.exists() and out.samefile(file):
        msg = f"--out {out}: is the file to be scored; expected another one for the answers"
        raise SettingsError(msg)


def _chunks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        msg = f"{file}: cannot be read: {error.strerror or error}"
        raise SettingsError(msg) from error


def _fetch(blobs: Blobs, result: str, out: Path) -> None:
    """All of the answers or none: a download that breaks off leaves the file that was there before."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as opened:
            opened.writelines(blobs.chunks(result))
        part.replace(out)
    except StoreUnavailable:  # which is an OSError as well
        raise
    except OSError as error:
        where = f"the answers are in {result}: fetch them with python -m local get"
        msg = f"{out}: cannot be written: {error.strerror or error}; {where}"
        raise SettingsError(msg) from error
    finally:
        part.unlink(missing_ok=True)
