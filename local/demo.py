"""The main job, once, on the demo company: export, retrain, score, forecast; then stay up to be played with."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from local.azurite import PROJECT_ROOT
from local.company import bank_contacts, connection_string, found_company
from local.follow import console, follow_run, wait_for_export
from local.platform import LOCAL, platform
from local.sales import found_sales
from local.show import show_addresses, show_answers, show_export, show_quality, show_run, show_step
from local.show_forecast import show_forecast_address, show_forecasts
from shared.catalog.load import load_catalog
from shared.settings import BUILT_IN_CATALOG
from shared.store import names
from shared.store.registry import CARD_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.platform import Platform
    from shared.catalog.spec import UseCase

DATABASE = LOCAL / "company.db"
CARD = LOCAL / "card.html"
FORECAST_CARD = LOCAL / "forecast-card.html"
WHAT_IF = {"product": "candle", "horizon": 7, "unit_price": 3.6, "promotion": True}
"""A fifth off."""
ASKED: tuple[dict[str, Any], ...] = ({"horizon": 7}, {"product": "candle", "horizon": 7}, WHAT_IF)
CUSTOMERS = (37_000, 41_500, 44_900)
"""Three contacts of the last two years."""


def demo(*, once: bool, port: int) -> int:
    """Run the demo; 0 when all of it worked."""
    phone, sales = load_catalog(BUILT_IN_CATALOG).use_cases
    show_step("1  The demo company's database, SQLite through ODBC")
    console.print(f"  table 'contacts': {found_company(DATABASE):,} calls, May 2008 to November 2010")
    console.print(f"  table 'order_lines': {found_sales(DATABASE):,} lines, five years to November 2026")
    show_step("2  Storage, events and the functions host")
    company = {"SQL_CONNECTION_STRING": connection_string(DATABASE), "CATALOG_DIR": str(BUILT_IN_CATALOG)}
    # A drop or a stop of an earlier demo has no part in this one: its storage is in memory.
    with platform(company, storage_folder=None, port=port) as running:
        console.print(f"  {running.url}/api  (log: .local/host.log)")
        succeeded = _whom_to_call(running, phone) and _what_will_be_sold(running, sales)
        if succeeded:
            show_addresses(running, phone, _request(phone, next(_customers())))
            show_forecast_address(running, sales, WHAT_IF)
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
        console.print("stopping: a function that runs is given 20 s to end")


def _whom_to_call(running: Platform, use_case: UseCase) -> bool:
    dataset, model = use_case.dataset.name, use_case.model.name
    show_step("3  export_timer: the tables into CSV blobs, each announced by a manifest")
    started = time.monotonic()
    _post(f"{running.url}/admin/functions/export_timer", {"input": ""}, {})
    manifest = wait_for_export(running, dataset)
    show_export(manifest, time.monotonic() - started)
    show_step("4  train_blob_trigger: the drop retrains the model")
    record = follow_run(running, dataset, manifest.slot, model)
    show_run(record)
    if record.outcome != "promoted":
        return False
    CARD.write_bytes(b"".join(running.blobs.chunks(names.version_file(model, str(record.version), CARD_FILE))))
    console.print(f"  its card, for a browser: {CARD.relative_to(PROJECT_ROOT)}")
    show_step("5  score_http: whom to call")
    base = f"{running.url}/api/models/{model}"
    show_quality(_get(base, running.headers))
    rows = [_request(use_case, contact) for contact in _customers()]
    show_answers(rows, _post(f"{base}/score", rows, running.headers))
    return True


def _what_will_be_sold(running: Platform, use_case: UseCase) -> bool:
    dataset, model = use_case.dataset.name, use_case.model.name
    show_step("6  The other drop: a forecast, product by product and day by day")
    manifest = wait_for_export(running, dataset)
    show_export(manifest)
    record = follow_run(running, dataset, manifest.slot, model)
    show_run(record)
    if record.outcome != "promoted":
        return False
    FORECAST_CARD.write_bytes(b"".join(running.blobs.chunks(names.version_file(model, str(record.version), CARD_FILE))))
    console.print(f"  its card, for a browser: {FORECAST_CARD.relative_to(PROJECT_ROOT)}")
    console.print(f"  all of it, for a spreadsheet: {names.forecast_table(model, manifest.slot)}")
    answers = [_post(f"{running.url}/api/models/{model}/score", one, running.headers) for one in ASKED]
    show_forecasts(ASKED, answers)
    return True


def _customers() -> Iterator[dict[str, str | int]]:
    return (contact for contact in bank_contacts() if contact["contact_id"] in CUSTOMERS)


def _request(use_case: UseCase, contact: dict[str, str | int]) -> dict[str, str | int]:
    """What is sent of a contact: what is known before the call, and the key."""
    dataset = use_case.dataset
    return {name: contact[name] for name in (dataset.column_with("key"), *dataset.features())}


def _get(url: str, headers: dict[str, str]) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:  # noqa: S310
        return json.load(response)


def _post(url: str, content: Any, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(  # noqa: S310  # the address is this machine's own host
        url, json.dumps(content).encode(), {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.loads(response.read() or b"null")
