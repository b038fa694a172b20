"""Publishing on a Kafka cluster: one batch of a link at a time, durable on every in-sync replica.

A batch is appended whole or not at all, and a link's next one is sent when the last is durable: so
nothing overtakes what failed. Links do not wait for each other; one that cannot take its parcels is
left aside for a while. Batches are not compressed: sealed bytes do not shrink.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import TopicPartition

from xref.drivers.kafka_aside import AGAIN_SECONDS, Aside
from xref.drivers.kafka_connection import (
    CLIENT_LOG,
    CONNECT_SECONDS,
    KafkaCluster,
    check_topics,
    client_arguments,
    unavailable,
)
from xref.errors import UnavailableError
from xref.limits import KAFKA_BATCH_BYTES_MAX, KAFKA_REQUEST_BYTES_MAX
from xref.ports import LinksUnavailableError, Outbound

# Longer than a cluster of three needs to replace a leader that was killed, and all that one link
# may keep the others waiting; then it is left aside for twice as long.
_PUBLISH_SECONDS: Final = 10.0
_LATE_AGAIN_SECONDS: Final = 2 * _PUBLISH_SECONDS
_CALL_SECONDS: Final = 20.0
_END_SECONDS: Final = 3.0
_RECORD_OVERHEAD_BYTES: Final = 64
_LINKS_AT_ONCE: Final = KAFKA_REQUEST_BYTES_MAX // KAFKA_BATCH_BYTES_MAX

# What a broker says of one topic: others may well take theirs.
_REFUSALS: Final = (
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTopicError,
)

Queues = dict[TopicPartition, deque[Outbound]]


def next_batch(queue: Iterable[Outbound]) -> list[bytes]:
    """Return what fits one batch from the front of a link's queue, one parcel at least."""
    batch: list[bytes] = []
    room = KAFKA_BATCH_BYTES_MAX - _RECORD_OVERHEAD_BYTES
    for each in queue:
        room -= len(each.parcel) + _RECORD_OVERHEAD_BYTES
        if batch and room < 0:
            break
        batch.append(each.parcel)
    return batch


