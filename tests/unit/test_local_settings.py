"""App settings, host.json and function.json as the host reads them."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.app import queue_policy
from local.host.blobqueue import QueuePolicy
from local.host.functions import Binding, Function, function_folders, read_function
from local.host.invoker import Call, Invoker
from local.host.settings import (
    HostConfig,
    HostSettingsError,
    apply_local_settings,
    connection,
    host_id,
    parse_time_span,
    read_host_config,
    resolve,
)
from local.host.worker import Datum, Result

HTTP = {"name": "request", "type": "httpTrigger", "direction": "in"}


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_local_settings(tmp_path: Path) -> None:
    """The example serves until there is a file of one's own; the environment wins over both."""
    write(tmp_path / "local.settings.example.json", {"Values": {"A": "example", "B": "example"}})
    environment = {"A": "environment"}
    assert apply_local_settings(tmp_path, environment) == tmp_path / "local.settings.example.json"
    assert environment == {"A": "environment", "B": "example"}
    write(tmp_path / "local.settings.json", {"Values": {"B": "own"}})
    environment = {}
    apply_local_settings(tmp_path, environment)
    assert environment == {"B": "own"}


def test_no_local_settings(tmp_path: Path) -> None:
    """None is needed."""
    assert apply_local_settings(tmp_path, {}) is None


def test_resolving() -> None:
    """A missing setting is named, with where it is used."""
    assert resolve("%A% 0 %B%", {"A": "1", "B": "2"}) == "1 0 2"
    with pytest.raises(HostSettingsError, match=r"'%EXPORT_SCHEDULE%': the setting EXPORT_SCHEDULE is not set"):
        resolve("%EXPORT_SCHEDULE%", {})


def test_connections() -> None:
    """Connection strings only; an identity-based connection is told apart from a missing one."""
    assert connection("DataStorage", {"DataStorage": "x"}) == "x"
    assert connection("DataStorage", {"AzureWebJobsDataStorage": "y"}) == "y"
    with pytest.raises(HostSettingsError, match="DataStorage is not set"):
        connection("DataStorage", {})
    with pytest.raises(HostSettingsError, match="identity-based"):
        connection("DataStorage", {"DataStorage__blobServiceUri": "https://x"})


@pytest.mark.parametrize(("text", "seconds"), [("00:30:00", 1800), ("1.00:00:01", 86401), ("00:00:00.2500000", 0.25)])
def test_time_spans(text: str, seconds: float) -> None:
    """.NET's spelling."""
    assert parse_time_span(text) == timedelta(seconds=seconds)


def test_wrong_time_span() -> None:
    """Seconds alone are none."""
    with pytest.raises(HostSettingsError, match="time span"):
        parse_time_span("30")


def test_host_json(tmp_path: Path) -> None:
    """What is written, what is not, and what a setting lays over it."""
    write(tmp_path / "host.json", {"version": "2.0", "extensions": {"blobs": {"maxDegreeOfParallelism": 1}}})
    config = read_host_config(tmp_path, {})
    assert (config.route_prefix, config.function_timeout_seconds) == ("api", 1800)
    assert (config.blob_parallelism, config.poison_blob_threshold) == (1, 5)
    override = {"AzureFunctionsJobHost__extensions__Blobs__maxDegreeOfParallelism": "3"}
    assert read_host_config(tmp_path, override).blob_parallelism == 3


def test_unlimited_timeout() -> None:
    """-1 means without limit."""
    assert HostConfig.from_json({"functionTimeout": "-1"}).function_timeout_seconds is None


@pytest.mark.parametrize("value", [0, "many"])
def test_wrong_host_json(value: object) -> None:
    """A number that is none, or makes no sense, is named."""
    with pytest.raises(HostSettingsError, match="poisonBlobThreshold"):
        HostConfig.from_json({"extensions": {"blobs": {"poisonBlobThreshold": value}}})


def test_broken_json(tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "host.json").write_text("{", encoding="utf-8")
    with pytest.raises(HostSettingsError, match=r"host\.json is not JSON"):
        read_host_config(tmp_path, {})


def test_queue_policy() -> None:
    """Two settings that only this host has."""
    settings = {"CAUCE_HOST_VISIBILITY_SECONDS": "3", "CAUCE_HOST_RETRY_SECONDS": "0.5"}
    config = HostConfig(blob_parallelism=2)
    assert queue_policy(config, settings) == QueuePolicy(2, 5, 3, 0.5)
    for wrong in ("soon", "0"):
        with pytest.raises(HostSettingsError, match="CAUCE_HOST_VISIBILITY_SECONDS"):
            queue_policy(config, {"CAUCE_HOST_VISIBILITY_SECONDS": wrong})


def test_host_ids(tmp_path: Path) -> None:
    """Stable for a folder, different for another, and settable; short enough for a queue's name."""
    assert host_id(tmp_path, {}) == host_id(tmp_path, {})
    assert host_id(tmp_path, {}) != host_id(tmp_path / "other", {})
    assert len(host_id(tmp_path, {})) <= 32
    assert host_id(tmp_path, {"AzureFunctionsWebHost__hostid": "mine"}) == "mine"


def test_function_folders(tmp_path: Path) -> None:
    """Only folders right under the root that have a function.json."""
    write(tmp_path / "b" / "function.json", {})
    write(tmp_path / "a" / "function.json", {})
    write(tmp_path / "shared" / "deep" / "function.json", {})
    assert [folder.name for folder in function_folders(tmp_path)] == ["a", "b"]


def test_function_json(tmp_path: Path) -> None:
    """Names, defaults, the response binding, and being switched off by a setting."""
    output = {"name": "$return", "type": "http", "direction": "out"}
    write(tmp_path / "score" / "function.json", {"bindings": [HTTP, output]})
    function = read_function(tmp_path / "score", {})
    assert (function.name, function.trigger.name, function.http_output) == ("score", "request", "$return")
    assert function.script == (tmp_path / "score" / "__init__.py").resolve()
    assert not function.disabled
    assert read_function(tmp_path / "score", {"AzureWebJobs.score.Disabled": "true"}).disabled


@pytest.mark.parametrize(
    ("bindings", "complaint"),
    [
        ([], "exactly one trigger"),
        ([HTTP, HTTP], "exactly one trigger"),
        ([{"type": "httpTrigger"}], "needs a name and a type"),
        ([HTTP, {"name": "out", "type": "queue", "direction": "out"}], "not queue"),
    ],
)
def test_wrong_function_json(tmp_path: Path, bindings: list[object], complaint: str) -> None:
    """What this host cannot drive is said, not ignored."""
    write(tmp_path / "f" / "function.json", {"bindings": bindings})
    with pytest.raises(HostSettingsError, match=complaint):
        read_function(tmp_path / "f", {})


class SlowWorker:
    async def invoke(self, *_: object, **__: object) -> Result:
        await asyncio.sleep(60)
        return Result(ok=True)


def test_time_limit(caplog: pytest.LogCaptureFixture) -> None:
    """A run beyond functionTimeout is reported as failed, and nothing waits for it any more."""
    trigger = Binding("timer", "timerTrigger", "in")
    function = Function("slow", Path("slow"), Path("slow/__init__.py"), "", trigger, (trigger,))

    async def scenario() -> tuple[Result, bool]:
        invoker = Invoker(SlowWorker(), 0.02)  # type: ignore[arg-type]
        return await invoker.run(Call(function, Datum("{}", "json"), {}, "test")), await invoker.drain(0.02)

    result, drained = asyncio.run(scenario())
    assert (result.ok, drained) == (False, True)
    assert "the time limit of 0.02 s was exceeded" in caplog.text
