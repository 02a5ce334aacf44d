"""The host put together: worker, triggers, server, and their orderly end."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from azure.storage.queue.aio import QueueClient

from local.host.admin import FUNCTIONS, Admin
from local.host.assembly import HOST_STORAGE, Assembler, Assembly, StorageAccounts
from local.host.blobqueue import POISON_QUEUE, BlobQueueListener, QueuePolicy, queue_client, queue_name
from local.host.blobtrigger import BlobFunction, run_for_blob
from local.host.front import DEFAULT_BODY_LIMIT_BYTES, Front
from local.host.functions import Function
from local.host.invoker import Invoker
from local.host.keys import Keys
from local.host.routes import RouteTable
from local.host.settings import HostConfig, HostSettingsError, connection, host_id
from local.host.timers import StatusStore, TimerListener
from local.host.webhook import PATH as WEBHOOK_PATH
from local.host.webhook import BlobWebhook
from local.host.worker import Worker

log = logging.getLogger("host.app")

ADDRESS = "127.0.0.1"
VISIBILITY_SETTING = "CAUCE_HOST_VISIBILITY_SECONDS"
RETRY_SETTING = "CAUCE_HOST_RETRY_SECONDS"
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line decides. ``grace_seconds``: how long running functions may take to end at the stop."""

    root: Path
    port: int = 0
    body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES
    access_log: bool = False
    grace_seconds: float = 10.0


class Host:
    """One app on one port. Made inside the event loop that it lives in."""

    def __init__(self, options: Options, config: HostConfig, keys: Keys, environment: Mapping[str, str]) -> None:
        self._options = options
        self._config = config
        self._keys = keys
        self._environment = environment
        self._host_id = host_id(options.root, environment)
        self._accounts = StorageAccounts(environment)
        self._background: list[asyncio.Task[None]] = []
        self._timers: dict[str, TimerListener] = {}
        self._queue: BlobQueueListener | None = None

    async def start(self) -> str:
        """Load the functions, listen, and return the address.

        :raises OSError: the port is taken.
        """
        worker = await Worker.start(self._options.root)
        self._invoker = Invoker(worker, self._config.function_timeout_seconds, log_http=self._options.access_log)
        assembler = Assembler(worker, self._config, self._environment, self._accounts)
        assembly = await assembler.assemble(self._options.root)
        self._timers = self._timer_listeners(assembly)
        self._queue = self._blob_queue(assembly)
        url = await self._serve(self._front(assembly))
        for name, timer in self._timers.items():
            if not assembly.functions[name].disabled:
                self._begin(timer.listen(), f"timer {name}")
        if self._queue is not None:
            self._begin(self._queue.listen(), "blob queue")
        return url

    async def stop(self) -> bool:
        """Take nothing new and wait for what runs; False when something still ran after the grace period."""
        for task in self._background:
            task.cancel()
        for site in list(self._runner.sites):
            await site.stop()
        ended = await self._invoker.drain(self._options.grace_seconds)
        await asyncio.gather(*(timer.finish(_SETTLE_SECONDS) for timer in self._timers.values()))
        if self._queue is not None:
            await self._queue.finish(_SETTLE_SECONDS)
            await self._queue.close()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._runner.cleanup()
        await self._accounts.close()
        return ended

    def _timer_listeners(self, assembly: Assembly) -> dict[str, TimerListener]:
        if not assembly.timers:
            return {}
        store = StatusStore(self._accounts.blobs(HOST_STORAGE), self._host_id)
        return {name: TimerListener(timer, store, self._invoker) for name, timer in assembly.timers.items()}

    def _blob_queue(self, assembly: Assembly) -> BlobQueueListener | None:
        active = {name: blob for name, blob in assembly.blobs.items() if not blob.function.disabled}
        if not active:
            return None
        queue = queue_client(connection(HOST_STORAGE, self._environment), queue_name(self._host_id))
        poison = {name: self._poison_queue(blob) for name, blob in active.items()}
        return BlobQueueListener(queue, poison, active, self._invoker, queue_policy(self._config, self._environment))

    def _poison_queue(self, blob: BlobFunction) -> QueueClient:
        """In the account of the function's own connection, as in the real host."""
        name = str(blob.function.trigger.options.get("connection") or HOST_STORAGE)
        return queue_client(connection(name, self._environment), POISON_QUEUE)

    def _front(self, assembly: Assembly) -> Front:
        limit = self._options.body_limit_bytes
        front = Front(RouteTable(assembly.routes), self._keys, self._invoker, body_limit_bytes=limit)

        async def run_timer(function: Function, _: str) -> None:
            await self._timers[function.name].run_by_hand()

        async def run_blob(function: Function, argument: str) -> None:
            container, _, name = argument.partition("/")
            if await run_for_blob(self._invoker, assembly.blobs[function.name], container, name) is None:
                log.error("%s was to be run by hand on '%s', which does not exist", function.name, argument)

        admin = Admin(self._host_id, assembly, {"timerTrigger": run_timer, "blobTrigger": run_blob})
        front.add_system("GET", "/admin/host/status", admin.status)
        front.add_system("GET", FUNCTIONS.rstrip("/"), admin.list_functions)
        front.add_system("POST", FUNCTIONS, admin.run)
        if self._queue is not None:
            front.add_system("POST", WEBHOOK_PATH, BlobWebhook(self._queue).handle)
        return front

    async def _serve(self, front: Front) -> str:
        """Bodies are handed on as they came, compressed ones too, as in the real host."""
        server = web.Server(
            front.handle,
            request_factory=front.make_request,
            auto_decompress=False,
            access_log=logging.getLogger("host.access") if self._options.access_log else None,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_SETTLE_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, ADDRESS, self._options.port).start()
        return f"http://{ADDRESS}:{self._runner.addresses[0][1]}"

    def _begin(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(name)
        task.add_done_callback(_report_crash)
        self._background.append(task)


def queue_policy(config: HostConfig, environment: Mapping[str, str]) -> QueuePolicy:
    """From host.json, and from two settings that only this host has.

    :raises HostSettingsError: a setting is not a number, or a visibility is under one second.
    """
    try:
        visibility_seconds = int(environment.get(VISIBILITY_SETTING, "600"))
        retry_seconds = float(environment.get(RETRY_SETTING, "1"))
    except ValueError as error:
        msg = f"{VISIBILITY_SETTING} and {RETRY_SETTING} are numbers of seconds: {error}"
        raise HostSettingsError(msg) from error
    if visibility_seconds < 1 or retry_seconds < 0:
        msg = f"{VISIBILITY_SETTING} must be at least 1, and {RETRY_SETTING} at least 0"
        raise HostSettingsError(msg)
    return QueuePolicy(config.blob_parallelism, config.poison_blob_threshold, visibility_seconds, retry_seconds)


def _report_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.critical("%s stopped working", task.get_name(), exc_info=task.exception())
