"""One start of ``score_start``, in a process that has loaded nothing: ``python -m tests.bench.score_fresh WAY``.

Job and outcome are JSON. This file imports the standard library alone, and as little of it as it can: whatever it
loads, nobody measures.
"""

import importlib
import json
import os
import sys
import time

FLOOR, FUNCTION, WHOLE, PANDAS = "the libraries alone", "import score_http", "score_http", "pandas + scikit-learn"
FLOOR_MODULES = ("azure.functions", "onnxruntime", "azure.storage.blob")
PANDAS_MODULES = ("pandas", "sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing")


def _function(job):  # type: ignore[no-untyped-def]
    """The function as the worker library calls it, with one row."""
    import asyncio

    from azure.functions.http import HttpRequest

    score_http = importlib.import_module("score_http")
    request = HttpRequest(
        "POST", f"http://127.0.0.1:7071/api/{job['path']}", headers={"content-type": "application/json"}, params={},
        route_params={"path": job["path"]}, body_type="bytes", body=json.dumps(job["row"]).encode(),
    )  # fmt: skip
    answer = score_http.main(request)
    if asyncio.iscoroutine(answer):
        answer = asyncio.run(answer)
    if answer.status_code != 200:
        raise RuntimeError(answer.get_body().decode())


def _pandas(job):  # type: ignore[no-untyped-def]
    """The pickled pipelines, read and asked as one does."""
    import pandas as pd

    from tests.bench.score_rival import Rival

    Rival().probabilities(pd.DataFrame([job["row"]]))


WAYS = {
    FLOOR: (FLOOR_MODULES, None),
    FUNCTION: (("score_http",), None),
    WHOLE: (("score_http",), _function),
    PANDAS: (PANDAS_MODULES, _pandas),
}


def _start(way, job):  # type: ignore[no-untyped-def]
    """Import, then answer where the way does; milliseconds, megabytes, and the modules that came."""
    os.environ.update(job["settings"])
    modules, answer = WAYS[way]
    known = set(sys.modules)
    began = time.perf_counter()
    for name in job["modules"] or modules:
        importlib.import_module(name)
    imported = time.perf_counter()
    if answer is not None:
        answer(job)
    ended = time.perf_counter()
    return {
        "imports": (imported - began) * 1000,
        "answer": (ended - imported) * 1000 if answer else None,
        "megabytes": _resident_megabytes(),
        "loaded": [name for name in sys.modules if name not in known and _is_importable(name)],
    }


def _is_importable(name):  # type: ignore[no-untyped-def]
    """Not one that a library has put together while it ran, such as ``six.moves``."""
    return getattr(sys.modules[name], "__spec__", None) is not None and "six.moves" not in name


def _resident_megabytes():  # type: ignore[no-untyped-def]
    with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib would be loaded for it
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_start(sys.argv[1], json.loads(sys.stdin.read()))))
    sys.stdout.flush()
