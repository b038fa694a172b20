"""Brokers that fall: one restarted under us, and three of which one at a time is killed."""

import time
from collections.abc import Iterator

import pytest
from local_kafka import LocalKafka

from kafka_session import make_link_topics
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_topics import apply_topics
from xref.drivers.kafka_transport import KafkaTransport
from xref.errors import UnavailableError
from xref.kafka_plan import topic
from xref.ports import Arrival, Outbound
from xref.wire.office import Link

pytestmark = pytest.mark.needs_kafka_nodes

THERE = Link("LAHOP001", "VNHOP001")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker as many run it: it makes a topic whenever one is asked for by name."""
    settings = {"auto.create.topics.enable": "true"}
    with LocalKafka(tmp_path_factory.mktemp("nodes") / "kafka", settings=settings) as kafka:
        yield kafka


def test_cluster_that_makes_topics_by_itself_makes_none_for_us(broker: LocalKafka) -> None:
    cluster = KafkaCluster(tuple(broker.servers), prefix="never-made")
    transport = KafkaTransport(cluster)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="has no topic never-made"):
            transport.publish([Outbound(THERE, b"a")])
        with pytest.raises(UnavailableError, match="has no topic never-made"):
            transport.read({THERE: 0}, 10, 0.1)
    [made] = apply_topics(cluster, [topic(cluster.topic(THERE), 3, 1, 86_400_000)])
    assert made.state == "made", "with the partitions that were asked for, not the cluster's one"
    transport.close()


def test_broker_restarted_under_us(broker: LocalKafka) -> None:
    """Unavailable meanwhile, then available again by itself: order kept, nothing lost."""
    cluster = KafkaCluster(tuple(broker.servers))
    make_link_topics(cluster, THERE)
    transport = KafkaTransport(cluster)
    transport.publish([Outbound(THERE, b"%d" % n) for n in range(50)])
    got = list(transport.read({THERE: 0}, 20, 5))
    broker.kill(1)
    with pytest.raises(UnavailableError, match="does not answer"):
        read_on(transport, 50)
    broker.start(1)
    sent = [b"%d" % n for n in range(50)]
    for number in range(50, 60):
        sent.append(b"%d" % number)
        publish_at_last(transport, sent[-1])
    while len(got) < len(sent):
        got += read_at_last(transport, got[-1].position)
    assert list(dict.fromkeys(each.parcel for each in got)) == sent
    transport.close()


def read_on(transport: KafkaTransport, position: int) -> None:
    for _ in range(100):
        assert not transport.read({THERE: position}, 20, 0.2)


def publish_at_last(transport: KafkaTransport, parcel: bytes) -> None:
    """Publish as a hop does: again and again until it is durable."""
    until = time.monotonic() + 180  # a link that was set aside is tried again after half a minute
    while time.monotonic() < until:
        try:
            transport.publish([Outbound(THERE, parcel)])
        except UnavailableError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("never available again")


def read_at_last(transport: KafkaTransport, position: int) -> list[Arrival]:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        try:
            if found := transport.read({THERE: position}, 20, 0.2):
                return list(found)
        except UnavailableError:
            time.sleep(0.2)
    raise AssertionError("never available again")
