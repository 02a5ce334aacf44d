"""The scoring function through the library that runs it in Azure, over a real Azurite."""

from __future__ import annotations

import gzip
import http.client
import json
import time
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from shutil import copyfile
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.launch import PROJECT_ROOT, RunningHost, start_host
from local.waiting import wait_until
from shared.settings import BUILT_IN_CATALOG
from shared.store.azure_blobs import AzureBlobs
from shared.store.registry import Registry
from tests import tiny_forecasts
from tests.explaining import background, serve_explained
from tests.functions.sample import Answer, call
from tests.phone_data import ROW
from tests.scoring_office import csv_of
from tests.tiny_versions import MODEL, phone_inputs, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from shared.store.records import Version

SCORE, PROBLEM, JSON = f"/api/models/{MODEL}/score", "application/problem+json", "application/json"
REFRESH_SECONDS = 0.2
THREADS, REQUESTS = 16, 50


@dataclass
class App:
    """The project on the local host, and the storage account that it reads."""

    host: RunningHost
    storage: Azurite
    registry: Registry

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        return call(self.host.url, method, path, body, x_functions_key=str(self.host.function_key), **headers)

    def score(self, content: Any = ROW) -> Answer:
        return self.call("POST", SCORE, json.dumps(content).encode())

    def serving(self) -> str:
        answer = self.score()
        assert answer.status == 200, answer.body
        return str(answer.json["version"])

    def wait_for(self, version: Version) -> None:
        wait_until(lambda: self.serving() == version.version)


@contextmanager
def running(folder: Path, catalog: Path = BUILT_IN_CATALOG) -> Iterator[App]:
    """The project over an account of its own, so that no other test's timer or drop comes in between."""
    with Azurite() as storage:
        environment = {
            "DataStorage": storage.connection_string,
            "AzureWebJobsStorage": storage.connection_string,
            "CATALOG_DIR": str(catalog),
            "EXPORT_SCHEDULE": "0 0 2 1 1 *",
            "AzureWebJobs.export_timer.Disabled": "true",
            "MODEL_REFRESH_SECONDS": str(REFRESH_SECONDS),
            "SCORE_MAX_BYTES": "100000",
            "AzureFunctionsWebHost__hostid": f"score-{uuid.uuid4().hex[:12]}",
        }
        with (
            BlobServiceClient.from_connection_string(storage.connection_string) as service,
            start_host(PROJECT_ROOT, environment, output=folder / "host.log", kind="local") as host,
        ):
            yield App(host, storage, Registry(AzureBlobs(service)))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """What a function app is after its first training; before that, it is asked what it says without."""
    with running(tmp_path_factory.mktemp("score")) as made:
        before = made.score()
        assert (before.status, before.headers["Retry-After"]) == (503, "60")
        assert before.headers["Content-Type"].partition(";")[0] == PROBLEM
        assert "has no version yet" in before.json["detail"]
        first = serve(made.registry, 1, phone_inputs())
        wait_until(lambda: made.score().status == 200)  # that there is no version is remembered for a moment
        made.wait_for(first)
        yield made


def problem(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].partition(";")[0] == PROBLEM
    content: dict[str, Any] = answer.json
    assert (content["status"], bool(content["title"]), bool(content["detail"])) == (status, True, True)
    return content


def test_a_forecast_is_answered_day_by_day(app: App) -> None:
    version = tiny_forecasts.serve(app.registry)
    path = f"/api/{tiny_forecasts.SCORE}"
    wait_until(lambda: app.call("POST", path, b"{}").status == 200)
    told = app.call("POST", path, b'{"id": "a", "product": "P-1"}').json
    assert (told["version"], told["origin"], told["measure"]) == (version.version, "2026-11-22", "units")
    assert told["predictions"] == [
        {"id": "a", "product": "P-1", "date": tiny_forecasts.day(ahead), **tiny_forecasts.Expected(1, ahead).outputs}
        for ahead in range(1, 29)
    ]
    faults = problem(app.call("POST", path, b'{"date": "2026-11-20"}'), 422)["errors"]
    assert faults[0]["got"] == "2026-11-20, which is past"


# Keys


@pytest.mark.parametrize("path", [SCORE, f"{SCORE}?code=wrong", f"{SCORE}?code="])
def test_without_the_key_nothing_is_answered(app: App, path: str) -> None:
    answer = call(app.host.url, "POST", path, json.dumps(ROW).encode())
    assert (answer.status, answer.body) == (401, b"")


