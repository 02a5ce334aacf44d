"""``python -m local propose``: draft a catalog file from a table, and say what is left to do."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    import argparse

    from local.propose.database import Announced
    from local.propose.proposal import Proposal
    from local.published import Published

LONGEST_NAME = 63
SUFFIXES = re.compile(r"(\.(csv|tsv|txt|gz|xz))+\Z", re.IGNORECASE)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = commands.add_parser("propose", help="draft a catalog file from a CSV file or a table")
    origin = command.add_mutually_exclusive_group(required=True)
    origin.add_argument("--csv", type=Path, metavar="FILE", help="also .csv.gz and .csv.xz, with any usual separator")
    origin.add_argument("--table", help="in the database of SQL_CONNECTION_STRING; its first 50,000 rows are read")
    command.add_argument("--target", required=True, metavar="NAME", help="the column to predict")
    command.add_argument("--positive", metavar="VALUE", help="of the target; its probability is predicted (the rarer)")
    command.add_argument("--name", help="of the dataset and the model (default: after the file or the table)")
    command.add_argument("--out", type=Path, metavar="FILE", help="the draft (default: NAME.toml); it must not exist")
    command.set_defaults(run=run)


@dataclass(frozen=True)
class _Origin:
    """What was read."""

    title: str
    table: Published
    announced: Announced
    sql_name: str
    file: Path | None = None


def run(parsed: argparse.Namespace) -> int:
    """Read, judge, write and tell. Raises CauceError with one line."""
    from local.propose.draft import draft
    from local.propose.proposal import propose

    name = _name(parsed)
    out = parsed.out or Path(f"{name}.toml")
    _refuse_existing(out)
    origin = _read(parsed, name)
    is_file = origin.file is not None
    proposal = propose(origin.table, parsed.target, parsed.positive, origin.announced, is_file=is_file)
    text = draft(proposal, name, origin.sql_name, origin=origin.title, is_file=is_file)
    _write(out, text)
    _tell(proposal, origin, out, name)
    return 0


def _name(parsed: argparse.Namespace) -> str:
    """As the catalog allows names: asked for, or made of the file's or the table's."""
    from shared.catalog.spec import Name
    from shared.errors import SettingsError

    pattern = get_args(Name)[1].pattern
    given = parsed.name if parsed.name is not None else _made(parsed.csv.name if parsed.csv else parsed.table)
    if not re.match(pattern, given):
        msg = f"--name {given}: expected 3 to {LONGEST_NAME} lower-case letters, digits and hyphens, a letter first"
        raise SettingsError(msg)
    return str(given)


def _made(source: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", SUFFIXES.sub("", source).lower().rpartition(".")[2]).strip("-")
    plain = plain if plain[:1].isalpha() else f"data-{plain}".rstrip("-")
    return (plain if len(plain) > 2 else f"{plain}-data")[:LONGEST_NAME].rstrip("-")


def _read(parsed: argparse.Namespace, name: str) -> _Origin:
    from local.azurite import PROJECT_ROOT
    from local.host.settings import apply_local_settings
    from local.propose.database import NOTHING, read_table
    from local.published import read_published
    from shared.settings import SQL_CONNECTION_STRING

    if parsed.csv is not None:
        file = parsed.csv
        return _Origin(file.name, read_published(file), NOTHING, name.replace("-", "_"), file)
    environment = dict(os.environ)
    apply_local_settings(PROJECT_ROOT, environment)
    table, announced = read_table(environment.get(SQL_CONNECTION_STRING), parsed.table)
    return _Origin(f"the table {parsed.table}", table, announced, parsed.table)


def _refuse_existing(out: Path) -> None:
    from shared.errors import SettingsError

    if out.exists():
        msg = f"{out}: is there already and may hold edits; name another file (--out), or delete it"
        raise SettingsError(msg)


def _write(out: Path, text: str) -> None:
    from shared.errors import SettingsError

    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{out}: cannot be written: {error.strerror}"
        raise SettingsError(msg) from error


def _tell(proposal: Proposal, origin: _Origin, out: Path, name: str) -> None:
    from local.follow import console

    roles = Counter(one.column.role for one in proposal.columns)
    lines = [
        f"{out}: drafted from {proposal.rows:,} rows of {origin.title}",
        f"  {roles['feature']} features, {roles['unused']} columns unused:",
        *(f"    {one.name}: {one.column.reason}" for one in proposal.columns if one.column.role == "unused"),
        "",
        "Two edits are yours:",
        f"  1. cost and gain, at the end: what acting costs, and what a {proposal.positive!r} brings",
        "  2. "
        + ("the lines that begin with '# ?':" if proposal.questions else "nothing else is uncertain; read the roles"),
        *(f"     ? {question}" for question in proposal.questions),
        "",
        *_how_to_go_on(origin, out, name),
    ]
    console.print("\n".join(lines), markup=False, soft_wrap=True)


def _how_to_go_on(origin: _Origin, out: Path, name: str) -> list[str]:
    first = f"Then put {out.name} into the folder that CATALOG_DIR names, and"
    if origin.file is None:
        return [f"{first} python -m local export --dataset {name}"]
    return [f"{first} python -m local drop {origin.file.name} --dataset {name}"]
