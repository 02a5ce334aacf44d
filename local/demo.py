"""The main job, once, on the demo company: export, retrain, score; then stay up to be played with."""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from local.company import bank_contacts, connection_string, found_company
from local.follow import TooLate, console, follow_run, wait_for_export
from local.platform import LOCAL, platform
from local.show import show_addresses, show_answers, show_export, show_quality, show_run, show_step
from shared.catalog.load import load_catalog
from shared.settings import BUILT_IN_CATALOG

if TYPE_CHECKING:
    from local.platform import Platform
    from shared.catalog.spec import UseCase

DATABASE = LOCAL / "company.db"
CUSTOMERS = (37_000, 41_500, 44_900)
"""Three contacts of the last two years."""


def demo(*, once: bool, port: int) -> int:
    """Run the demo; 0 when all of it worked."""
    use_case = load_catalog(BUILT_IN_CATALOG).use_cases[0]
    show_step("1  The demo company's database, SQLite through ODBC")
    console.print(f"  table 'contacts': {found_company(DATABASE):,} calls, May 2008 to November 2010")
    show_step("2  Storage, events and the functions host")
    # A drop or a stop of an earlier demo has no part in this one: its storage is in memory.
    with platform({"SQL_CONNECTION_STRING": connection_string(DATABASE)}, storage_folder=None, port=port) as running:
        console.print(f"  {running.url}/api  (log: .local/host.log)")
        succeeded = _work(running, use_case)
        if succeeded and not once:
            console.print("[bold]Up until Ctrl-C.[/bold]")
            wait_for_interrupt()
    return 0 if succeeded else 1


def wait_for_interrupt() -> None:
    """Sleep until Ctrl-C or SIGTERM, both of which arrive as KeyboardInterrupt."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("stopping")


def _work(running: Platform, use_case: UseCase) -> bool:
    dataset, model = use_case.dataset.name, use_case.model.name
    show_step("3  export_timer: the table into CSV blobs, announced by a manifest")
    started = time.monotonic()
    _post(f"{running.url}/admin/functions/export_timer", {"input": ""}, {})
    manifest = wait_for_export(running, dataset, set())
    show_export(manifest, time.monotonic() - started)
    show_step("4  train_blob_trigger: the drop retrains the model")
    record = follow_run(running, dataset, manifest.slot, model)
    show_run(record)
    if record.outcome != "promoted":
        return False
    show_step("5  score_http: whom to call")
    base = f"{running.url}/api/models/{model}"
    show_quality(_get(base, running.headers))
    takes = [column for column, spec in use_case.dataset.columns.items() if spec.role in {"feature", "key"}]
    rows = [{name: contact[name] for name in takes} for contact in _customers()]
    show_answers(rows, _post(f"{base}/score", rows, running.headers))
    show_addresses(running, rows[0])
    return True


def _customers() -> list[dict[str, str | int]]:
    contacts = list(itertools.islice(bank_contacts(), max(CUSTOMERS)))
    return [contacts[number - 1] for number in CUSTOMERS]


def _get(url: str, headers: dict[str, str]) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:  # noqa: S310
        return json.load(response)


def _post(url: str, content: Any, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(  # noqa: S310  # the address is this machine's own host
        url, json.dumps(content).encode(), {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.loads(response.read() or b"null")


__all__ = ["TooLate", "demo", "wait_for_interrupt"]
