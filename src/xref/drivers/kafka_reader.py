"""Reading from a Kafka cluster at positions that the caller keeps: no groups, no commits.

A position is the offset behind a parcel, so it is also the offset to read on from.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    CorruptRecordException,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)
from aiokafka.structs import TopicPartition

from xref.drivers.kafka_aside import Aside
from xref.drivers.kafka_connection import (
    CLIENT_LOG,
    CONNECT_SECONDS,
    KafkaCluster,
    MissingTopicError,
    check_topics,
    client_arguments,
    unavailable,
)
from xref.errors import UnavailableError
from xref.limits import KAFKA_BATCH_BYTES_MAX, KAFKA_REQUEST_BYTES_MAX
from xref.ports import Arrival
from xref.wire.office import Link

# The broker answers an idle fetch after this; until then a new position has to wait.
_IDLE_FETCH_MS: Final = 200
_OFFSETS_SECONDS: Final = 5.0
_END_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 1.0
_SILENT_SECONDS: Final = 5.0
_DAMAGED: Final = (CorruptRecordException, RecordTooLargeError, UnsupportedCodecError)
_log = structlog.get_logger()


class Reader:
    """The one consumer of a process for a cluster; made anew after failures and when it is silent.

    A consumer can stop without a word (aiokafka issue 1037): one that brings nothing for a while,
    though its links go on, is replaced. A link that cannot be read is left aside for a while, so
    that it keeps no other waiting.
    """

    def __init__(self, cluster: KafkaCluster) -> None:
        """Connect at the first reading."""
        self._cluster = cluster
        self._aside = Aside("reading")
        self._consumer: AIOKafkaConsumer | None = None
        self._links: dict[TopicPartition, Link] = {}
        self._next: dict[TopicPartition, int] = {}
        self._look_at = 0.0
        self._silent_since: float | None = None

    async def read(
        self, after: Mapping[Link, int], limit: int, wait_seconds: float
    ) -> list[Arrival]:
        """Return up to `limit` parcels behind the positions, each link's in order.

        Waiting, it waits for the first parcel of the links that can be read. Without waiting it
        reads on to all links' present ends, or raises: who asks so must not overlook any.
        """
        try:
            if wait_seconds > 0:
                found = await self._read_some(after, limit, wait_seconds)
            else:
                found = await self._read_to_end(await self._at(after, is_whole=True), limit)
        except BaseException as error:
            self._next.clear()
            if isinstance(error, Exception):
                await self._discard()
                raise unavailable(self._cluster, error) from error
            raise
        CLIENT_LOG.settled()
        return found

    async def _read_some(
        self, after: Mapping[Link, int], limit: int, wait_seconds: float
    ) -> list[Arrival]:
        consumer = await self._at(after, is_whole=False)
        try:
            found = await self._fetch(consumer, limit, wait_seconds)
        except TopicAuthorizationFailedError as error:
            self._leave_aside(error)
            return []
        if not found:
            await self._look(consumer)
        return found

    def _leave_aside(self, error: TopicAuthorizationFailedError) -> None:
        """Go on without a topic that we may look up but not read."""
        for each in self._next:
            if each.topic in error.args:
                self._aside.put(each, unavailable(self._cluster, error))

    async def _at(self, after: Mapping[Link, int], *, is_whole: bool) -> AIOKafkaConsumer:
        """Return the consumer at the positions of those links that can be read."""
        wanted = {self._cluster.partition(link): position for link, position in after.items()}
        if self._consumer is None:
            self._consumer = await self._start()
            self._next = {}
        consumer = self._consumer
        await self._check(wanted, is_whole=is_whole)
        usable = {each: at for each, at in wanted.items() if not self._aside.holds(each)}
        if wanted and not usable:
            raise self._aside.reason(wanted)
        if usable.keys() != consumer.assignment():
            consumer.assign(list(usable))
            self._next = {}
        self._links = {self._cluster.partition(link): link for link in after}
        for partition, position in usable.items():
            if self._next.get(partition) != position:
                consumer.seek(partition, position)
                self._next[partition] = position
        return consumer

    async def _check(self, wanted: Mapping[TopicPartition, int], *, is_whole: bool) -> None:
        """Look up the topics that are not read yet; leave those aside that cannot be.

        Where the whole is asked for, only what was never there may be left out: it holds nothing.
        """
        assigned = self._consumer.assignment() if self._consumer else frozenset()
        due = {each for each in wanted.keys() - assigned if is_whole or not self._aside.holds(each)}
        troubles = await check_topics(self._cluster, due) if due else {}
        self._aside.release(due - troubles.keys())
        for partition, reason in sorted(troubles.items()):
            if is_whole and not (isinstance(reason, MissingTopicError) and not wanted[partition]):
                raise reason
            self._aside.put(partition, reason)

    async def _start(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **client_arguments(self._cluster),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=_IDLE_FETCH_MS,
            fetch_max_bytes=KAFKA_REQUEST_BYTES_MAX,
            max_partition_fetch_bytes=KAFKA_BATCH_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await consumer.start()
        except BaseException:
            await _stop(consumer)
            raise
        self._silent_since = None
        return consumer

    async def _discard(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._next = {}
        if consumer is not None:
            await _stop(consumer)

    async def close(self) -> None:
        """End the consumer."""
        await self._discard()

    async def _fetch(
        self, consumer: AIOKafkaConsumer, limit: int, wait_seconds: float
    ) -> list[Arrival]:
        """Return what is there or comes first; the client keeps order within a link."""
        try:
            got = await consumer.getmany(timeout_ms=int(wait_seconds * 1000), max_records=limit)
        except OffsetOutOfRangeError as error:
            await self._find_place(consumer, error)
            return []
        except _DAMAGED:
            return await self._isolate(consumer, limit)
        return self._taken(got)

    def _taken(self, got: Mapping[TopicPartition, Any]) -> list[Arrival]:
        found: list[Arrival] = []
        for partition, records in got.items():
            link = self._links[partition]
            found += [Arrival(link, each.offset + 1, each.value or b"") for each in records]
            self._next[partition] = found[-1].position
        if found:
            self._silent_since = None
            self._aside.settle(got)
        return found

    async def _read_to_end(self, consumer: AIOKafkaConsumer, limit: int) -> list[Arrival]:
        ends = await self._ends(consumer, is_whole=True)
        found: list[Arrival] = []
        deadline = time.monotonic() + _SILENT_SECONDS
        while len(found) < limit and await _is_behind(consumer, ends):
            some = await self._fetch(consumer, limit - len(found), 0.5)
            if some:
                deadline = time.monotonic() + _SILENT_SECONDS
            elif time.monotonic() > deadline:
                raise UnavailableError(f"Kafka at {self._cluster} holds parcels that do not come")
            found += some
        return found

    async def _ends(
        self, consumer: AIOKafkaConsumer, *, is_whole: bool = False
    ) -> dict[TopicPartition, int]:
        """Return the links' ends; one before our position is left aside, or raised."""
        async with asyncio.timeout(_OFFSETS_SECONDS):
            ends: dict[TopicPartition, int] = await consumer.end_offsets(list(self._next))
        beyond = {each for each, end in ends.items() if self._next[each] > end}
        for each in beyond:
            reason = self._beyond(each, ends[each])
            if is_whole:
                raise reason
            self._aside.put(each, reason)
        return {each: end for each, end in ends.items() if each not in beyond}

    def _beyond(self, partition: TopicPartition, end: int) -> UnavailableError:
        return UnavailableError(
            f"Kafka at {self._cluster}: topic {partition.topic} ends at {end}, but we have read it "
            f"up to {self._next[partition]}. It was made anew or has lost parcels: find out why; "
            "then raise `contents` by one in every configuration that names this cluster"
        )

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """See from time to time whether nothing came because there is nothing."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        ends = await self._ends(consumer)
        self._aside.settle(ends)
        if not await _is_behind(consumer, ends):
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since > _SILENT_SECONDS:
            _log.warning("a Kafka consumer went silent and is made anew")
            await self._discard()

    async def _find_place(self, consumer: AIOKafkaConsumer, error: OffsetOutOfRangeError) -> None:
        """Read on from the start of what retention left; refuse a topic that is too short."""
        async with asyncio.timeout(_OFFSETS_SECONDS):
            starts = await consumer.beginning_offsets(list(error.args[0]))
        ends = await self._ends(consumer)
        for partition, start in starts.items():
            if partition not in ends:
                continue
            consumer.seek(partition, max(start, self._next[partition]))
            if 0 < self._next[partition] < start:
                _log.warning(
                    "parcels were removed before they were read",
                    topic=partition.topic,
                    parcels=start - self._next[partition],
                )

    async def _isolate(self, consumer: AIOKafkaConsumer, limit: int) -> list[Arrival]:
        """Read one record of each link; one that cannot be decoded is handed over as no bytes.

        The core drops it, so that a damaged or foreign record stops neither its link nor others.
        """
        ends = await self._ends(consumer)
        found: list[Arrival] = []
        for partition, end in ends.items():
            position = self._next[partition]
            consumer.seek(partition, position)
            if position >= end or len(found) >= limit:
                continue
            try:
                # One alone: a second may be the damaged one, and would take the first with it.
                got = await consumer.getmany(partition, timeout_ms=2_000, max_records=1)
            except _DAMAGED:
                _log.warning("a record cannot be decoded", topic=partition.topic, offset=position)
                consumer.seek(partition, position + 1)
                self._next[partition] = position + 1
                found.append(Arrival(self._links[partition], position + 1, b""))
            else:
                found += self._taken(got)
        return found


async def _is_behind(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    """Return whether anything between the consumer's positions and the ends was not read."""
    return any([await consumer.position(each) < end for each, end in ends.items()])


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, and its connections too where its own `stop` fails half way, as it may."""
    client = consumer._client  # noqa: SLF001 - there is no other way to it
    for work in (consumer.stop(), client.close()):
        task = asyncio.get_running_loop().create_task(work)
        await asyncio.wait([task], timeout=_END_SECONDS)
        if not task.done():
            task.cancel()
        elif not task.cancelled():
            task.exception()  # seen, so that nobody reports it as forgotten
