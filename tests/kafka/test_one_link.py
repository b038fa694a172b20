"""One link that a cluster cannot carry, on real Kafka: told with its cure, and the others go on."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from local_kafka import LocalKafka

from integration.offices import (
    ALL,
    OFFICES,
    WAIT_SECONDS,
    Offices,
    apply_topics,
    lay_out_on_kafka,
    port_kept,
    wait_for,
)
from kafka_session import delete_topic, make_link_topics, new_prefix
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_transport import KafkaTransport
from xref.errors import UnavailableError
from xref.ports import Arrival, LinksUnavailableError, Outbound
from xref.processes import Processes
from xref.wire.office import Link

pytestmark = pytest.mark.needs_kafka

THERE = Link("LAHOP001", "VNHOP001")
OTHER = Link("LAHOP001", "LANRM001")
BOTH = {THERE: 0, OTHER: 0}
Opened = Callable[[KafkaCluster], KafkaTransport]


@pytest.fixture
def cluster(kafka_servers: list[str]) -> KafkaCluster:
    return KafkaCluster(tuple(kafka_servers), prefix=new_prefix())


@pytest.fixture
def opened() -> Iterator[Opened]:
    transports: list[KafkaTransport] = []

    def open_one(own: KafkaCluster) -> KafkaTransport:
        transports.append(KafkaTransport(own))
        return transports[-1]

    yield open_one
    for each in transports:
        each.close()


def both(name: bytes) -> list[Outbound]:
    return [Outbound(link, name + b" on " + link.receiver.encode()) for link in (THERE, OTHER)]


def publish_at_last(transport: KafkaTransport, parcels: Sequence[Outbound]) -> None:
    """Publish as an outbox does: offer what is left again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while parcels:
        assert time.monotonic() < deadline, "it is never taken"
        try:
            transport.publish(parcels)
        except LinksUnavailableError as error:
            parcels = error.left
            time.sleep(0.2)
        else:
            return


def read_until(
    transport: KafkaTransport, positions: dict[Link, int], count: int, seconds: float = WAIT_SECONDS
) -> list[Arrival]:
    """Read as an office does, until so many have come."""
    deadline = time.monotonic() + seconds
    found: list[Arrival] = []
    while len(found) < count:
        assert time.monotonic() < deadline, "it does not come"
        some = transport.read(positions, 64, 0.2)
        positions.update({each.link: each.position for each in some})
        found += some
    return found


def contents(arrivals: Sequence[Arrival]) -> list[bytes]:
    return [each.parcel for each in arrivals]


@pytest.mark.parametrize("missing", [THERE, OTHER])
def test_missing_topic_stops_its_link_alone(
    cluster: KafkaCluster, opened: Opened, missing: Link
) -> None:
    (there,) = {THERE, OTHER} - {missing}
    make_link_topics(cluster, there)
    transport, first, second = opened(cluster), both(b"first"), both(b"second")
    says = f"no topic {cluster.topic(missing)}; make it with `xref kafka topics"
    with pytest.raises(LinksUnavailableError, match=says) as refused:
        transport.publish(first + second)
    left = refused.value.left
    assert left == tuple(each for each in first + second if each.link == missing)
    positions = dict(BOTH)
    got = read_until(transport, positions, 2)
    assert contents(got) == [each.parcel for each in first + second if each.link == there]
    make_link_topics(cluster, missing)
    publish_at_last(transport, left)
    got = read_until(transport, positions, 2)
    assert contents(got) == [each.parcel for each in left]


def test_start_overlooks_nothing_but_what_never_was(cluster: KafkaCluster, opened: Opened) -> None:
    """An office that starts reads its own links to the end: an old state could fork them."""
    make_link_topics(cluster, THERE)
    transport = opened(cluster)
    transport.publish([Outbound(THERE, b"a")])
    assert contents(transport.read(BOTH, 10, 0)) == [b"a"]
    with pytest.raises(UnavailableError, match=f"no topic {cluster.topic(OTHER)}"):
        opened(cluster).read({THERE: 0, OTHER: 3}, 10, 0)
    make_link_topics(cluster, OTHER)
    transport.read({THERE: 0}, 10, 0.1)
    publish_at_last(transport, [Outbound(OTHER, b"b")])
    assert sorted(contents(transport.read(BOTH, 10, 0))) == [b"a", b"b"], "at once, not later"


