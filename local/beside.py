"""``python -m local canary`` and ``shadow``: let a version take part beside the champion, on a share of the rows."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.chosen import local_settings, use_case_of
from local.follow import console
from local.platform import attach
from shared.errors import BlobConflict, SettingsError, VersionError
from shared.store import names
from shared.store.records import Beside
from shared.store.registry import Registry

if TYPE_CHECKING:
    from shared.store.records import HistoryEntry
    from shared.store.registry import Role

HELP: dict[Role, str] = {
    "canary": "let a version answer a share of the rows, chosen by their keys, until it is promoted or ended",
    "shadow": "let a version score a share of the rows for the prediction log, shown to nobody",
}
DOES: dict[Role, str] = {"canary": "answers", "shadow": "scores, unseen,"}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register both sub-commands."""
    for role, text in HELP.items():
        command = commands.add_parser(role, help=text)
        command.add_argument("model", help="as the catalog names it")
        command.add_argument(
            "version", nargs="?", help="a whole version, promoted or not; see GET models/MODEL/versions"
        )
        how = command.add_mutually_exclusive_group()
        how.add_argument("--share", type=share, metavar="SHARE", help="of the rows: 20%% or 0.2 (default: 10%%)")
        how.add_argument("--off", action="store_true", help="let the champion answer alone again")
        command.add_argument("--why", default="set by hand", help="for the history")
        command.set_defaults(run=run, role=role)


def run(parsed: argparse.Namespace) -> int:
    """Do what the command line asks."""
    from shared.catalog.load import load_catalog

    model = use_case_of(parsed.model, load_catalog(local_settings().catalog_dir)).model.name
    if parsed.off == (parsed.version is not None):
        msg = f"{parsed.role}: expected a version, or --off to end the {parsed.role}"
        raise SettingsError(msg)
    registry = Registry(attach().blobs)
    try:
        entry = _end(registry, model, parsed) if parsed.off else _set(registry, model, parsed)
    except BlobConflict as error:
        msg = f"{model}: champion.json moved at this very moment: look at `history {model}`, and try again"
        raise VersionError(msg) from error
    if parsed.off:
        console.print(f"{model}: {entry.version} is the {parsed.role} no more", markup=False)
    else:
        told = f"{model}: {entry.version} {DOES[parsed.role]} {entry.share:.4g} of the rows beside {entry.previous}"
        console.print(f"{told}, within the MODEL_REFRESH_SECONDS of each process", markup=False, soft_wrap=True)
    return 0


def share(text: str) -> float:
    """A share of rows, as people write it: ``20%`` or ``0.2``. Raises ArgumentTypeError."""
    number, _, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if "%" in text else 1)
    except ValueError:
        value = 0.0
    if rest or not 0 < value <= 1:
        msg = f"expected a share above 0 and up to 1, or up to 100%, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _set(registry: Registry, model: str, parsed: argparse.Namespace) -> HistoryEntry:
    _check(registry, model, parsed.version)
    beside = Beside(parsed.version, parsed.share or 0.1, names.stamp(datetime.now(UTC)))
    return registry.set_beside(model, parsed.role, beside, why=parsed.why, who=getpass.getuser())


def _end(registry: Registry, model: str, parsed: argparse.Namespace) -> HistoryEntry:
    at = names.stamp(datetime.now(UTC))
    return registry.end_beside(model, parsed.role, at=at, why=parsed.why, who=getpass.getuser())


def _check(registry: Registry, model: str, version: str) -> None:
    """As scoring will: the graph answers, and takes every row that the champion does. Raises CauceError."""
    from shared.scoring.serving.beside import unfit
    from shared.scoring.serving.session import load_version

    serving = registry.champion(model)
    if not names.VERSION_PATTERN.match(version):
        msg = f"{model}: {version!r} is no version; expected one like 20261123T020512Z-9c41d7e0"
        raise VersionError(msg)
    loaded = load_version(registry, model, version)
    reason = unfit(registry.version(model, serving.champion.version), loaded.version) if serving else None
    if reason:
        raise VersionError(reason)
