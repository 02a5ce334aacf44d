"""The servers that ``score_bench`` compares: how each is started, asked, and understood."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.children import Child
from local.launch import start_host
from local.waiting import wait_until
from tests.bench.score_model import KEPT, MODEL, ROOT
from tests.bench.score_progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.azurite import Azurite
    from tests.bench.score_model import FittedModel

REQUIREMENTS = ROOT / "requirements-bench.txt"
START_SECONDS = 180.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For every server: on a busy machine with few cores OpenMP's threads wait for each other, by far the longest for the
pipelines of scikit-learn."""
KEEP_ALIVE_SECONDS = "120"
"""After five, uvicorn closes a connection whose next request it was too busy to read."""
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "BENTOML_DO_NOT_TRACK": "True"}
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """One that runs, and where."""

    name: str
    port: int
    pid: int
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    wrap: Callable[[Any], Any] = lambda rows: rows
    """From a row, or a list of rows, to what this server takes."""

    def body(self, rows: list[dict[str, Any]]) -> bytes:
        """The request for one row or for many."""
        return json.dumps(self.wrap(rows[0] if len(rows) == 1 else rows)).encode()

    def cpu_seconds(self) -> float:
        """What all its processes have used so far."""
        return sum(int(user) + int(system) for user, system in (one[11:13] for one in self._stats())) * TICK_SECONDS

    def megabytes(self) -> float:
        """Resident, of all its processes, what they share counted in each."""
        return sum(int(one[21]) for one in self._stats()) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def peak_megabytes(self) -> float:
        """The most that each of its processes has held, added up."""
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in self._family()]
        lines = [line.split() for text in texts for line in text.splitlines() if line.startswith("VmHWM:")]
        return sum(int(kilobytes) for _, kilobytes, _ in lines) * 1024 / 1e6

    def _stats(self) -> Iterator[list[str]]:
        return iter(self._family().values())

    def _family(self) -> dict[int, list[str]]:
        """The process, its children and theirs: the fields of /proc/PID/stat behind the name."""
        every: dict[int, list[str]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended
                every[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
        family = [self.pid]
        for parent in family:
            family += [pid for pid, fields in every.items() if int(fields[1]) == parent]
        return {pid: every[pid] for pid in family if pid in every}


@dataclass(frozen=True)
class Bench:
    """What servers are started with."""

    model: FittedModel
    folder: Path
    """For logs."""
    storage: Azurite
    """In which the model serves."""
    progress: Progress = field(default_factory=Progress)

    @property
    def settings(self) -> dict[str, str]:
        """What the function needs in its environment."""
        return {"DataStorage": self.storage.connection_string}


def probabilities(answer: bytes) -> list[float]:
    """Of the rows of any server's answer, JSON or CSV: all say the same in the same words."""
    if not answer.startswith(b"{"):
        return [float(row["probability"]) for row in csv.DictReader(answer.decode().splitlines())]
    return [prediction["probability"] for prediction in json.loads(answer)["predictions"]]


def rival_python() -> Path:
    """The interpreter of the rivals' environment, which is made where it is not there yet."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = KEPT / f"venv-{pins}"
    done = folder / "complete"
    if not done.exists():
        told = "installing what Cauce is compared with; this takes some minutes, once"
        print(told, file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        installed = subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=False, capture_output=True)
        if installed.returncode:
            msg = f"pip could not install {REQUIREMENTS.name}: {installed.stderr.decode()[-4000:]}"
            raise RuntimeError(msg)
        done.touch()
    return folder / "bin/python"


@contextmanager
def cauce(bench: Bench) -> Iterator[Server]:
    """The function app on the local host, with keys, over Azurite; the blob trigger listens as it does in Azure."""
    storage = bench.storage.connection_string
    environment = {
        **ONE_THREAD,
        **bench.settings,
        "AzureWebJobsStorage": storage,
        "EXPORT_SCHEDULE": "0 0 2 1 1 *",
        "AzureWebJobs.export_timer.Disabled": "true",
        "AzureFunctionsWebHost__hostid": "score-bench",
    }
    with start_host(ROOT, environment, output=bench.folder / "cauce.log", kind="local") as host:
        headers = {"x-functions-key": str(host.function_key), "Content-Type": "application/json"}
        port = int(host.url.rpartition(":")[2])
        yield Server("cauce", port, host.child.pid, f"/api/models/{MODEL}/score", headers)


@contextmanager
def fastapi(bench: Bench) -> Iterator[Server]:
    """uvicorn with uvloop and httptools, one process, no access log."""
    with _fastapi(bench, "fastapi", {}) as server:
        yield server


@contextmanager
def fastapi_graph(bench: Bench) -> Iterator[Server]:
    """The same service by somebody who knows onnxruntime and leaves pandas out."""
    with _fastapi(bench, "fastapi-graph", {"BENCH_GRAPH": "1"}) as server:
        yield server


@contextmanager
def _fastapi(bench: Bench, name: str, environment: dict[str, str]) -> Iterator[Server]:
    port = _free_port()
    command = ["-m", "uvicorn", "tests.bench.score_fastapi:app", "--port", str(port), "--no-access-log"]
    with _rival(bench, name, command, environment) as child:
        yield _ready(Server(name, port, child.pid, "/score", {"Content-Type": "application/json"}), child, bench)


@contextmanager
def mlflow(bench: Bench) -> Iterator[Server]:
    """``mlflow models serve --env-manager local``."""
    saved, port = bench.folder / "mlflow-model", _free_port()
    if not saved.exists():
        with _rival(bench, "mlflow-save", ["-m", "tests.bench.score_mlflow", str(saved)], {}) as child:
            if child.wait(START_SECONDS):
                raise RuntimeError((bench.folder / "mlflow-save.log").read_text())
    command = ["-m", "mlflow", "models", "serve", "-m", str(saved), "--env-manager", "local", "-p", str(port)]
    with _rival(bench, "mlflow", command, {}) as child:
        server = Server(
            "mlflow", port, child.pid, "/invocations", {"Content-Type": "application/json"},
            lambda rows: {"dataframe_records": rows if isinstance(rows, list) else [rows]},
        )  # fmt: skip
        yield _ready(server, child, bench)


@contextmanager
def bentoml(bench: Bench) -> Iterator[Server]:
    """``bentoml serve`` with one worker."""
    port = _free_port()
    command = ["-m", "bentoml", "serve", "tests.bench.score_bento:Scorer", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--timeout-keep-alive", KEEP_ALIVE_SECONDS]
    with _rival(bench, "bentoml", command, {}) as child:
        server = Server(
            "bentoml", port, child.pid, "/score", {"Content-Type": "application/json"},
            lambda rows: {"rows": rows if isinstance(rows, list) else [rows]},
        )  # fmt: skip
        yield _ready(server, child, bench)


SERVERS = {"cauce": cauce, "fastapi": fastapi, "mlflow": mlflow, "bentoml": bentoml, "fastapi-graph": fastapi_graph}


@contextmanager
def _rival(bench: Bench, name: str, command: list[str], environment: dict[str, str]) -> Iterator[Child]:
    python = rival_python()
    settings = {
        **os.environ,
        **ONE_THREAD,
        **QUIET,
        "UVICORN_TIMEOUT_KEEP_ALIVE": KEEP_ALIVE_SECONDS,
        **environment,
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BENCH_MODEL": str(bench.model.folder),
        "BENTOML_HOME": str(bench.folder / "bentoml"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{bench.folder / 'mlflow.db'}",
    }
    with (bench.folder / f"{name}.log").open("wb") as output:
        child = Child([str(python), *command], output=output, environment=settings, folder=ROOT)
    with child:
        yield child


def _ready(server: Server, child: Child, bench: Bench) -> Server:
    def listens() -> bool:
        if child.exit_code is not None:
            raise RuntimeError((bench.folder / f"{server.name}.log").read_text()[-4000:])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", server.port)) == 0

    wait_until(listens, START_SECONDS)
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
