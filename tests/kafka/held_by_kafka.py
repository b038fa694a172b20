"""What an attacker who runs the cluster holds: the attack tests' transport, on real Kafka.

Offices publish and read through the product's driver. In between the test changes `_parcels` as it
does with the memory transport; what differs from the topic is written to Kafka before anybody
reads: appended, or the link's topic made anew with what the attacker wants it to hold.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka.structs import TopicPartition
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from kafka_session import new_prefix
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_transport import KafkaTransport
from xref.drivers.memory import MemoryTransport
from xref.ports import Arrival, Outbound
from xref.wire.office import Link

TOPICS_AT_ONCE = 64
LARGE_BYTES = 4_000_000  # who runs the cluster can raise every bound of it
VISIBLE_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class NamedCluster(KafkaCluster):
    """A cluster on which a link's topic is the one that the attacker says."""

    names: dict[Link, str] = field(default_factory=dict, compare=False)

    def topic(self, link: Link) -> str:
        return self.names[link]

    def partition(self, link: Link) -> TopicPartition:
        return TopicPartition(self.names[link], 0)


class Attacker:
    """A client with every right on the cluster, topics in store, and the offices' own clients."""

    def __init__(self, servers: Sequence[str]) -> None:
        self.servers = tuple(servers)
        there: dict[str, str | int | float | bool] = {"bootstrap.servers": ",".join(servers)}
        self._admin = AdminClient(there)
        self._producer = Producer({**there, "message.max.bytes": LARGE_BYTES, "linger.ms": 0})
        self._names = self._made()
        self._topics: list[str] = []
        self._clients: dict[frozenset[Link], tuple[NamedCluster, KafkaTransport]] = {}

    def _made(self) -> Iterable[str]:
        """Make topics, many at once, and hand them out one by one."""
        while True:
            names = [f"{new_prefix()}-{n}" for n in range(TOPICS_AT_ONCE)]
            settings = {"max.message.bytes": str(LARGE_BYTES)}
            new = [NewTopic(name, 1, 1, config=settings) for name in names]
            for made in self._admin.create_topics(new).values():
                made.result(VISIBLE_SECONDS)
            self._topics += names
            while not self._admin.list_topics(timeout=VISIBLE_SECONDS).topics.keys() >= set(names):
                pass
            yield from names

    def new_topic(self) -> str:
        return next(iter(self._names))

    def write(self, topic: str, parcels: Sequence[bytes]) -> None:
        for parcel in parcels:
            self._producer.produce(topic, parcel, partition=0)
        assert self._producer.flush(VISIBLE_SECONDS) == 0

    def client(self, links: Iterable[Link], names: Mapping[Link, str]) -> KafkaTransport:
        """The client of whoever uses these links, on topics of these names."""
        key = frozenset(links)
        if key not in self._clients:
            cluster = NamedCluster(self.servers)
            self._clients[key] = cluster, KafkaTransport(cluster)
        cluster, client = self._clients[key]
        cluster.names.update({link: names[link] for link in key})
        return client

    def close(self) -> None:
        for _, client in self._clients.values():
            client.close()
        # Where a worker has run none but tests that send nothing, there is no topic.
        for removed in (self._admin.delete_topics(self._topics) if self._topics else {}).values():
            removed.result(VISIBLE_SECONDS)
        del self._producer, self._admin  # else they go on looking for a broker that has ended


class HeldByKafka(MemoryTransport):
    """A transport whose parcels are on real Kafka; `_parcels` is what the attacker has it hold."""

    def __init__(self, attacker: Attacker) -> None:
        super().__init__()
        self._attacker = attacker
        self._names: dict[Link, str] = {}
        self._there: dict[Link, list[bytes]] = {}

    def publish(self, parcels: Sequence[Outbound]) -> None:
        links = list(dict.fromkeys(each.link for each in parcels))
        self._name(links)
        # Each sender by a client of its own, as its process would have.
        for sender, some in itertools.groupby(links, lambda link: (link.sender, link.shard)):
            own = list(some)
            client = self._attacker.client(own, self._names)
            client.publish([each for each in parcels if each.link in own])
            assert sender
        for each in parcels:
            self._there[each.link].append(each.parcel)
        super().publish(parcels)

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        self._name(after)
        for link in after:
            self._tamper(link)
        return self._attacker.client(after, self._names).read(after, limit, wait_seconds)

    def _name(self, links: Iterable[Link]) -> None:
        for link in links:
            if link not in self._names:
                self._names[link] = self._attacker.new_topic()
                self._there[link] = []

    def _tamper(self, link: Link) -> None:
        """Have the topic hold what the attacker wants."""
        wanted, there = list(self._parcels.get(link, ())), self._there[link]
        if wanted == there:
            return
        if wanted[: len(there)] != there:
            self._names[link], there = self._attacker.new_topic(), []
        self._attacker.write(self._names[link], wanted[len(there) :])
        self._there[link] = wanted
