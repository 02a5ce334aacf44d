"""AutoETS, in an environment of its own: ``python forecast_peer.py FOLDER`` reads sold.npy and job.json there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

PEER = "AutoETS"
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".local" / "bench" / "venv-forecast"
REQUIREMENTS = ROOT / "requirements-bench-forecast.txt"


def environment() -> Path:
    """The Python of the peer's environment, made where it is not there."""
    python = FOLDER / "bin" / "python"
    done = FOLDER / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)], check=True)
        done.touch()
    return python


def forecast(folder: Path) -> None:
    """Forecast every series from every origin, on as many cores as there are."""
    import numpy as np
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    sold = np.load(folder / "sold.npy")
    job = json.loads((folder / "job.json").read_text())
    began = time.perf_counter()
    said = []
    for origin in job["origins"]:
        frame = _long(sold[:, :origin])
        model = StatsForecast(models=[AutoETS(season_length=job["season"])], freq=1, n_jobs=-1)
        found = model.forecast(df=frame, h=job["horizon"])
        said.append(found["AutoETS"].to_numpy().reshape(len(sold), -1).clip(min=0))
    np.save(folder / "said.npy", np.array(said))
    (folder / "done.json").write_text(json.dumps({"seconds": time.perf_counter() - began}))


def _long(sold: object) -> object:
    import numpy as np
    import pandas as pd

    count, days = sold.shape  # type: ignore[attr-defined]
    return pd.DataFrame(
        {"unique_id": np.repeat(np.arange(count), days), "ds": np.tile(np.arange(days), count), "y": sold.ravel()}  # type: ignore[attr-defined]
    )


if __name__ == "__main__":
    forecast(Path(sys.argv[1]))
