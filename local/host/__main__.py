"""``python -m local.host``: run the app of a folder until SIGTERM or Ctrl-C.

The first line on standard output is ``host ready http://127.0.0.1:PORT``; keys that were not given by the environment
(``CAUCE_FUNCTION_KEY``, ``CAUCE_MASTER_KEY``) follow. Logs go to standard error.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from local.host.app import Host, Options
from local.host.front import DEFAULT_BODY_LIMIT_BYTES
from local.host.keys import FUNCTION_KEY_SETTING, MASTER_KEY_SETTING, Keys
from local.host.logs import configure_logging
from local.host.settings import HostConfig, HostSettingsError, apply_local_settings, read_host_config

log = logging.getLogger("host.main")

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
READY = "host ready"


def main(arguments: list[str] | None = None) -> int:
    """Run the host; the exit code is 0 after an orderly stop and 1 when it could not start."""
    parsed = _parser().parse_args(arguments)
    root: Path = parsed.root.resolve()
    options = Options(root, parsed.port, parsed.body_limit_mb * 2**20, parsed.access_log, parsed.grace_seconds)
    try:
        settings_file = apply_local_settings(root, os.environ)
        config = read_host_config(root, os.environ)
        configure_logging(config.log_level)
        log.info("app %s, settings of the environment and %s", root, settings_file)
        os.chdir(root)
        keys = Keys.from_environment(os.environ, enforced=not parsed.no_keys)
        ended = asyncio.run(_run(options, config, keys))
    except (HostSettingsError, OSError) as error:
        sys.stderr.write(f"the host cannot start: {error}\n")
        return 1
    if not ended:
        _leave_threads_behind()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Run the function app on this machine.")
    parser.add_argument("--root", type=Path, default=PROJECT_ROOT, help="folder that holds host.json")
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one (default: 7071)")
    parser.add_argument("--no-keys", action="store_true", help="let everybody in, as 'func start' does")
    parser.add_argument("--access-log", action="store_true", help="log every HTTP request")
    parser.add_argument(
        "--body-limit-mb", type=int, default=DEFAULT_BODY_LIMIT_BYTES // 2**20, help="larger bodies get 413"
    )
    parser.add_argument("--grace-seconds", type=float, default=10.0, help="for running functions, at the stop")
    return parser


async def _run(options: Options, config: HostConfig, keys: Keys) -> bool:
    """Until a signal comes; False when functions were still running after the grace period."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        """A second signal of the kind ends the process the hard way."""
        loop.remove_signal_handler(number)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    host = Host(options, config, keys, os.environ)
    _announce(await host.start(), keys)
    await stopping.wait()
    log.info("stopping")
    return await host.stop()


def _announce(url: str, keys: Keys) -> None:
    lines = [f"{READY} {url}"]
    if keys.enforced:
        named = (("function", FUNCTION_KEY_SETTING, keys.function), ("master", MASTER_KEY_SETTING, keys.master))
        lines += [f"{name} key {key}" for name, setting, key in named if setting not in os.environ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _leave_threads_behind() -> None:
    """The interpreter would wait for threads that nobody can stop."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
