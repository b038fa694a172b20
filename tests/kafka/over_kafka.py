"""Crossings over real clusters: topics as the bundle asks, and a client for each office."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from world import OFFICES, draft_bundle
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_topics import apply_topics
from xref.drivers.kafka_transport import KafkaTransport
from xref.kafka_plan import links_on, topic
from xref.ports import Transport
from xref.wire.office import party_of

DAY_MS = 86_400_000


def make_topics(cluster: KafkaCluster, *elsewhere: str, replication: int = 1) -> None:
    wanted = [
        topic(cluster.topic(link), 1, replication, 30 * DAY_MS)
        for link in links_on(draft_bundle().directory, elsewhere)
    ]
    assert not [each for each in apply_topics(cluster, wanted) if each.differences]


@contextmanager
def carriers_on(clusters: Mapping[str, KafkaCluster]) -> Iterator[dict[str, Transport]]:
    """Open a transport for each office: its Party's cluster is its own, the others its peers'."""
    opened = {}
    for office in OFFICES:
        own = clusters[party_of(office)]
        peers = {party: each for party, each in clusters.items() if each != own}
        opened[office] = KafkaTransport(own, peers)
    try:
        yield dict(opened)
    finally:
        for each in opened.values():
            each.close()
