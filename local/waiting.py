"""Waiting for what another process does."""

import time
from collections.abc import Callable


def wait_until[T](condition: Callable[[], T], seconds: float = 15.0, poll_seconds: float = 0.03) -> T:
    """Ask again and again until the answer is true, and return it; what ``condition`` raises ends the wait.

    :raises TimeoutError: it was not true within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            message = f"it did not happen within {seconds:g} s"
            raise TimeoutError(message)
        time.sleep(poll_seconds)
    return answer
