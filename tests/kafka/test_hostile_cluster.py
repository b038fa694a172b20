"""Whoever runs the cluster, on real Kafka: what was published comes to its readers otherwise.

Offices publish to topics of one name and read topics of another; in between the test copies, and
tampers as an administrator could who has every right on the cluster, and no key.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from attacks.hostile import (
    BORDER,
    LA_DESK,
    LA_HOP,
    VN_HOP,
    entries,
    outcomes,
    referral,
    turn,
    waiting,
)
from attacks.test_hostile_transport import JUNK
from kafka_session import make_link_topics, new_prefix
from world import World, draft_bundle
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_transport import KafkaTransport
from xref.issue_keys import peers_of
from xref.limits import RESEND_AFTER_MS_MAX
from xref.ports import Arrival, Outbound
from xref.wire.office import Link

pytestmark = [pytest.mark.needs_kafka, pytest.mark.slow]

Tamper = Callable[[list[bytes]], list[bytes]]


def as_it_is(parcels: list[bytes]) -> list[bytes]:
    return parcels


class TamperedCluster:
    """A transport whose border link from Laos passes through `tamper` on its way."""

    def __init__(self, servers: list[str]) -> None:
        offices = draft_bundle().directory
        links = [Link(a, b) for a in offices.offices for b in peers_of(a, offices)]
        true, shown = (KafkaCluster(tuple(servers), prefix=new_prefix()) for _ in range(2))
        for cluster in (true, shown):
            make_link_topics(cluster, *links)
        self.true, self.shown = KafkaTransport(true), KafkaTransport(shown)
        self.tamper: Tamper = as_it_is
        self._copied: dict[Link, int] = {}

    def numbering(self, link: Link) -> str:
        return self.shown.numbering(link)

    def publish(self, parcels: Sequence[Outbound]) -> None:
        self.true.publish(parcels)

    def read(self, after: Mapping[Link, int], limit: int, wait_seconds: float) -> Sequence[Arrival]:
        self._copy(after)
        return self.shown.read(after, limit, wait_seconds)

    def _copy(self, links: Mapping[Link, int]) -> None:
        positions = {link: self._copied.get(link, 0) for link in links}
        arrivals = self.true.read(positions, 256, 0)
        for link, some in itertools.groupby(arrivals, lambda arrival: arrival.link):
            parcels = [self._noted(arrival) for arrival in some]
            changed = self.tamper(parcels) if link == BORDER else parcels
            self.shown.publish([Outbound(link, parcel) for parcel in changed])

    def _noted(self, arrival: Arrival) -> bytes:
        self._copied[arrival.link] = arrival.position
        return arrival.parcel

    def close(self) -> None:
        self.true.close()
        self.shown.close()


@pytest.fixture
def cluster(kafka_servers: list[str]) -> Iterator[TamperedCluster]:
    tampered = TamperedCluster(kafka_servers)
    yield tampered
    tampered.close()


def under_way(cluster: TamperedCluster, *cases: str) -> World:
    """A world in which each case's message is in a parcel of its own on the true border link."""
    world = World(cluster)
    world.settle()
    for case in cases:
        world.publish(LA_DESK, [referral(case)])
        turn(world, LA_HOP)
    return world


def later(world: World) -> None:
    """Much time passes, so that whoever has to sends again."""
    world.now_ms += 2 * RESEND_AFTER_MS_MAX
    for each in world.everyone:
        each.tick(world.now_ms)
    world.settle()


def released_once(world: World, count: int) -> None:
    """Everything is at its recipient and on each record, once."""
    assert outcomes(world) == ["opened"] * count
    assert len([e for e in entries(world, VN_HOP, "released") if e["link"] == BORDER.name]) == count
    assert not entries(world, VN_HOP, "stopped", "rejected")


def test_cluster_reorders(cluster: TamperedCluster) -> None:
    world = under_way(cluster, *"abcd")
    cluster.tamper = lambda parcels: parcels[::-1]
    handled = turn(world, VN_HOP)
    assert handled.alarms
    assert handled.stopped == []
    cluster.tamper = as_it_is
    world.settle()
    released_once(world, 4)


def test_cluster_duplicates(cluster: TamperedCluster) -> None:
    world = under_way(cluster, "a", "b")
    cluster.tamper = lambda parcels: parcels * 3
    world.settle()
    released_once(world, 2)


def test_cluster_withholds_and_the_sender_sends_again(cluster: TamperedCluster) -> None:
    world = under_way(cluster, "a")
    cluster.tamper = lambda _: []
    world.settle()
    assert outcomes(world) == ["forwarded"], "silence is no delivery"
    assert len(waiting(world, BORDER)) == 1
    cluster.tamper = as_it_is
    later(world)
    released_once(world, 1)


def test_cluster_replays_into_a_new_generation(cluster: TamperedCluster) -> None:
    old: list[bytes] = []
    world = under_way(cluster, "a")

    def note(parcels: list[bytes]) -> list[bytes]:
        old.extend(parcels)
        return parcels

    cluster.tamper = note
    world.settle()
    assert old
    world.start(LA_HOP)
    cluster.tamper = lambda parcels: parcels + old
    world.settle()
    released_once(world, 1)


def test_cluster_adds_junk(cluster: TamperedCluster) -> None:
    """Every kind at once: counted and dropped, before and behind what is genuine."""
    world = under_way(cluster, "a")
    kinds = [spoil for name, spoil in JUNK.items() if name not in ("empty", "oversized")]
    cluster.tamper = lambda parcels: [
        *(spoil(parcels[-1]) for spoil in kinds),
        *parcels,
        *(spoil(parcels[-1]) for spoil in kinds),
    ]
    handled = turn(world, VN_HOP)
    assert (handled.released, handled.stopped) == (1, [])
    assert handled.dropped >= len(kinds)
    cluster.tamper = as_it_is
    world.settle()
    released_once(world, 1)