class Writer:
    """The one producer of a process for a cluster; made anew after any failure."""

    def __init__(self, cluster: KafkaCluster) -> None:
        """Connect at the first publishing."""
        self._cluster = cluster
        self._aside = Aside("publishing")
        self._producer: AIOKafkaProducer | None = None
        self._known: set[TopicPartition] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def publish(self, parcels: Sequence[Outbound]) -> None:
        """Append the parcels to their links; it takes `_CALL_SECONDS` at most.

        Raises `LinksUnavailableError` with what is left where only some links do not take theirs,
        and `UnavailableError` where it cannot tell of any.
        """
        queues: Queues = {}
        for each in parcels:
            queues.setdefault(self._cluster.partition(each.link), deque()).append(each)
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await self._append({p: q for p, q in queues.items() if not self._aside.holds(p)})
        except BaseException as error:
            self._abandon()
            if isinstance(error, Exception):
                raise unavailable(self._cluster, error) from error
            raise
        CLIENT_LOG.settled()
        left = tuple(chain.from_iterable(queues.values()))
        if left:
            raise LinksUnavailableError(self._aside.reason(queues), left)

    async def _append(self, queues: Queues) -> None:
        """Take from the queues what is durable; leave those links aside that take nothing."""
        if not queues:
            return
        troubles = await self._check(queues.keys())
        for partition, reason in troubles.items():
            self._aside.put(partition, reason)
        ready = {each: queue for each, queue in queues.items() if each not in troubles}
        if not ready:
            return
        sizes = {each: len(queue) for each, queue in ready.items()}
        failed = await _append_all(await self._started(), ready)
        if failed:
            self._abandon()
        stuck = {e: why for e, why in failed.items() if len(ready[e]) == sizes[e]}
        self._aside.settle(ready.keys() - stuck.keys())
        if len(stuck) == len(queues):
            await self._raise_if_away(stuck)
        for partition, error in stuck.items():
            is_late = isinstance(error, TimeoutError)
            reason = _refused(self._cluster, partition, error)
            self._aside.put(partition, reason, _LATE_AGAIN_SECONDS if is_late else AGAIN_SECONDS)

    async def _check(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, UnavailableError]:
        unknown = set(partitions) - self._known
        troubles = await check_topics(self._cluster, unknown) if unknown else {}
        self._known |= unknown - troubles.keys()
        return troubles

    async def _raise_if_away(self, stuck: Mapping[TopicPartition, Exception]) -> None:
        """Raise unless it is these links' own trouble that none of them took anything."""
        for error in stuck.values():
            if not isinstance(error, (*_REFUSALS, TimeoutError)):
                raise error
        if all(isinstance(error, TimeoutError) for error in stuck.values()):
            await check_topics(self._cluster, stuck)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **client_arguments(self._cluster),
                acks="all",
                enable_idempotence=True,
                compression_type=None,
                linger_ms=0,
                max_batch_size=KAFKA_BATCH_BYTES_MAX,
                max_request_size=KAFKA_REQUEST_BYTES_MAX,
            )
            self._producer = producer
            async with asyncio.timeout(CONNECT_SECONDS):
                await producer.start()
        return self._producer

    def _abandon(self) -> None:
        """Give the producer up: what it still holds must not be sent after what comes next."""
        self._known.clear()
        producer, self._producer = self._producer, None
        if producer is not None:
            task = asyncio.get_running_loop().create_task(_end(producer))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End the producer."""
        self._abandon()
        if self._ending:
            await asyncio.wait(self._ending, timeout=_END_SECONDS)


def _refused(
    cluster: KafkaCluster, partition: TopicPartition, error: Exception
) -> UnavailableError:
    if isinstance(error, TimeoutError):
        message = (
            f"Kafka at {cluster}: topic {partition.topic} takes no parcels; are enough of its "
            "replicas up?"
        )
        return UnavailableError(message)
    if isinstance(error, TopicAuthorizationFailedError):
        return unavailable(cluster, error)
    name = type(error).__name__
    return UnavailableError(f"Kafka at {cluster}: topic {partition.topic} refused parcels: {name}")


async def _append_all(
    producer: AIOKafkaProducer, queues: Queues
) -> dict[TopicPartition, Exception]:
    """Append to all links at once, for a while; take from the queues what is durable.

    Returns why links did not take all of theirs: a `TimeoutError` where nobody said.
    """
    places = asyncio.Semaphore(_LINKS_AT_ONCE)
    tasks = {
        partition: asyncio.create_task(_append_link(producer, places, partition, queue))
        for partition, queue in queues.items()
    }
    try:
        await asyncio.wait(tasks.values(), timeout=_PUBLISH_SECONDS)
    finally:
        for each in tasks.values():
            each.cancel()
    ended = await asyncio.gather(*tasks.values(), return_exceptions=True)
    failed: dict[TopicPartition, Exception] = {}
    for partition, error in zip(tasks, ended, strict=True):
        if isinstance(error, Exception):
            failed[partition] = error
        elif error is not None:
            failed[partition] = TimeoutError()
    return failed


async def _append_link(
    producer: AIOKafkaProducer,
    places: asyncio.Semaphore,
    partition: TopicPartition,
    queue: deque[Outbound],
) -> None:
    """Append a link's parcels, each batch when the one before it is durable."""
    while queue:
        async with places:
            batch = next_batch(queue)
            builder = producer.create_batch()
            for parcel in batch:
                if builder.append(key=None, value=parcel, timestamp=None) is None:
                    raise RuntimeError("a batch holds what `next_batch` puts into it")
            builder.close()
            sent = await producer.send_batch(
                builder, partition.topic, partition=partition.partition
            )
            await sent
        for _ in batch:
            queue.popleft()


async def _end(producer: AIOKafkaProducer) -> None:
    """Stop a producer without its last attempts to send, which may take for ever."""
    sender = producer._sender.sender_task  # noqa: SLF001 - `stop` alone would wait for the brokers
    if sender is not None:
        sender.cancel()
    with suppress(Exception):
        await producer.stop()
