"""``python -m local``: run Cauce on this machine, and look after its models."""

from __future__ import annotations

import argparse
import getpass
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from local.azurite import PROJECT_ROOT, AzuriteError
from local.beside import add_to as add_beside
from local.chosen import local_settings, use_case_of
from local.cost.command import add_to as add_cost
from local.follow import TooLate, console, follow_run
from local.host.settings import HostSettingsError
from local.launch import HostStartError
from local.load import add_to as add_load
from local.platform import LOCAL, AlreadyRunning, NotRunning, attach, platform
from local.propose.command import add_to as add_propose
from local.replay.command import add_to as add_replay
from local.score import add_to as add_score
from shared.errors import CauceError, SettingsError
from shared.store import names
from shared.store.records import Order, to_json
from shared.store.registry import Registry

if TYPE_CHECKING:
    from local.platform import Platform
    from shared.catalog.load import Catalog
    from shared.catalog.spec import UseCase

DEFAULT_PORT = 7071
EXPECTED = (AlreadyRunning, AzuriteError, CauceError, HostSettingsError, HostStartError, NotRunning, TooLate)
"""What is told in one line; anything else is a bug, and is shown with its traceback."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 1 where it could not be done, 2 where the command line is wrong."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: int = parsed.run(parsed)
    except EXPECTED as error:
        console.print(f"{error}", style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    return code


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_running(commands)
    _add_feeding(commands)
    _add_looking_after(commands)
    for add in (add_beside, add_cost, add_load, add_propose, add_replay, add_score):
        add(commands)
    return parser


def _add_running(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What runs the platform here."""
    demo = commands.add_parser("demo", help="export, retrain and score on the demo company, then stay up")
    demo.add_argument("--once", action="store_true", help="end after the answers")
    demo.set_defaults(run=_demo)

    up = commands.add_parser("up", help="run storage, events and the host until Ctrl-C; blobs are kept in .local")
    up.set_defaults(run=_up)
    for command in (demo, up):
        command.add_argument("--port", type=int, help=f"of the host (default: {DEFAULT_PORT}, or a free one)")