def test_a_wrong_key_in_the_header_is_refused(app: App) -> None:
    assert call(app.host.url, "GET", "/api/models", x_functions_key="wrong").status == 401


def test_the_key_is_taken_from_the_header_or_from_the_query(app: App) -> None:
    key, body = str(app.host.function_key), json.dumps(ROW).encode()
    by_header = call(app.host.url, "POST", SCORE, body, x_functions_key=key)
    by_query = call(app.host.url, "POST", f"{SCORE}?code={key}", body)
    assert (by_header.status, by_query.status) == (200, 200)
    assert by_header.body == by_query.body


# Answers


def test_rows_go_in_and_predictions_come_out_as_json(app: App) -> None:
    answer = app.score([ROW | {"contact_id": 7}, ROW | {"job": "piloto ñ"}])
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, JSON)
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    content = answer.json
    assert (content["model"], content["version"]) == (MODEL, app.serving())
    first, second = content["predictions"]
    assert (first["contact_id"], first["decision"]) == (7, "call")
    assert second["warnings"] == ["job: 'piloto ñ' is none of the levels that the model knows"]


def test_csv_goes_in_and_csv_comes_out_compressed_both_ways(app: App) -> None:
    body = gzip.compress(csv_of([ROW | {"contact_id": number} for number in range(100)]))
    answer = app.call(
        "POST", SCORE, body, content_type="text/csv", content_encoding="gzip", accept="text/csv", accept_encoding="gzip"
    )
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert answer.headers["Content-Type"].partition(";")[0] == "text/csv"
    lines = gzip.decompress(answer.body).decode().splitlines()
    assert lines[0].startswith('"contact_id","probability","decision"')
    assert [line.partition(",")[0] for line in lines[1:]] == [str(number) for number in range(100)]


def test_a_request_keeps_the_name_and_the_trace_that_it_came_with(app: App) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = app.call(
        "POST", SCORE, json.dumps(ROW).encode(), x_request_id="order-66", traceparent=f"00-{trace}-00f067aa0ba902b7-01"
    )
    assert answer.headers["x-request-id"] == "order-66"
    assert answer.headers["traceparent"].split("-")[1] == trace


def test_what_does_not_explain_says_so(app: App) -> None:
    content = problem(app.call("POST", f"{SCORE}?explain=true", json.dumps(ROW).encode()), 409)
    assert app.serving() in content["detail"]


def test_an_answer_can_be_asked_why_and_of_an_earlier_version(app: App) -> None:
    earlier, inputs = app.serving(), phone_inputs()
    called_on = date.fromisoformat(ROW["contacted_on"])
    younger = background([ROW | {"contacted_on": called_on, "age": 21}], inputs)
    column = [item.name for item in inputs].index("age")
    app.wait_for(serve_explained(app.registry, 4, younger, inputs=inputs, column=column, weight=0.02))
    (told,) = app.call("POST", f"{SCORE}?explain=true", json.dumps(ROW).encode()).json["predictions"]
    assert told["reasons"]["features"][0]["feature"] == "age"
    asked = app.call("POST", f"{SCORE}?version={earlier}", json.dumps(ROW).encode())
    assert (asked.status, asked.json["version"]) == (200, earlier)
    problem(app.call("POST", f"{SCORE}?version=20200101T000000Z-00000000", json.dumps(ROW).encode()), 404)


def test_faults_come_back_with_their_places(app: App) -> None:
    content = problem(app.score([ROW, ROW | {"age": "old", "duration": 3}]), 422)
    assert [fault["path"] for fault in content["errors"]] == ["$[1].duration", "$[1].age"]


@pytest.mark.parametrize("body", [None, b"", b"{", b"age=41", b"\xff", b"[" * 50_000])
def test_a_body_that_is_not_json_is_a_bad_request(app: App, body: bytes | None) -> None:
    problem(app.call("POST", SCORE, body), 400)


def test_a_body_over_the_limit_is_refused(app: App) -> None:
    assert "100,001 bytes" in problem(app.call("POST", SCORE, b" " * 100_001), 413)["detail"]


def test_an_unknown_model_and_an_unknown_address_are_not_found(app: App) -> None:
    assert "phone" in problem(app.call("POST", "/api/models/nobody/score", b"{}"), 404)["detail"]
    problem(app.call("GET", "/api/nothing/here"), 404)
    problem(app.call("GET", "/api/models/%2F..%2Fphone"), 404)


