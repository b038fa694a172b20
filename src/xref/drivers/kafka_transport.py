"""The transport over Kafka: a topic a link, a partition a shard. Positions are the caller's.

A Party may keep a cluster of its own: an office publishes on its own cluster and reads each peer's
links from that peer's.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from xref.drivers.kafka_connection import EventLoop, KafkaCluster, client_arguments
from xref.drivers.kafka_reader import Reader
from xref.drivers.kafka_writer import Writer
from xref.errors import UnavailableError
from xref.ports import Arrival, Outbound
from xref.wire.office import Link, party_of

_LATE_SECONDS: Final = 0.1
_OWN: Final = ""
_log = structlog.get_logger()


class KafkaTransport:
    """A `Transport` on the cluster `own`; links from offices of `peers` are on these clusters."""

    def __init__(self, own: KafkaCluster, peers: Mapping[str, KafkaCluster] | None = None) -> None:
        """Start the clients' thread; they connect when they are used."""
        self._clusters = {_OWN: own, **(peers or {})}
        for each in self._clusters.values():
            client_arguments(each)  # so that a file that cannot be used is told at once
        self._writer = Writer(own)
        self._readings = {
            party: _Reading(party, cluster) for party, cluster in self._clusters.items()
        }
        self._loop: EventLoop | None = EventLoop()

    def _running(self) -> EventLoop:
        if self._loop is None:
            raise UnavailableError("the transport is closed")
        return self._loop

    def publish(self, parcels: Sequence[Outbound]) -> None:
        """Append the parcels to their links, in order; they are durable on return."""
        loop = self._running()
        if parcels:
            loop.run(self._writer.publish(parcels))

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        """Return up to `limit` parcels behind the given positions."""
        return self._running().run(self._read(after, limit, wait_seconds))

    async def _read(
        self, after: Mapping[Link, int], limit: int, wait_seconds: float
    ) -> list[Arrival]:
        by_party: dict[str, dict[Link, int]] = {}
        for link, position in after.items():
            by_party.setdefault(self._party(link), {})[link] = position
        if not by_party:
            await asyncio.sleep(wait_seconds)
            return []
        if len(by_party) == 1:
            ((party, positions),) = by_party.items()
            return await self._readings[party].alone(positions, limit, wait_seconds)
        share = max(1, limit // len(by_party))
        used = [self._readings[party] for party in sorted(by_party)]
        for each in used:
            await each.start(by_party[each.party], share, wait_seconds)
        await _first(used, wait_seconds)
        found: list[Arrival] = []
        for each in used:
            if len(found) + share <= limit:
                found += each.take()
        return found

    def numbering(self, link: Link) -> str:
        """Name what positions count in: whose cluster, which topics, made for which time."""
        party = self._party(link)
        cluster = self._clusters[party]
        return f"kafka/{party}/{cluster.prefix}/{cluster.contents}"

    def _party(self, link: Link) -> str:
        """Return whose cluster a link is on; one's own has no name."""
        party = party_of(link.sender)
        return party if party in self._clusters else _OWN

    def close(self) -> None:
        """End the clients and their thread."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.run(self._close())
            loop.close()

    async def _close(self) -> None:
        await asyncio.gather(
            self._writer.close(), *(each.close() for each in self._readings.values())
        )


class _Reading:
    """Reads one cluster among several; a read may outlast a call, so that none waits for another.

    A peer's cluster that is away is told once, and does not stop the rest.
    """

    def __init__(self, party: str, cluster: KafkaCluster) -> None:
        self.party = party
        self._reader = Reader(cluster)
        self._task: asyncio.Task[list[Arrival]] | None = None
        self._asked: tuple[Mapping[Link, int], int, float] | None = None
        self._is_away = False

    async def alone(
        self, after: Mapping[Link, int], limit: int, wait_seconds: float
    ) -> list[Arrival]:
        await self._drop()
        return await self._reader.read(after, limit, wait_seconds)

    async def start(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> None:
        """Begin to read, or go on with what was asked for before."""
        asked = (after, limit, wait_seconds)
        if self._asked == asked and self._has_to_tell:
            return
        await self._drop()
        self._asked = asked
        read = self._reader.read(after, limit, wait_seconds)
        self._task = asyncio.get_running_loop().create_task(read)

    async def _drop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError, UnavailableError):
                await task

    @property
    def pending(self) -> "asyncio.Task[list[Arrival]] | None":
        """The read that goes on, if one does."""
        return None if self._task is None or self._task.done() else self._task

    @property
    def has_parcels(self) -> bool:
        """Whether a read is done that found something."""
        task = self._task
        return task is not None and self._has_to_tell and task.done() and task.exception() is None

    @property
    def _has_to_tell(self) -> bool:
        """Whether a read goes on, or has ended with more than nothing."""
        task = self._task
        if task is None or not task.done():
            return task is not None
        return task.exception() is not None or bool(task.result())

    def take(self) -> list[Arrival]:
        """Return what was found; raises `UnavailableError` if the own cluster is away."""
        if self._task is None or not self._task.done():
            return []
        task, self._task = self._task, None
        try:
            found = task.result()
        except UnavailableError as error:
            if self.party == _OWN:
                raise
            if not self._is_away:
                _log.warning("a peer's cluster is away", party=self.party, reason=str(error))
            self._is_away = True
            return []
        if self._is_away:
            _log.info("a peer's cluster is back", party=self.party)
        self._is_away = False
        return found

    async def close(self) -> None:
        """End the read and the reader."""
        await self._drop()
        await self._reader.close()


async def _first(used: Sequence[_Reading], wait_seconds: float) -> None:
    """Wait until one of the reads has found something, or for all of them if nothing may wait."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait_seconds + _LATE_SECONDS
    while not any(each.has_parcels for each in used) or not wait_seconds:
        waiting = [each.pending for each in used if each.pending is not None]
        left = deadline - clock() if wait_seconds else None
        if not waiting or (left is not None and left <= 0):
            return
        await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
