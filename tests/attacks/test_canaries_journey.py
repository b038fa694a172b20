"""A canary in every field of every message of the whole journey: who must not know finds none."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
import structlog

from attacks.hostile import LA_HOP, VN_HOP, entries
from attacks.test_canaries import fitting_canary, holds, needles, reachable, stored
from unit.journey.played import ALL, CASE, Played
from world import signed_bundle
from xref.desk.read_form import Record
from xref.desk.spool import Withdrawal
from xref.journey import case_journey
from xref.wire.schema import SchemaField

HOPS = (LA_HOP, VN_HOP)


@cache
def fields_of(publication: str) -> dict[str, list[SchemaField]]:
    """The fields by name in every record that a publication becomes."""
    policy = signed_bundle().policy
    found: dict[str, list[SchemaField]] = {}
    for delivery in policy.publications[publication].deliveries:
        for each in policy.schema_for(policy.flow_named(delivery.flow)).fields:
            found.setdefault(each.name, []).append(each)
    return found


class Marked(Played):
    """Every free text that an office hands in, in any form, is a canary of its own."""

    def __init__(self) -> None:
        self.canaries: dict[str, list[str]] = {}
        self._random = random.Random(20261126)
        super().__init__()

    def records(self, country: str, form: str, case: str = CASE) -> list[Record]:
        return [self._marked(each) for each in super().records(country, form, case)]

    def _marked(self, record: Record) -> Record:
        marked = {name: self._canary(record, name, value) for name, value in record.values.items()}
        source = f"source {self._mark()}.csv"
        self.canaries.setdefault(record.publication, []).append(source)
        return replace(record, values=marked, source=source)

    def _canary(self, record: Record, name: str, value: object) -> object:
        fields = fields_of(record.publication).get(name, [])
        canary = fitting_canary(fields, value, self._random)
        if canary is None:
            return value
        self.canaries.setdefault(record.publication, []).append(canary)
        return [canary] if isinstance(value, list) else canary

    def _mark(self) -> str:
        return f"{self._random.randrange(10**12):012}"

    @property
    def needles(self) -> list[bytes]:
        return needles([each for some in self.canaries.values() for each in some] + [CASE])


@pytest.fixture(scope="module")
def marked(carried_by: str) -> tuple[Marked, list[object]]:
    with structlog.testing.capture_logs() as logged:
        world = Marked()
        world.verify_identity()
        world.refer()
        world.go_home()
    return world, list(logged)


def test_canaries_travel_in_every_form_of_the_journey(marked: tuple[Marked, list[object]]) -> None:
    """The tests below would prove nothing of a form whose canaries did not arrive."""
    world, _ = marked
    arrived = repr([content for office in world.desks for _, content in world.stories(office)])
    for publication, canaries in world.canaries.items():
        texts = [each for each in canaries if not each.startswith("source ")]
        assert not texts or any(each in arrived for each in texts), publication
    assert sum(each in arrived for some in world.canaries.values() for each in some) > 50


def everything(world: Marked, hop: str) -> Iterator[bytes]:
    yield from stored(world.stores[hop])
    yield repr(entries(world, hop)).encode()
    for text in reachable(world.hops[hop]):
        yield text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


@pytest.mark.parametrize("hop", HOPS)
def test_no_hop_holds_one_in_store_trail_or_memory(
    marked: tuple[Marked, list[object]], hop: str
) -> None:
    world, _ = marked
    assert not holds(b"\0".join(everything(world, hop)), world.needles)


def test_no_desks_store_holds_one_in_the_clear(marked: tuple[Marked, list[object]]) -> None:
    world, _ = marked
    for office in world.desks:
        assert not holds(b"\0".join(stored(world.stores[office])), world.needles), office


def test_nothing_in_between_holds_one(marked: tuple[Marked, list[object]]) -> None:
    """Neither parcels, nor the names of links that topics and files are called by, nor logs."""
    world, logged = marked
    held = world.transport._parcels  # type: ignore[attr-defined] # the memory transport's
    carried = b"\0".join(parcel for parcels in held.values() for parcel in parcels)
    named = "\0".join(link.name for link in held)
    assert not holds(carried + named.encode() + repr(logged).encode(), world.needles)


def test_no_story_of_a_case_tells_one(marked: tuple[Marked, list[object]]) -> None:
    world, _ = marked
    told = case_journey(world.stores["LANRM001"], "LANRM001", signed_bundle(), CASE)
    assert len(told.events) > 10
    said = repr(told.as_json(signed_bundle())["events"]).encode()
    assert not holds(said, world.needles)


def test_facts_are_in_the_own_trail_alone(marked: tuple[Marked, list[object]]) -> None:
    """Abroad no entry on a message from here has one; at home the openings have them."""
    world, _ = marked
    from_here = {
        hop: [e for e in entries(world, hop) if e.get("from", "")[:2] == "LA"] for hop in HOPS
    }
    assert any(entry.get("facts") for entry in from_here[LA_HOP])
    assert from_here[VN_HOP]
    assert not any(entry.get("facts") for entry in from_here[VN_HOP])
    assert b"verified-adult" not in b"\0".join(stored(world.stores[VN_HOP]))


def test_nothing_is_left_after_a_withdrawal_and_restarts() -> None:
    world = Marked()
    world.hand_in("LANRM001", "referrals.csv")
    world.now_ms += 1000
    world.publish("LANRM001", [Withdrawal(CASE)])
    world.settle()
    for office in ALL:
        world.start(office)
    world.settle()
    for hop in HOPS:
        assert not holds(b"\0".join(everything(world, hop)), world.needles), hop
    assert not holds(b"\0".join(stored(world.stores["VNNRM001"])), world.needles)
