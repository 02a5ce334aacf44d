"""The queue behind the blob trigger: messages outlive the host, are repeated on failure, and end in a poison queue."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage, TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from local.host.blobmessage import (
    BlobMessage,
    EventError,
    Verdict,
    is_spent,
    retry_delay_seconds,
    verdict,
)
from local.host.blobtrigger import BlobFunction, run_for_blob
from local.host.invoker import Invoker

log = logging.getLogger("host.blobs")

POISON_QUEUE = "webjobs-blobtrigger-poison"
_SHORTEST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 1.0
_MOST_MESSAGES_PER_REQUEST = 32


def queue_name(host_id: str) -> str:
    """Of the queue that the webhook writes and the listener reads."""
    return f"azure-webjobs-blobtrigger-{host_id}"


def queue_client(connection_string: str, name: str) -> QueueClient:
    """A client that speaks base64, as the real host's queues do.

    It gives up at once: its callers repeat, where the SDK would first sleep for 15 s.
    """
    return QueueClient.from_connection_string(
        connection_string,
        name,
        message_encode_policy=TextBase64EncodePolicy(),
        message_decode_policy=TextBase64DecodePolicy(),
        retry_total=0,
        connection_timeout=5,
        read_timeout=30,
    )


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """``visibility_seconds``: how long a message stays hidden unless it is renewed, so how soon a killed host's work is
    taken up again. ``retry_seconds``: the wait before the first repetition; it doubles from there."""

    parallelism: int
    threshold: int
    visibility_seconds: int = 600
    retry_seconds: float = 1.0


class BlobQueueListener:
    """Takes messages and runs functions for them, ``parallelism`` at a time."""

    def __init__(
        self,
        queue: QueueClient,
        poison: Mapping[str, QueueClient],
        functions: Mapping[str, BlobFunction],
        invoker: Invoker,
        policy: QueuePolicy,
    ) -> None:
        """``poison`` has the poison queue of each function, in the account of its connection."""
        self._queue = queue
        self._poison = poison
        self._functions = functions
        self._invoker = invoker
        self._policy = policy
        self._slots = asyncio.Semaphore(policy.parallelism)
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, function: object) -> bool:
        """Whether messages for a function of this name are run."""
        return function in self._functions

    async def close(self) -> None:
        """Close the connections to the queues."""
        for queue in (self._queue, *self._poison.values()):
            await queue.close()

    async def enqueue(self, message: BlobMessage) -> None:
        """Write a message and let the listener look at once."""
        try:
            await self._queue.send_message(message.to_text())
        except ResourceNotFoundError:
            await _create(self._queue)
            await self._queue.send_message(message.to_text())
        self._wake.set()

    async def listen(self) -> None:
        """Take messages until cancelled; runs that have begun go on."""
        pause = _SHORTEST_POLL_SECONDS
        failing = False
        while True:
            await self._slots.acquire()
            self._slots.release()
            try:
                taken = await self._take()
                failing = False
            except AzureError as error:
                if not failing:
                    log.warning("cannot read the blob trigger's queue, will keep trying: %s", error)
                failing, taken = True, 0
            pause = _SHORTEST_POLL_SECONDS if taken else min(pause * 2, _LONGEST_POLL_SECONDS)
            if not taken:
                await self._rest(pause)

    async def finish(self, seconds: float) -> None:
        """Wait for begun runs and for their messages to be settled, but not longer than this."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    async def _take(self) -> int:
        """Start what fits into the free slots; how many messages came."""
        free = self._policy.parallelism - len(self._tasks)
        if free <= 0:
            return 0
        taken = 0
        try:
            async for message in self._queue.receive_messages(
                max_messages=min(free, _MOST_MESSAGES_PER_REQUEST),
                messages_per_page=min(free, _MOST_MESSAGES_PER_REQUEST),
                visibility_timeout=self._policy.visibility_seconds,
            ):
                await self._begin(message)
                taken += 1
        except ResourceNotFoundError:
            await _create(self._queue)
        return taken

    async def _begin(self, message: QueueMessage) -> None:
        await self._slots.acquire()
        task = asyncio.ensure_future(self._process(message))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()
        self._wake.set()
        if not task.cancelled() and task.exception():
            log.error("a blob trigger message was left to reappear", exc_info=task.exception())

    async def _process(self, message: QueueMessage) -> None:
        """Run one message and settle it; when storage fails meanwhile, the message reappears by itself."""
        count = int(message.dequeue_count or 1)
        try:
            content = BlobMessage.from_text(str(message.content))
            target = self._functions[content.function]
        except (EventError, KeyError) as error:
            log.warning("dropped a message for no function of this app: %r", error)
            await self._queue.delete_message(message)
            return
        if is_spent(count, self._policy.threshold):
            await self._settle(message, content, Verdict.POISON)
            return
        async with self._hidden(message):
            succeeded = await self._run(target, content)
        decision = verdict(succeeded=succeeded, dequeue_count=count, threshold=self._policy.threshold)
        await self._settle(message, content, decision)

    async def _run(self, target: BlobFunction, content: BlobMessage) -> bool:
        try:
            result = await run_for_blob(self._invoker, target, content.container, content.blob)
        except (AzureError, ValueError) as error:
            log.warning("cannot read %s/%s: %s", content.container, content.blob, error)
            return False
        if result is None:
            log.info("%s/%s is gone: its message is dropped", content.container, content.blob)
            return True
        return result.ok

    async def _settle(self, message: QueueMessage, content: BlobMessage, decision: Verdict) -> None:
        if decision is Verdict.RETRY:
            count = int(message.dequeue_count or 1)
            delay = retry_delay_seconds(self._policy.retry_seconds, count)
            log.info("%s/%s: attempt %d failed, next in %d s", content.container, content.blob, count, delay)
            await self._queue.update_message(message, visibility_timeout=delay)
            return
        if decision is Verdict.POISON:
            log.error("%s/%s: moved to queue %s", content.container, content.blob, POISON_QUEUE)
            poison = self._poison[content.function]
            await _create(poison)
            await poison.send_message(str(message.content), time_to_live=-1)
        await self._queue.delete_message(message)

    @contextlib.asynccontextmanager
    async def _hidden(self, message: QueueMessage) -> AsyncIterator[None]:
        """Keep the message from reappearing while it is worked on."""
        renewal = asyncio.ensure_future(self._renew(message))
        try:
            yield
        finally:
            renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewal

    async def _renew(self, message: QueueMessage) -> None:
        while True:
            await asyncio.sleep(self._policy.visibility_seconds / 3)
            try:
                renewed = await self._queue.update_message(message, visibility_timeout=self._policy.visibility_seconds)
                message.pop_receipt = renewed.pop_receipt
            except AzureError as error:
                log.warning("cannot renew a message, it may be delivered twice: %s", error)


async def _create(queue: QueueClient) -> None:
    with contextlib.suppress(ResourceExistsError):
        await queue.create_queue()
