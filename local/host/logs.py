"""One readable line per event on standard error, in UTC, with the invocation it belongs to."""

import logging
import time

from local.host.worker import current_invocation_id

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
# At Information these speak of every request that they send.
_TALKATIVE = ("azure", "aiohttp", "asyncio", "urllib3", "msal")


def configure_logging(level: str) -> None:
    """Send everything of ``level`` (a name as in host.json) and above to standard error."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)-7s [%(invocation)s] %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(_add_invocation)
    logging.basicConfig(level=_LEVELS.get(level.lower(), logging.INFO), handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_invocation(record: logging.LogRecord) -> bool:
    record.invocation = (current_invocation_id() or "-")[:8]
    return True
