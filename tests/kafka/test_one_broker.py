"""What the Kafka transport owes beyond every transport's suite, on the session's real broker."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from confluent_kafka import Producer

from kafka_session import delete_topic, make_link_topics, new_prefix
from xref.drivers import kafka_reader
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_topics import apply_topics
from xref.drivers.kafka_transport import KafkaTransport
from xref.errors import UnavailableError
from xref.kafka_plan import topic
from xref.ports import Arrival, Outbound
from xref.wire.office import Link

pytestmark = pytest.mark.needs_kafka

THERE = Link("LAHOP001", "VNHOP001")
BACK = THERE.back
DAY_MS = 86_400_000


@pytest.fixture
def cluster(kafka_servers: list[str]) -> KafkaCluster:
    return KafkaCluster(tuple(kafka_servers), prefix=new_prefix())


Opened = Callable[..., KafkaTransport]


@pytest.fixture
def opened() -> Iterator[Opened]:
    transports: list[KafkaTransport] = []

    def open_one(own: KafkaCluster, **peers: KafkaCluster) -> KafkaTransport:
        transports.append(KafkaTransport(own, peers))
        return transports[-1]

    yield open_one
    for each in transports:
        each.close()


def put(transport: KafkaTransport, link: Link, *parcels: bytes) -> None:
    transport.publish([Outbound(link, parcel) for parcel in parcels])


def read_on(transport: KafkaTransport, position: int, seconds: float = 180) -> list[Arrival]:
    """Read a link until something comes, as a running hop does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := transport.read({THERE: position}, 64, 0.2):
            return list(found)
    raise AssertionError("nothing came")


def dead_cluster() -> KafkaCluster:
    return KafkaCluster(("127.0.0.1:9",))


# -- topics ----------------------------------------------------------------------------------------


def test_a_missing_topic_is_named_with_its_cure_and_not_made(
    cluster: KafkaCluster, opened: Opened
) -> None:
    transport = opened(cluster)
    says = rf"no topic {cluster.prefix}\.LAHOP001\.VNHOP001; make it with `xref kafka topics"
    for _ in range(2):
        with pytest.raises(UnavailableError, match=says):
            put(transport, THERE, b"a")
        with pytest.raises(UnavailableError, match=says):
            transport.read({THERE: 0}, 10, 0)
    make_link_topics(cluster, THERE)
    put(opened(cluster), THERE, b"a")
    assert [each.parcel for each in transport.read({THERE: 0}, 10, 0)] == [b"a"]


def test_a_missing_shard_is_named(cluster: KafkaCluster, opened: Opened) -> None:
    make_link_topics(cluster, THERE)
    with pytest.raises(UnavailableError, match="has no partition 3 for this shard"):
        put(opened(cluster), Link("LAHOP001", "VNHOP001", 3), b"a")


def test_topics_are_made_once_then_enlarged_and_compared(cluster: KafkaCluster) -> None:
    name = cluster.topic(THERE)
    wanted = topic(name, 1, 1, 30 * DAY_MS)
    assert [(a.state, a.differences) for a in apply_topics(cluster, [wanted])] == [("made", ())]
    more = topic(name, 2, 1, 30 * DAY_MS)
    assert [(a.state, a.differences) for a in apply_topics(cluster, [more])] == [("enlarged", ())]
    other = topic(name, 1, 3, 7 * DAY_MS)
    [compared] = apply_topics(cluster, [other])
    assert compared.state == "found"
    assert compared.differences == (
        "has 2 partitions, not 1",
        "has 1 replicas, not 3",
        f"retention.ms is {30 * DAY_MS}, not {7 * DAY_MS}",
        "min.insync.replicas is 1, not 2",
    )


def test_topics_that_the_cluster_cannot_make_are_named(cluster: KafkaCluster) -> None:
    with pytest.raises(UnavailableError, match=r"does not make topic .*InvalidReplication"):
        apply_topics(cluster, [topic(cluster.topic(THERE), 1, 99, DAY_MS)])


# -- positions -------------------------------------------------------------------------------------


def test_topic_made_anew_is_not_read_as_though_it_were_the_old(
    cluster: KafkaCluster, opened: Opened
) -> None:
    make_link_topics(cluster, THERE)
    transport = opened(cluster)
    put(transport, THERE, b"a", b"b", b"c")
    delete_topic(cluster, THERE)
    make_again(cluster)
    says = rf"topic {cluster.prefix}\.LAHOP001\.VNHOP001 ends at 0, .* read it up to 3\b.*contents"
    for wait_seconds in (0, 0.2):
        with pytest.raises(UnavailableError, match=says):
            read_again_and_again(opened(cluster), 3, wait_seconds)
    renewed = KafkaCluster(cluster.servers, prefix=cluster.prefix, contents=2)
    assert opened(renewed).numbering(THERE) != transport.numbering(THERE)


