"""What every transport owes. A new driver is added to `TRANSPORTS` and must pass all of it."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from kafka_session import make_link_topics, new_prefix
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_transport import KafkaTransport
from xref.drivers.memory import MemoryTransport
from xref.drivers.sqlite_transport import SqliteTransport
from xref.errors import UnavailableError
from xref.ports import Arrival, Outbound, Transport
from xref.wire.office import Link
from xref.wire.parcel import PARCEL_BYTES_MAX

THERE = Link("LAHOP001", "VNHOP001")
BACK = Link("VNHOP001", "LAHOP001")
OTHER_SHARD = Link("LAHOP001", "VNHOP001", 7)

# Publishes `count` parcels named after the writer and says so; runs in a process of its own.
WRITER = """
import sys
from pathlib import Path
from xref.drivers.sqlite_transport import SqliteTransport
from xref.ports import Outbound
from xref.wire.office import Link
folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
transport = SqliteTransport(folder)
for number in range(count):
    transport.publish([Outbound(Link("LAHOP001", "VNHOP001"), f"{name} {number}".encode())])
print("durable", flush=True)
if "--killed" in sys.argv:
    import os
    os.kill(os.getpid(), 9)
"""


@contextmanager
def memory(request: pytest.FixtureRequest) -> Iterator[Callable[[], Transport]]:
    """One object for everybody: the memory transport lasts as long as its process."""
    transport = MemoryTransport()
    yield lambda: transport


@contextmanager
def sqlite(request: pytest.FixtureRequest) -> Iterator[Callable[[], Transport]]:
    """A new client of the same folder for each call, as another process would have."""
    folder: Path = request.getfixturevalue("tmp_path")
    opened: list[SqliteTransport] = []

    def client() -> Transport:
        opened.append(SqliteTransport(folder / "transport"))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


@contextmanager
def kafka(request: pytest.FixtureRequest) -> Iterator[Callable[[], Transport]]:
    """A new client of the session's brokers for each call, on topics of the test's own."""
    cluster = KafkaCluster(tuple(request.getfixturevalue("kafka_servers")), prefix=new_prefix())
    make_link_topics(cluster, THERE, BACK, OTHER_SHARD)
    opened: list[KafkaTransport] = []

    def client() -> Transport:
        opened.append(KafkaTransport(cluster))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


TRANSPORTS = [memory, sqlite, pytest.param(kafka, marks=pytest.mark.needs_kafka)]
Clients = Callable[[], Transport]


@pytest.fixture(params=TRANSPORTS, ids=lambda opener: str(opener.__name__))
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    opener: Callable[[pytest.FixtureRequest], AbstractContextManager[Clients]] = request.param
    with opener(request) as opened:
        yield opened


def put(transport: Transport, link: Link, *parcels: bytes) -> None:
    transport.publish([Outbound(link, parcel) for parcel in parcels])


def contents(arrivals: object) -> list[bytes]:
    assert isinstance(arrivals, (list, tuple))
    return [arrival.parcel for arrival in arrivals]


def read_all(transport: Transport, *links: Link, limit: int = 100) -> list[Arrival]:
    return list(transport.read(dict.fromkeys(links, 0), limit, 0))


def test_empty_link_gives_nothing(clients: Clients) -> None:
    assert read_all(clients(), THERE) == []


def test_a_links_parcels_come_in_the_order_of_publishing(clients: Clients) -> None:
    writer, reader = clients(), clients()
    for number in range(20):
        put(writer, THERE, b"%d" % number, b"and %d" % number)
    expected = [text for n in range(20) for text in (b"%d" % n, b"and %d" % n)]
    assert contents(read_all(reader, THERE)) == expected


def test_links_do_not_mix(clients: Clients) -> None:
    transport = clients()
    transport.publish([Outbound(THERE, b"a"), Outbound(BACK, b"b"), Outbound(OTHER_SHARD, b"c")])
    assert [contents(read_all(transport, link)) for link in (THERE, BACK, OTHER_SHARD)] == [
        [b"a"],
        [b"b"],
        [b"c"],
    ]
    both = read_all(transport, THERE, BACK)
    assert {(arrival.link, arrival.parcel) for arrival in both} == {(THERE, b"a"), (BACK, b"b")}


def test_positions_start_at_one_and_rise(clients: Clients) -> None:
    transport = clients()
    put(transport, THERE, b"a", b"b", b"c")
    positions = [arrival.position for arrival in read_all(transport, THERE)]
    assert positions[0] >= 1
    assert positions == sorted(set(positions))


def test_a_position_names_the_same_bytes_for_ever(clients: Clients) -> None:
    writer = clients()
    put(writer, THERE, b"a", b"b", b"c")
    before = {arrival.position: arrival.parcel for arrival in read_all(writer, THERE)}
    put(writer, THERE, b"d")
    after = {arrival.position: arrival.parcel for arrival in read_all(clients(), THERE)}
    assert before.items() <= after.items()


def test_reading_goes_on_behind_a_position(clients: Clients) -> None:
    transport = clients()
    put(transport, THERE, b"a", b"b", b"c")
    second = read_all(transport, THERE)[1].position
    assert contents(transport.read({THERE: second}, 10, 0)) == [b"c"]
    assert transport.read({THERE: second + 1}, 10, 0) in ([], ())
    put(transport, THERE, b"d")
    assert contents(transport.read({THERE: second + 1}, 10, 0)) == [b"d"]


def test_reading_changes_nothing(clients: Clients) -> None:
    transport = clients()
    put(transport, THERE, b"a")
    assert contents(read_all(transport, THERE)) == contents(read_all(transport, THERE)) == [b"a"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_than_the_limit(clients: Clients, limit: int) -> None:
    transport = clients()
    put(transport, THERE, *[b"%d" % n for n in range(5)])
    put(transport, BACK, *[b"%d" % n for n in range(5)])
    positions = {THERE: 0, BACK: 0}
    got: list[Arrival] = []
    while some := transport.read(positions, limit, 0):
        assert len(some) <= limit
        got += some
        positions.update({arrival.link: arrival.position for arrival in some})
    for link in (THERE, BACK):
        assert [a.parcel for a in got if a.link == link] == [b"%d" % n for n in range(5)]


def test_the_same_parcel_twice_is_two_parcels(clients: Clients) -> None:
    transport = clients()
    put(transport, THERE, b"same", b"same")
    put(transport, THERE, b"same")
    assert contents(read_all(transport, THERE)) == [b"same"] * 3


def test_largest_parcels_arrive_whole(clients: Clients) -> None:
    transport = clients()
    largest = bytes(range(256)) * (PARCEL_BYTES_MAX // 256) + bytes(PARCEL_BYTES_MAX % 256)
    put(transport, THERE, largest, b"small", largest)
    assert contents(read_all(clients(), THERE)) == [largest, b"small", largest]


def test_any_bytes_arrive_unchanged(clients: Clients) -> None:
    transport = clients()
    odd = [b"\0", bytes(range(256)), b"\xff" * 10, b"\r\n\x1a"]
    put(transport, THERE, *odd)
    assert contents(read_all(transport, THERE)) == odd


def test_nothing_published_is_fine(clients: Clients) -> None:
    transport = clients()
    transport.publish([])
    assert read_all(transport, THERE) == []


def test_reading_waits_for_the_first(clients: Clients) -> None:
    writer, reader = clients(), clients()
    later = threading.Timer(0.08, lambda: put(writer, THERE, b"late"))
    started = time.monotonic()
    later.start()
    assert contents(reader.read({THERE: 0}, 10, 5.0)) == [b"late"]
    assert 0.05 < time.monotonic() - started < 3.0
    later.join()


def test_reading_does_not_wait_longer_than_asked(clients: Clients) -> None:
    started = time.monotonic()
    assert not clients().read({THERE: 0}, 10, 0.05)
    assert 0.04 < time.monotonic() - started < 1.0


def test_closed_transport_is_unavailable(clients: Clients) -> None:
    transport = clients()
    put(transport, THERE, b"a")
    transport.close()
    with pytest.raises(UnavailableError):
        put(transport, THERE, b"b")
    with pytest.raises(UnavailableError):
        transport.read({THERE: 0}, 10, 0)
    transport.close()


def test_many_writers_at_once_lose_nothing(clients: Clients) -> None:
    def write(name: int) -> None:
        transport = clients()
        for number in range(10):
            put(transport, THERE, b"%d %d" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = contents(read_all(clients(), THERE))
    for name in range(4):
        assert [c for c in got if c.startswith(b"%d " % name)] == [
            b"%d %d" % (name, n) for n in range(10)
        ]


def run_writer(folder: Path, name: str, count: int, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_sqlite_several_processes_write_and_one_reads(tmp_path: Path) -> None:
    writers = [run_writer(tmp_path, name, 15) for name in ("first", "second")]
    reader = SqliteTransport(tmp_path)
    got: list[bytes] = []
    position, deadline = 0, time.monotonic() + 120
    while len(got) < 30 and time.monotonic() < deadline:
        for arrival in reader.read({THERE: position}, 7, 0.2):
            assert arrival.position > position
            position = arrival.position
            got.append(arrival.parcel)
    for writer in writers:
        assert writer.wait(20) == 0
        assert writer.stdout is not None
        writer.stdout.close()
    for name in (b"first", b"second"):
        assert [c for c in got if c.startswith(name)] == [name + b" %d" % n for n in range(15)]
    reader.close()


def test_sqlite_what_publish_returned_from_survives_a_kill(tmp_path: Path) -> None:
    writer = run_writer(tmp_path, "killed", 3, "--killed")
    said, _ = writer.communicate(timeout=20)
    assert (said, writer.returncode) == ("durable\n", -9)
    reader = SqliteTransport(tmp_path)
    assert contents(read_all(reader, THERE)) == [b"killed 0", b"killed 1", b"killed 2"]
    reader.close()


def test_sqlite_positions_stay_when_old_parcels_are_removed(tmp_path: Path) -> None:
    """Retention removes content, never a number: what comes later is not taken for the old."""
    forgetful = SqliteTransport(tmp_path, retention_days=0)
    put(forgetful, THERE, b"old")
    time.sleep(0.005)
    put(forgetful, THERE, b"new")
    left = read_all(forgetful, THERE)
    assert [(arrival.position, arrival.parcel) for arrival in left] == [(2, b"new")]
    forgetful.close()


def test_sqlite_folder_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / "transport"
    transport = SqliteTransport(folder)
    folder.rmdir()
    with pytest.raises(UnavailableError):
        put(transport, THERE, b"a")
    transport.close()


def test_sqlite_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "LAHOP001-VNHOP001-0.sqlite").write_bytes(b"not a database" * 100)
    transport = SqliteTransport(tmp_path)
    with pytest.raises(UnavailableError):
        transport.read({THERE: 0}, 10, 0)
    with pytest.raises(UnavailableError):
        put(transport, THERE, b"a")
    transport.close()


def test_sqlite_removed_parcels_are_overwritten(tmp_path: Path) -> None:
    canary = b"canary-of-a-parcel-that-retention-removed"
    forgetful = SqliteTransport(tmp_path, retention_days=0)
    put(forgetful, THERE, canary * 300)
    time.sleep(0.005)
    put(forgetful, THERE, b"new")
    forgetful.close()
    assert not any(canary in file.read_bytes() for file in tmp_path.iterdir())