def test_topic_removed_or_made_anew_while_it_is_read_stops_its_link_alone(
    cluster: KafkaCluster, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    make_link_topics(cluster, THERE, OTHER)
    transport, writer = opened(cluster), opened(cluster)
    writer.publish([*both(b"first"), *both(b"second")])
    positions = dict(BOTH)
    read_until(transport, positions, 4)
    delete_topic(cluster, THERE)
    publish_at_last(writer, [Outbound(OTHER, b"without it")])
    assert contents(read_through_trouble(transport, positions)) == [b"without it"]
    make_again(cluster)
    wait_until_said(transport, positions, capsys, "ends at 0, but we have read it up to 2")
    publish_at_last(writer, [Outbound(OTHER, b"beside it")])
    assert contents(read_until(transport, positions, 1)) == [b"beside it"]


def read_through_trouble(transport: KafkaTransport, positions: dict[Link, int]) -> list[Arrival]:
    """The client may fail once before it knows which link it is."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            return read_until(transport, positions, 1)
        except UnavailableError:
            time.sleep(0.2)
    raise AssertionError("it does not come")


def make_again(cluster: KafkaCluster) -> None:
    """Make the topic whose removal may not be through everywhere yet."""
    for _ in range(10 * WAIT_SECONDS):
        try:
            make_link_topics(cluster, THERE)
        except AssertionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the old topic does not go")


def wait_until_said(
    transport: KafkaTransport,
    positions: dict[Link, int],
    capsys: pytest.CaptureFixture[str],
    text: str,
) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while text not in capsys.readouterr().out:
        assert time.monotonic() < deadline, "nobody says it"
        assert not transport.read(positions, 64, 0.2)


@pytest.mark.needs_kafka_nodes
def test_topic_that_takes_nothing_keeps_others_waiting_for_a_bounded_time(
    tmp_path: Path, opened: Opened
) -> None:
    """Two replicas must have a parcel and there is one: brokers neither refuse it nor take it."""
    with LocalKafka(tmp_path / "kafka", nodes=3) as brokers:
        cluster = KafkaCluster(tuple(brokers.servers))
        make_link_topics(cluster, OTHER)
        make_link_topics(cluster, THERE, on=[1, 2])
        brokers.kill(2)
        transport = opened(cluster)
        publish_at_last(transport, [Outbound(OTHER, b"before")])  # the killed one's successor
        started = time.monotonic()
        with pytest.raises(LinksUnavailableError, match="enough of its replicas up") as refused:
            transport.publish(both(b"first"))
        assert time.monotonic() - started < 18
        assert {each.link for each in refused.value.left} == {THERE}
        started = time.monotonic()
        with pytest.raises(LinksUnavailableError):
            transport.publish([*refused.value.left, *both(b"second")])
        assert time.monotonic() - started < 8, "it is left aside meanwhile"
        assert contents(read_until(transport, {OTHER: 0}, 3)) == [
            *(b"before", b"first on LANRM001", b"second on LANRM001")
        ]
        with pytest.raises(LinksUnavailableError, match="enough of its replicas up"):
            opened(cluster).publish([Outbound(THERE, b"alone")])


@pytest.mark.slow
def test_offices_go_on_without_the_topics_of_one(tmp_path: Path, kafka_servers: list[str]) -> None:
    """The provider's topics are not made: the NRM gets its referral, the provider's comes later."""
    cluster = KafkaCluster(tuple(kafka_servers), prefix=new_prefix())
    lay_out_on_kafka(tmp_path / "data", kafka_servers, cluster.prefix)
    to_provider = Link("VNHOP001", "VNSVC001")
    for link in (to_provider, to_provider.back):
        delete_topic(cluster, link)
    with port_kept(tmp_path / "data"), Processes() as processes:
        offices = Offices(tmp_path / "data", processes)
        for each in ALL:
            offices.start(each)
        ready = [each.folder for each in ALL if each.folder != "vn-service-provider"]
        wait_for(lambda: all(processes.is_ready(folder) for folder in ready))
        offices.submit_people()

        def outcome(kind: str) -> set[str]:
            return {said for each, said in offices.outcomes("la-nrm") if each == kind}

        wait_for(lambda: "delivered" in outcome("victim-referral"))
        wait_for(lambda: "submitted" not in outcome("service-referral"))
        assert "delivered" not in outcome("service-referral")
        for folder in ("vn-hop", "vn-service-provider"):
            (log,) = (offices.data / folder).glob("*.log")
            said = log.read_text("utf-8")
            assert f"has no topic {cluster.prefix}.VN" in said
            assert "make it with `xref kafka topics --apply`" in said
        apply_topics(offices.data)
        wait_for(lambda: "delivered" in outcome("service-referral"))
    assert len(OFFICES) == len(ready)
