"""Child processes, Azurite as one of them, and the relay through outages."""

import http.server
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.children import Child
from local.eventgrid import EventGridRelay
from local.waiting import wait_until

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Webhook(http.server.BaseHTTPRequestHandler):
    """Refuses the first delivery and takes the others."""

    subjects: list[str] = []  # noqa: RUF012 - one list for the one test that uses it

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.subjects.append(body[0]["subject"].rpartition("/")[2])
        self.send_response(503 if len(self.subjects) == 1 else 202)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_azurite_and_relay_through_an_outage(tmp_path: Path) -> None:
    """Azurite comes back on the same ports with the same data, and the relay never gives up on either side."""
    Webhook.subjects.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with server, Azurite(tmp_path / "store") as storage:
        connection_string = storage.connection_string
        relay = EventGridRelay(connection_string, f"http://127.0.0.1:{server.server_port}", poll_seconds=0.05).start()
        with BlobServiceClient.from_connection_string(connection_string) as client:
            container = client.create_container("drops")
            container.upload_blob("before", b"1")
            wait_until(lambda: Webhook.subjects == ["before", "before"])
            storage.stop()
            assert not storage.running
            time.sleep(0.3)
            storage.start()
            assert storage.connection_string == connection_string
            assert container.download_blob("before").readall() == b"1"
            container.upload_blob("after", b"2")
            wait_until(lambda: Webhook.subjects == ["before", "before", "after"])
        relay.stop()
        server.shutdown()
    thread.join()


def is_running(pid: int) -> bool:
    """A zombie does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to their parents")
def test_azurite_dies_with_its_parent() -> None:
    """A killed test run leaves no Node process behind."""
    code = "import time; from local.azurite import Azurite; print(Azurite().start().pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_running(pid))


def test_closing_a_child_ends_its_whole_group(tmp_path: Path) -> None:
    """A child that ignores the request to end is killed, and so is what it started."""
    code = (
        "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    )
    output = tmp_path / "output"
    with output.open("wb") as stream:
        child = Child([sys.executable, "-c", code], output=stream)
    grandchild = int(wait_until(output.read_text))
    assert child.close(grace_seconds=0.2) == -signal.SIGKILL
    wait_until(lambda: not is_running(grandchild))
    assert child.close() == -signal.SIGKILL


def test_azurite_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says where it was looked for and how to get it."""
    monkeypatch.setattr("local.azurite.INSTALLED", tmp_path / "azurite")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"neither at .* nor on PATH: run 'make setup'"):
        Azurite().start()
