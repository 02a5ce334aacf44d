"""Graphs run many rows in pieces, one on each core: onnxruntime lets other threads go on meanwhile."""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

WORKERS = max(1, os.process_cpu_count() or 1)
LEAST_PIECE_ROWS = 64
"""Fewer take less time than handing them to another thread."""
MOST_PIECE_ROWS = 2048
"""What a run needs beside its rows stays small, and in the processor's caches."""


@functools.cache
def pool() -> ThreadPoolExecutor:
    """Shared by all models and requests: more threads than cores would only wait for each other."""
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="graph")


def pieces(rows: int, workers: int = WORKERS) -> list[slice]:
    """Slices of nearly equal length that hold all rows: one for each worker, or more where rows are many."""
    count = max(1, min(workers, rows // LEAST_PIECE_ROWS), -(-rows // MOST_PIECE_ROWS) if workers > 1 else 1)
    bounds = [rows * place // count for place in range(count + 1)]
    return [slice(begin, end) for begin, end in pairwise(bounds)]
