"""Publishing on a Kafka cluster: one batch of a link at a time, durable on every in-sync replica.

A batch is appended whole or not at all, and a link's next one is sent when the last is durable: so
nothing overtakes what failed. Batches are not compressed: sealed bytes do not shrink.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from xref.drivers.kafka_connection import (
    CLIENT_LOG,
    KafkaCluster,
    check_topics,
    client_arguments,
    unavailable,
)
from xref.limits import KAFKA_BATCH_BYTES_MAX, KAFKA_REQUEST_BYTES_MAX
from xref.ports import Outbound

# Longer than a cluster of three needs to replace a leader that was killed.
_PUBLISH_SECONDS: Final = 25.0
_START_SECONDS: Final = 15.0
_END_SECONDS: Final = 3.0
_RECORD_OVERHEAD_BYTES: Final = 64

Round = list[tuple[TopicPartition, list[bytes]]]


def rounds(cluster: KafkaCluster, parcels: Sequence[Outbound]) -> Iterator[Round]:
    """Split parcels into rounds, each with at most one batch a link and bounded in bytes."""
    queues: dict[TopicPartition, deque[bytes]] = {}
    for each in parcels:
        queues.setdefault(cluster.partition(each.link), deque()).append(each.parcel)
    while queues:
        chosen: Round = []
        room = KAFKA_REQUEST_BYTES_MAX
        for partition, queue in list(queues.items()):
            batch = _take_batch(queue)
            chosen.append((partition, batch))
            room -= sum(map(len, batch))
            if not queue:
                del queues[partition]
            if room < KAFKA_BATCH_BYTES_MAX:
                break
        yield chosen


def _take_batch(queue: deque[bytes]) -> list[bytes]:
    """Take what fits one batch from the front, one parcel at least."""
    batch = [queue.popleft()]
    room = KAFKA_BATCH_BYTES_MAX - len(batch[0]) - 2 * _RECORD_OVERHEAD_BYTES
    while queue and len(queue[0]) + _RECORD_OVERHEAD_BYTES <= room:
        batch.append(queue.popleft())
        room -= len(batch[-1]) + _RECORD_OVERHEAD_BYTES
    return batch


class Writer:
    """The one producer of a process for a cluster; made anew after any failure."""

    def __init__(self, cluster: KafkaCluster) -> None:
        """Connect at the first publishing."""
        self._cluster = cluster
        self._producer: AIOKafkaProducer | None = None
        self._known: set[TopicPartition] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def publish(self, parcels: Sequence[Outbound]) -> None:
        """Append the parcels to their links; raises `UnavailableError` if it cannot tell."""
        try:
            await self._check({self._cluster.partition(each.link) for each in parcels})
            producer = await self._started()
            async with asyncio.timeout(_PUBLISH_SECONDS):
                for each in rounds(self._cluster, parcels):
                    await _append(producer, each)
        except BaseException as error:
            self._abandon()
            if isinstance(error, Exception):
                raise unavailable(self._cluster, error) from error
            raise
        CLIENT_LOG.settled()

    async def _check(self, partitions: set[TopicPartition]) -> None:
        unknown = partitions - self._known
        if unknown:
            await check_topics(self._cluster, unknown)
            self._known |= unknown

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
            async with asyncio.timeout(_START_SECONDS):
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


async def _append(producer: AIOKafkaProducer, batches: Round) -> None:
    """Send one batch for each link and wait until every one is durable."""
    waiting: list[asyncio.Future[object]] = []
    for partition, parcels in batches:
        builder = producer.create_batch()
        for parcel in parcels:
            if builder.append(key=None, value=parcel, timestamp=None) is None:
                raise RuntimeError("a batch holds what `rounds` puts into it")
        builder.close()
        sent = await producer.send_batch(builder, partition.topic, partition=partition.partition)
        waiting.append(sent)
    await asyncio.gather(*waiting)


async def _end(producer: AIOKafkaProducer) -> None:
    """Stop a producer without its last attempts to send, which may take for ever."""
    sender = producer._sender.sender_task  # noqa: SLF001 - `stop` alone would wait for the brokers
    if sender is not None:
        sender.cancel()
    with suppress(Exception):
        await producer.stop()