def read_again_and_again(transport: KafkaTransport, position: int, wait_seconds: float) -> None:
    for _ in range(30):
        assert not transport.read({THERE: position}, 10, wait_seconds)


def make_again(cluster: KafkaCluster) -> None:
    """Make a topic whose removal may not be through everywhere yet."""
    for _ in range(100):
        try:
            make_link_topics(cluster, THERE)
        except AssertionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the old topic does not go")


def test_reading_goes_on_where_retention_left_something(
    cluster: KafkaCluster, opened: Opened
) -> None:
    make_link_topics(cluster, THERE)
    transport = opened(cluster)
    put(transport, THERE, *[b"%d" % n for n in range(10)])
    asyncio.run(remove_before(cluster, 6))
    for wait_seconds in (0, 2):
        reader = opened(cluster)
        left = [each for _ in range(3) for each in reader.read({THERE: 2}, 10, wait_seconds)][:4]
        assert [(each.position, each.parcel) for each in left] == [
            (n + 1, b"%d" % n) for n in range(6, 10)
        ], wait_seconds


async def remove_before(cluster: KafkaCluster, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(cluster.servers))
    await admin.start()
    await admin.delete_records({cluster.partition(THERE): RecordsToDelete(before_offset=offset)})
    await admin.close()


# -- reading ---------------------------------------------------------------------------------------