def _add_feeding(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What gives it rows, or orders a version of those that it has."""
    drop = commands.add_parser("drop", help="drop a CSV file and follow the training")
    drop.add_argument("file", type=Path)
    drop.add_argument("--dataset", required=True, help="as the catalog names it")
    drop.set_defaults(run=_drop)

    retrain = commands.add_parser("retrain", help="order a new version from what was dropped last, due or not")
    retrain.add_argument("model", help="as the catalog names it")
    retrain.add_argument("--why", required=True, help="for the run record")
    retrain.set_defaults(run=_retrain)

    export = commands.add_parser("export", help="export the tables now, as the timer does: what is new in them")
    export.add_argument("--dataset", help="this one alone, as the catalog names it")
    export.add_argument("--full", action="store_true", help="everything anew, also where a cursor says what is new")
    export.add_argument("--since", metavar="VALUE", help="again from this cursor value on: 2026-11-23, or 45000")
    export.add_argument("--dry-run", action="store_true", help="only print the SQL")
    export.set_defaults(run=_export)


def _add_looking_after(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What reads its blobs, and says what serves."""
    get = commands.add_parser("get", help="read a blob: a card, a run record, a quarantine")
    get.add_argument("blob", help="container/path, as the blob contract in docs/design.md spells it")
    get.add_argument("file", type=Path, nargs="?", help="where to put it (default: the terminal)")
    get.set_defaults(run=_get)

    history = commands.add_parser("history", help="what served when, and why")
    history.add_argument("model")
    history.set_defaults(run=_history)

    rollback = commands.add_parser("rollback", help="let an earlier version serve")
    rollback.add_argument("model")
    rollback.add_argument("--to", metavar="VERSION", help="default: the one before the champion")
    rollback.add_argument("--why", default="rolled back by hand", help="for the history")
    rollback.set_defaults(run=_rollback)


def _demo(parsed: argparse.Namespace) -> int:
    from local.demo import demo

    return demo(once=parsed.once, port=_port(parsed.port))


def _up(parsed: argparse.Namespace) -> int:
    from local.company import found_company
    from local.demo import DATABASE, wait_for_interrupt
    from local.sales import found_sales
    from local.show import show_running

    settings, use_cases = local_settings(), _catalog().use_cases
    if settings.sql_connection_string == f"Driver=SQLite3;Database={DATABASE.relative_to(PROJECT_ROOT)}":
        found_company(DATABASE)
        found_sales(DATABASE)
    with platform({}, storage_folder=LOCAL / "storage", port=_port(parsed.port)) as running:
        show_running(running, use_cases)
        wait_for_interrupt()
    return 0


def _drop(parsed: argparse.Namespace) -> int:
    from local.published import ready

    catalog = _catalog()
    use_case = catalog.trained_on(parsed.dataset)
    if use_case is None:
        known = ", ".join(case.dataset.name for case in catalog.use_cases)
        msg = f"no use case has a dataset {parsed.dataset!r}; there is: {known}"
        raise SettingsError(msg)
    file = ready(parsed.file, use_case.dataset)
    blob = names.dropped_csv(parsed.dataset, f"{parsed.file.name.partition('.')[0]}.csv")
    running = attach()
    running.blobs.upload(blob, iter([file]))
    return _follow(running, blob, use_case)


def _retrain(parsed: argparse.Namespace) -> int:
    use_case = _use_case(parsed.model)
    running = attach()
    blob = names.order(use_case.dataset.name, names.stamp(datetime.now(UTC)))
    running.blobs.write(blob, to_json(Order(why=parsed.why, who=getpass.getuser())))
    return _follow(running, blob, use_case)


def _follow(running: Platform, blob: str, use_case: UseCase) -> int:
    from local.show import show_run
    from shared.training.drop import slot_of

    slot = slot_of(names.parse_drop(blob), running.blobs)
    record = follow_run(running, use_case.dataset.name, slot, use_case.model.name)
    show_run(record)
    return 0 if record.outcome != "refused" else 1


def _export(parsed: argparse.Namespace) -> int:
    from local.export import export, show_statements
    from shared.export.reach import Order

    if parsed.full and parsed.since is not None:
        msg = "--full and --since: expected one of them: everything, or everything from some value on"
        raise SettingsError(msg)
    act = show_statements if parsed.dry_run else export
    order = Order(full=parsed.full, since=parsed.since)
    return act(_catalog(), parsed.dataset, order, local_settings(), attach().blobs)


def _get(parsed: argparse.Namespace) -> int:
    chunks = attach().blobs.chunks(parsed.blob)
    if parsed.file is None:
        sys.stdout.buffer.writelines(chunks)
    else:
        parsed.file.write_bytes(b"".join(chunks))
    return 0


def _history(parsed: argparse.Namespace) -> int:
    from local.show import show_history

    model = _known(parsed.model)
    registry = Registry(attach().blobs)
    champion = registry.champion(model)
    show_history(model, registry.history(model), champion.champion.version if champion else None)
    return 0


def _rollback(parsed: argparse.Namespace) -> int:
    entry = Registry(attach().blobs).roll_back(
        _known(parsed.model),
        to=parsed.to,
        at=names.stamp(datetime.now(UTC)),
        why=parsed.why,
        who=getpass.getuser(),
    )
    console.print(f"{parsed.model}: {entry.version} serves again", markup=False)
    return 0


def _known(model: str) -> str:
    return _use_case(model).model.name


def _use_case(model: str) -> UseCase:
    return use_case_of(model, _catalog())


def _catalog() -> Catalog:
    from shared.catalog.load import load_catalog

    return load_catalog(local_settings().catalog_dir)


def _port(asked: int | None) -> int:
    """The port asked for; else the usual one, or a free one (0) where something else has it."""
    import socket

    if asked is not None:
        return asked
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            return 0
    return DEFAULT_PORT


if __name__ == "__main__":
    sys.exit(main())