def test_the_wrong_method_is_refused_with_the_right_one(app: App) -> None:
    answer = app.call("GET", SCORE)
    problem(answer, 405)
    assert answer.headers["Allow"] == "POST"
    assert app.call("POST", "/api/health", b"{}").headers["Allow"] == "GET"


def test_models_and_health_are_told(app: App) -> None:
    version = app.serving()
    states = app.call("GET", "/api/models").json["models"]
    assert {"model": MODEL, "title": "Who to telephone", "version": version, "state": "serving"} in states
    about = app.call("GET", f"/api/models/{MODEL}").json
    assert (about["version"], len(about["inputs"])) == (version, 15)
    health = app.call("GET", "/api/health")
    assert (health.status, health.json["status"]) == (200, "ok")


# Versions


def test_a_change_of_champion_is_followed(app: App) -> None:
    for number in (2, 3):
        version = register(app.registry, number, phone_inputs())
        assert app.serving() != version.version
        promote(app.registry, version)
        app.wait_for(version)
        assert app.call("GET", f"/api/models/{MODEL}").json["since"] == version.slot


def test_many_clients_at_once_are_all_answered_right(app: App) -> None:
    """Ages tell the answers apart; each client keeps its connection, as a system would."""
    inputs = phone_inputs()
    age_column = [item.name for item in inputs].index("age")
    app.wait_for(serve(app.registry, 50, inputs, column=age_column, weight=0.05, bias=-3.0))

    def client(number: int) -> list[tuple[int, float, float]]:
        seen = []
        with closing(http.client.HTTPConnection(urllib.parse.urlsplit(app.host.url).netloc, timeout=20)) as connection:
            for request in range(REQUESTS):
                age = 16 + (number * REQUESTS + request) % 105
                body = json.dumps([ROW | {"age": age, "contact_id": age}, ROW | {"age": 120}])
                connection.request("POST", SCORE, body, {"x-functions-key": str(app.host.function_key)})
                response = connection.getresponse()
                first, last = json.loads(response.read())["predictions"]
                assert (response.status, first["contact_id"]) == (200, age)
                seen.append((age, first["probability"], last["probability"]))
        return seen

    with ThreadPoolExecutor(THREADS) as pool:
        seen = [one for found in pool.map(client, range(THREADS)) for one in found]
    assert len(seen) == THREADS * REQUESTS
    one_by_one = {age: app.score(ROW | {"age": age}).json["predictions"][0]["probability"] for age in range(16, 121)}
    assert len(set(one_by_one.values())) == 105
    assert not [one for one in seen if one[1:] != (one_by_one[one[0]], one_by_one[120])]


def test_answers_go_on_when_storage_is_gone(tmp_path: Path) -> None:
    """The first request after the pause may try storage itself; no other one waits for it."""
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    copyfile(BUILT_IN_CATALOG / "phone.toml", catalog / "phone.toml")  # of other models nothing would be known
    with running(tmp_path, catalog) as app:
        version = serve(app.registry, 1, phone_inputs())
        assert app.serving() == version.version
        app.storage.stop()
        took = []
        deadline = time.monotonic() + 10 * REFRESH_SECONDS
        while len(took) < 20 or time.monotonic() < deadline:
            began = time.monotonic()
            assert app.serving() == version.version
            took.append(time.monotonic() - began)
        assert max(took[1:]) < 1.0
        assert app.call("GET", "/api/health").status == 200
        wait_until(lambda: "the last version serves on" in app.host.output.read_text())


def test_without_storage_from_the_start_the_caller_is_told_to_come_back(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        serve(app.registry, 1, phone_inputs())
        app.storage.stop()
        answer = app.score()
        problem(answer, 503)
        assert answer.headers["Retry-After"] == "10"
        assert app.call("GET", "/api/health").status == 503


def test_a_catalog_with_faults_is_told_instead_of_an_answer(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    (catalog / "phone.toml").write_text("[dataset]\nname = 7\n")
    with running(tmp_path, catalog) as app:
        detail = problem(app.call("GET", "/api/health"), 503)["detail"]
    assert "phone.toml: dataset.name: Expected `str`, got `int`" in detail
    assert "phone.toml: model: is missing" in detail