def test_consumer_that_went_silent_is_replaced(
    cluster: KafkaCluster, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in aiokafka issue 1037: no error, no end, and nothing comes any more."""
    monkeypatch.setattr(kafka_reader, "_SILENT_SECONDS", 0.5)
    make_link_topics(cluster, THERE)
    transport = opened(cluster)
    put(transport, THERE, b"before")
    assert [each.parcel for each in read_on(transport, 0)] == [b"before"]
    silence(transport)
    put(transport, THERE, b"after")
    assert transport.read({THERE: 1}, 10, 0.2) == []
    assert [each.parcel for each in read_on(transport, 1)] == [b"after"]


def test_silent_consumer_does_not_pass_for_the_end_of_a_link(
    cluster: KafkaCluster, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At start an office reads its own link to the end: it must not stop short of it."""
    monkeypatch.setattr(kafka_reader, "_SILENT_SECONDS", 0.5)
    make_link_topics(cluster, THERE)
    transport = opened(cluster)
    put(transport, THERE, b"a")
    read_on(transport, 0)
    silence(transport)
    put(transport, THERE, b"b")
    with pytest.raises(UnavailableError, match="parcels that do not come"):
        transport.read({THERE: 1}, 10, 0)
    assert [each.parcel for each in transport.read({THERE: 1}, 10, 0)] == [b"b"]


def silence(transport: KafkaTransport) -> None:
    """End the client's own fetching, which tells nobody."""
    consumer = transport._readings[""]._reader._consumer
    assert consumer is not None
    assert transport._loop is not None
    transport._loop._loop.call_soon_threadsafe(consumer._fetcher._fetch_task.cancel)
    time.sleep(0.5)  # until the last fetch under way has come back empty


def test_busy_link_does_not_keep_others_waiting(cluster: KafkaCluster, opened: Opened) -> None:
    make_link_topics(cluster, THERE, BACK)
    transport = opened(cluster)
    put(transport, THERE, *[b"%d" % n + bytes(8000) for n in range(600)])
    put(transport, BACK, b"small")
    positions = {THERE: 0, BACK: 0}
    got: list[Arrival] = []
    while not any(each.link == BACK for each in got):
        some = transport.read(positions, 16, 1)
        positions.update({each.link: each.position for each in some})
        got += some
    assert len(got) < 300


def test_record_that_cannot_be_decoded_stops_neither_its_link_nor_others(
    cluster: KafkaCluster, opened: Opened
) -> None:
    """A peer's faulty or hostile client compresses as we cannot: dropped by the core, no more."""
    make_link_topics(cluster, THERE, BACK)
    transport = opened(cluster)
    put(transport, THERE, b"first")
    foreign(cluster, "zstd", b"foreign" * 100)
    put(transport, THERE, b"last")
    put(transport, BACK, b"other link")
    positions = {THERE: 0, BACK: 0}
    got: list[Arrival] = []
    deadline, after_all = time.monotonic() + 180, 0
    while after_all < 4 and time.monotonic() < deadline:  # that nothing else comes then
        some = transport.read(positions, 16, 0.2)
        positions.update({each.link: each.position for each in some})
        got += some
        after_all += len(got) >= 4
    assert [each.parcel for each in got if each.link == THERE] == [b"first", b"", b"last"]
    assert [each.parcel for each in got if each.link == BACK] == [b"other link"]


def test_topics_of_ours_store_what_every_reader_can_read(
    cluster: KafkaCluster, opened: Opened
) -> None:
    apply_topics(cluster, [topic(cluster.topic(THERE), 1, 1, DAY_MS)])
    foreign(cluster, "zstd", b"foreign" * 100)
    assert [each.parcel for each in opened(cluster).read({THERE: 0}, 9, 0)] == [b"foreign" * 100]


def foreign(cluster: KafkaCluster, compression: str, record: bytes) -> None:
    """Publish with another client."""
    producer = Producer(
        {"bootstrap.servers": ",".join(cluster.servers), "compression.type": compression}
    )
    producer.produce(cluster.topic(THERE), record, partition=0)
    assert producer.flush(180) == 0


# -- publishing ------------------------------------------------------------------------------------

WRITER = """
import os, sys
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_transport import KafkaTransport
from xref.ports import Outbound
from xref.wire.office import Link
transport = KafkaTransport(KafkaCluster((sys.argv[1],), prefix=sys.argv[2]))
for number in range(int(sys.argv[4])):
    parcel = f"{sys.argv[3]} {number}".encode()
    transport.publish([Outbound(Link("LAHOP001", "VNHOP001"), parcel)])
print("durable", flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_publish_returned_from_survives_a_kill(cluster: KafkaCluster, opened: Opened) -> None:
    make_link_topics(cluster, THERE)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, cluster.servers[0], cluster.prefix, name, "12"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second")
    ]
    for writer in writers:
        assert writer.communicate(timeout=180)[0] == "durable\n"
        assert writer.returncode == -9
    got = [each.parcel for each in opened(cluster).read({THERE: 0}, 100, 0)]
    for name in (b"first", b"second"):
        assert [c for c in got if c.startswith(name)] == [name + b" %d" % n for n in range(12)]


def test_parcel_too_large_for_its_topic_lets_nothing_overtake_it(
    cluster: KafkaCluster, opened: Opened
) -> None:
    make_link_topics(cluster, THERE, settings={"max.message.bytes": "20000"})
    transport = opened(cluster)
    parcels = [bytes([n]) * 15_000 for n in range(40)]
    parcels[20] = b"large" * 10_000
    with pytest.raises(UnavailableError, match="MessageSizeTooLarge"):
        put(transport, THERE, *parcels)
    kept = [each.parcel for each in transport.read({THERE: 0}, 100, 0)]
    assert kept == parcels[: len(kept)]
    assert len(kept) <= 20


# -- clusters --------------------------------------------------------------------------------------


def test_each_party_publishes_on_its_own_cluster_and_reads_the_peers(
    cluster: KafkaCluster, opened: Opened
) -> None:
    theirs = KafkaCluster(cluster.servers, prefix=new_prefix())
    make_link_topics(cluster, THERE)
    make_link_topics(theirs, BACK)
    lao, viet = opened(cluster, VN=theirs), opened(theirs, LA=cluster)
    put(lao, THERE, b"to VN")
    put(viet, BACK, b"to LA")
    assert [each.parcel for each in viet.read({THERE: 0}, 10, 0)] == [b"to VN"]
    assert [each.parcel for each in lao.read({BACK: 0, THERE: 0}, 10, 0)] == [b"to VN", b"to LA"]
    assert {len(lao.read({BACK: 0, THERE: 0}, 1, 0.2)) for _ in range(10)} <= {0, 1}
    assert lao.numbering(BACK) != viet.numbering(BACK)


def test_peers_cluster_that_is_away_does_not_stop_the_own(
    cluster: KafkaCluster, opened: Opened
) -> None:
    make_link_topics(cluster, THERE)
    transport = opened(cluster, VN=dead_cluster())
    put(transport, THERE, b"a")
    positions = {THERE: 0, BACK: 0}
    got: list[Arrival] = []
    began = time.monotonic()
    while not got and time.monotonic() < began + 180:
        got += transport.read(positions, 10, 0.2)
    assert [each.parcel for each in got] == [b"a"]
    with pytest.raises(UnavailableError):
        transport.read({BACK: 0}, 10, 0.2)


# -- what is logged --------------------------------------------------------------------------------

AWAY = """
import sys, threading
from xref.commands import _log_to_stderr
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_transport import KafkaTransport
from xref.errors import UnavailableError
from xref.ports import Outbound
from xref.wire.office import Link
_log_to_stderr()
transport = KafkaTransport(KafkaCluster(("127.0.0.1:9", "127.0.0.1:10")))
for _ in range(5):
    try:
        transport.publish([Outbound(Link("LAHOP001", "VNHOP001"), b"canary")])
    except UnavailableError as error:
        print(error)
transport.close()
"""


def test_an_outage_is_one_line_not_a_flood() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", AWAY],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert done.stdout.count("does not answer; are its brokers up?") == 5
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "trouble with Kafka" in lines[0]
    assert "canary" not in done.stdout + done.stderr
