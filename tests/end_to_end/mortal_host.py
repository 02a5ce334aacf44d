"""``python -m tests.end_to_end.mortal_host N before|after ...``: the local host, killed by SIGKILL at its N-th write.

The other arguments are those of ``python -m local.host``.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import cache

from local.host.__main__ import main
from shared import wiring
from tests.mortal_blobs import MortalBlobs

connect = wiring.blobs


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    at, after = int(sys.argv[1]), sys.argv[2] == "after"
    wiring.blobs = cache(lambda: MortalBlobs(connect(), die, at=at, after=after))
    sys.exit(main(sys.argv[3:]))
