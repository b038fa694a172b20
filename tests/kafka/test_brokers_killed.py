"""Three brokers killed at random while hundreds of messages cross: each once, and so on record."""

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from local_kafka import LocalKafka

from attacks.hostile import LA_DESK, VN_DESK, VN_SERVICE
from integration.people import People, table
from kafka.over_kafka import carriers_on, make_topics
from simulation.carried import Carried
from world import OFFICES
from xref.desk.spool import Row
from xref.drivers.kafka_connection import KafkaCluster
from xref.errors import UnavailableError
from xref.limits import RESEND_AFTER_MS

pytestmark = [pytest.mark.needs_kafka_nodes, pytest.mark.slow]

LONG = os.environ.get("XREF_LONG") == "1"
KILLS = 40 if LONG else 3
PEOPLE = 500 if LONG else 200  # of whom two offices are told: a message each
CHUNK = 25


class OverKafka(Carried):
    """A crossing that goes on through outages, as running processes do."""

    outages = 0

    def turn(self, office: str) -> bool:
        self.transport = self.carriers[office]
        try:
            return self._turn_of_hop(office) if "HOP" in office else self._turn_of_desk(office)
        except UnavailableError:
            self.outages += 1
            return True

    def start(self, office: str) -> None:
        for _ in range(20):
            try:
                return super().start(office)
            except (UnavailableError, AssertionError):
                time.sleep(0.5)
        raise AssertionError("it never starts")

    def hand_in(self, rows: Sequence[Row]) -> None:
        self._spool(LA_DESK, self.struck[f"{LA_DESK} spool"].store).put(list(rows), self.now_ms)

    def round(self) -> bool:
        moved = [self.turn(office) for office in OFFICES]
        self.now_ms += 10
        return any(moved)

    def finish(self, seconds: float) -> None:
        """Go on until everything is acknowledged; what was lost on its way is sent again."""
        deadline = time.monotonic() + seconds
        while self.round() or not self._at_rest():
            assert time.monotonic() < deadline, "does not come to rest"
            self.now_ms += RESEND_AFTER_MS // 10

    def check_each_once(self, people: People) -> None:
        stories = self.sent(LA_DESK)
        assert {str(story["outcome"]) for story in stories.values()} == {"opened"}
        assert len(stories) == 2 * PEOPLE
        received = [message for desk in (VN_DESK, VN_SERVICE) for message in self.inbox(desk)]
        assert sorted(received) == sorted(stories), "each message is in one inbox, once"
        for desk in (VN_DESK, VN_SERVICE):
            given = [dict(c["values"])["given_names_native"] for c in self.inbox(desk).values()]  # type: ignore[call-overload] # a story's values are a mapping
            assert sorted(given) == sorted(person.given for person in people.everybody)
            assert sorted(self.received(desk)) == sorted(each.hex() for each in self.inbox(desk))
        for hop in self.hops:
            self._check_trail(hop, [message.hex() for message in stories])
        self._check_audit()


class Killer:
    """Kills one broker after another at moments of chance, and starts each again."""

    def __init__(self, brokers: LocalKafka, seed: int) -> None:
        self.brokers, self.chance = brokers, random.Random(seed)
        self.killed: list[int] = []
        self.down: int | None = None
        self._pause(0.2, 1.5)

    def _pause(self, least: float, most: float) -> None:
        self.act_at = time.monotonic() + self.chance.uniform(least, most)

    def act(self) -> bool:
        """Do what is due; return whether there is more to come."""
        if time.monotonic() < self.act_at:
            return True
        if self.down is not None:
            self.brokers.start(self.down)
            self.down = None
            self._pause(3, 5)  # a node needs some two seconds, and some more to catch up
        elif len(self.killed) < KILLS:
            self.down = self.chance.choice(list(self.brokers.nodes))
            self.brokers.kill(self.down)
            self.killed.append(self.down)
            self._pause(0, 1.5)
        return self.down is not None or len(self.killed) < KILLS


def test_brokers_killed_at_random(tmp_path: Path) -> None:
    people = People()
    with LocalKafka(tmp_path / "kafka", nodes=3) as brokers:
        cluster = KafkaCluster(tuple(brokers.servers))
        make_topics(cluster, replication=3)
        with carriers_on({"LA": cluster, "VN": cluster}) as carriers:
            world = OverKafka(tmp_path / "offices", carriers)
            killer = Killer(brokers, seed=random.randrange(2**32) if LONG else 5)
            while len(people.everybody) < PEOPLE:
                some = [people.invent(held=False) for _ in range(CHUNK)]
                reading = world.read("la", "referrals.csv", table("referrals.csv", some))
                assert not reading.problems
                world.hand_in(reading.records)
                killer.act()
                world.round()
            while killer.act():
                world.round()
            world.finish(300)
            assert len(killer.killed) == KILLS
            world.check_each_once(people)
