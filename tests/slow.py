"""What is tested at length only where that is asked for: ``CAUCE_SLOW_TESTS=1``."""

import os

SLOW = os.environ.get("CAUCE_SLOW_TESTS", "0") not in {"", "0"}


def at_length[T](usual: T, slow: T) -> T:
    """How much is tested: so much every time, so much where it is asked for."""
    return slow if SLOW else usual
