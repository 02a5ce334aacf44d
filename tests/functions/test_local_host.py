"""The local host as a child process: HTTP, keys, start and administration, on the sample app."""

import http.client
import os
import sys
from contextlib import closing
from pathlib import Path

import pytest

from local.children import Child
from local.launch import HostStartError, RunningHost, start_host
from local.waiting import wait_until
from tests.functions.sample import SAMPLE_APP, TIMERS, App, call

PROJECT_ROOT = Path(__file__).resolve().parents[2]
PRETENDED_FUNC = """
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen = {"state": "Running", "folder": os.getcwd(), "own": os.environ["OWN"], "arguments": sys.argv[1:]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(seen).encode())

http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""
FAULTY = {"unset", "unreadable", "broken", "mistaken"}


def test_request_arrives_whole(sample_host: RunningHost) -> None:
    """Method, address, query, route, headers and the raw bytes, in the library's own HttpRequest."""
    body = bytes(range(256)) * 1000
    path = "/api/echo/7/a%20b/c%2Fd?x=1&y=%C3%A9&x=2"
    answer = call(
        sample_host.url, "POST", path, body, x_functions_key=str(sample_host.function_key), X_Own="value"
    ).json
    assert (answer["method"], answer["url"]) == ("POST", f"{sample_host.url}{path}")
    assert answer["params"] == {"x": "1,2", "y": "é"}
    assert answer["route"] == {"id": "7", "rest": "a b/c%2Fd"}
    assert (answer["headers"]["x-own"], answer["bytes"]) == ("value", 256_000)
    assert answer["type"] == "azure.functions.http"


def test_response_goes_back_whole(sample_host: RunningHost) -> None:
    """Status, headers, cookies and bytes; an async function, and lengths are the server's business."""
    answer = call(sample_host.url, "GET", "/api/opened")
    assert (answer.status, answer.body, answer.headers["ETag"]) == (299, b"\x00\xff", "7")
    assert answer.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2; HttpOnly"]
    assert answer.headers["Content-Length"] == "2"


def test_keys(sample_host: RunningHost) -> None:
    """In the header or in the query; the master key opens every function, the function key not the admin ones."""
    function_key, master_key = str(sample_host.function_key), str(sample_host.master_key)
    assert call(sample_host.url, "GET", f"/api/echo/1?code={function_key}").status == 200
    assert call(sample_host.url, "GET", "/api/echo/1", x_functions_key=master_key).status == 200
    for refused in (
        call(sample_host.url, "GET", "/api/echo/1"),
        call(sample_host.url, "GET", "/api/echo/1?code=wrong"),
        call(sample_host.url, "GET", "/api/managed", x_functions_key=function_key),
    ):
        assert (refused.status, refused.body) == (401, b"")
    allowed = call(sample_host.url, "GET", "/api/managed", x_functions_key=master_key)
    assert (allowed.status, allowed.body) == (200, b"plain")


@pytest.mark.parametrize(
    "request_line", ["GET /api/nope", "GET /", "GET /api/echo/x", "PUT /api/echo/1", "HEAD /api/opened"]
)
def test_not_found(sample_host: RunningHost, request_line: str) -> None:
    """Unknown paths, unfit parameters, and methods that are not declared."""
    assert call(sample_host.url, *request_line.split()).status == 404


def test_head(sample_host: RunningHost) -> None:
    """Where HEAD is declared the function runs, and its body stays here."""
    answer = call(sample_host.url, "HEAD", "/api/echo/1", x_functions_key=str(sample_host.function_key))
    assert (answer.status, answer.body) == (200, b"")


def test_failure_is_a_bare_500(sample_host: RunningHost) -> None:
    """The caller learns nothing; the log has the chain of exceptions."""
    answer = call(sample_host.url, "GET", "/api/failing")
    assert (answer.status, answer.body) == (500, b"")
    log = wait_until(lambda: text if "it broke" in (text := sample_host.output.read_text()) else None)
    assert "Executed 'Functions.failing' (Failed" in log
    assert "KeyError: 'a'" in log


def test_body_limit(sample_app: App) -> None:
    """A body over the limit gets 413, whether its length is announced or not."""
    command = [
        sys.executable,
        "-m",
        "local.host",
        "--root",
        str(sample_app.root),
        "--port",
        "0",
        "--body-limit-mb",
        "1",
    ]
    output = sample_app.root / "limited.log"
    disabled = {f"AzureWebJobs.{name}.Disabled": "true" for name in (*TIMERS, "drop")}
    environment = {**os.environ, **sample_app.environment, **disabled, "CAUCE_FUNCTION_KEY": "f"}
    with output.open("wb") as stream, Child(command, output=stream, environment=environment, folder=PROJECT_ROOT):
        ready = wait_until(lambda: [line for line in output.read_text().splitlines() if line.startswith("host ready")])
        url = ready[0].removeprefix("host ready ")
        big = b"x" * (2**20 + 1)
        assert call(url, "POST", "/api/echo/1", big[:-1], x_functions_key="f").status == 200
        assert call(url, "POST", "/api/echo/1", big, x_functions_key="f").status == 413
        with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)) as connection:
            chunks = iter([big[: 2**19], big[2**19 :]])
            connection.request("POST", "/api/echo/1", chunks, {"x-functions-key": "f"}, encode_chunked=True)
            assert connection.getresponse().status == 413


# Start and administration


def test_status_and_faults(sample_host: RunningHost) -> None:
    """One bad function does not spoil the others, and each is told why, in the worker's words where they are its."""
    status = call(sample_host.url, "GET", "/admin/host/status").json
    assert status["state"] == "Running"
    faults = {error.split("'")[1]: error for error in status["errors"]}
    assert faults.keys() == FAULTY
    assert "the setting NOT_SET is not set" in faults["unset"]
    assert "day of week must be 0 to 6, got 7" in faults["unreadable"]
    assert "No module named 'nonesuch'" in faults["broken"]
    assert "cannot load the mistaken function: the following parameters are declared in Python" in faults["mistaken"]
    names = {function["name"] for function in call(sample_host.url, "GET", "/admin/functions").json}
    assert names == {path.parent.name for path in SAMPLE_APP.glob("*/function.json")} - FAULTY


def test_admin_keys(sample_host: RunningHost) -> None:
    """None is needed from this machine, a wrong one is refused."""
    assert call(sample_host.url, "GET", "/admin/functions", x_functions_key=str(sample_host.master_key)).status == 200
    assert call(sample_host.url, "GET", "/admin/functions", x_functions_key=str(sample_host.function_key)).status == 401


def test_no_host_json(tmp_path: Path) -> None:
    """A folder that is no app ends with a sentence."""
    with pytest.raises(HostStartError, match=r"host\.json does not exist"):
        start_host(tmp_path, {}, output=tmp_path / "log", kind="local")


def test_core_tools_are_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where ``func`` is on PATH it is started in the app's folder, on a free port, and no keys are known."""
    func = tmp_path / "func"
    func.write_text(f"#!{sys.executable}\n{PRETENDED_FUNC}", encoding="utf-8")
    func.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with start_host(SAMPLE_APP, {"OWN": "setting"}, output=tmp_path / "log") as host:
        seen = call(host.url, "GET", "/").json
    assert (seen["folder"], seen["own"], seen["arguments"][0]) == (str(SAMPLE_APP), "setting", "start")
    assert (host.function_key, host.master_key) == (None, None)
