"""What several shards might open: the same twice, on the wrong shard, or where nobody knows it."""

from dataclasses import replace

import pytest

from attacks.hostile import (
    BETWEEN_HOPS,
    FROM_DESK,
    LA_DESK,
    LA_HOP,
    TO_DESK,
    VN_DESK,
    VN_HOP,
    carried,
    entries,
    publish,
    send,
    slot_of,
    turn,
    written,
)
from attacks.test_hostile_transport import parcels
from unit.shards.sharded import answer_to, case_on, case_where, referral
from world import World
from xref.desk.read_form import Record
from xref.desk.spool import Withdrawal
from xref.drivers.memory import MemoryStore
from xref.errors import EvidenceError
from xref.wire.envelope import Envelope
from xref.wire.office import Link

HOME = tuple(Link(LA_DESK, LA_HOP, shard) for shard in (0, 1))
BORDER = tuple(Link(LA_HOP, VN_HOP, shard) for shard in (0, 1))
ABROAD = tuple(Link(VN_HOP, VN_DESK, shard) for shard in (0, 1))
SECOND_LA, SECOND_VN = f"{LA_HOP}/1", f"{VN_HOP}/1"


def settled() -> World:
    world = World(shards=2)
    world.settle()
    return world


def one_message(world: World, shard: int = 0) -> Record:
    """A record of a case on a shard, of which one message goes to the Vietnamese NRM."""
    return replace(referral(case_on(world, LA_DESK, shard)), named={})


def faults(world: World, hop: str) -> list[str]:
    return [entry["fault"] for entry in entries(world, hop, "rejected")]


def test_parcel_replayed_on_another_shard_moves_nothing() -> None:
    world = settled()
    world.publish(LA_DESK, [one_message(world)])
    world.settle()
    before = world.hops[SECOND_VN].trail.size
    for data in list(parcels(world, BORDER[0])):
        publish(world, BORDER[1], data)
    handled = turn(world, SECOND_VN)
    assert handled.dropped == len(parcels(world, BORDER[0]))
    assert world.hops[SECOND_VN].trail.size == before


def test_desk_sends_one_message_on_two_shards() -> None:
    """Each origin hop knows its own shard only: the receiving desk catches the second."""
    world = settled()
    [envelope] = written(world, one_message(world))
    for link in HOME:
        send(world, link, [slot_of(envelope)])
    world.settle()
    assert list(world.inbox(VN_DESK)) == [envelope.header.message]
    twice = [entries(world, hop, "released") for hop in (VN_HOP, SECOND_VN)]
    assert all(twice), "both hops let it pass, on their records"
    [story] = world.sent(LA_DESK).values()
    said = [(each["outcome"], each["from"]) for each in story["receipts"]]  # type: ignore[attr-defined] # JSON
    assert ("rejected", VN_DESK) in said
    assert story["outcome"] == "opened"


def test_hop_releases_one_message_on_two_shards() -> None:
    world = settled()
    world.publish(LA_DESK, [one_message(world)])
    turn(world, LA_HOP)
    [envelope] = carried(world, BORDER[0], BETWEEN_HOPS)
    send(world, BORDER[1], [slot_of(envelope)])
    world.settle()
    assert list(world.inbox(VN_DESK)) == [envelope.header.message]
    assert len(world.desks[VN_DESK].handoffs()) == 1


def test_receiving_hop_moves_a_message_to_another_shard() -> None:
    """The proof of the hop before may name any shard of its link: nothing was forged or doubled."""
    world = settled()
    world.publish(LA_DESK, [one_message(world)])
    for hop in (LA_HOP, VN_HOP):
        turn(world, hop)
    [envelope] = carried(world, ABROAD[0], TO_DESK)
    send(world, ABROAD[1], [slot_of(envelope)])
    world.settle()
    assert list(world.inbox(VN_DESK)) == [envelope.header.message]


def written_by(world: World, sender: str, record: Record) -> Envelope:
    """What a desk wrote for one shard."""
    before = set(world.sent(sender))
    desk = world.desks[sender]
    world.publish(sender, [record])
    [message] = set(world.sent(sender)) - before
    links = list(desk.endpoint.outgoing)
    found = [e for link in links for e in carried(world, link, FROM_DESK)]
    return next(each for each in found if each.header.message == message)


@pytest.mark.parametrize("shard", [0, 1])
def test_answer_on_another_shard_than_its_question_is_rejected(shard: int) -> None:
    world = settled()
    world.publish(LA_DESK, [one_message(world, shard)])
    world.settle()
    [asked] = world.inbox(VN_DESK)
    answer = written_by(world, VN_DESK, answer_to(world, asked))
    send(world, Link(VN_DESK, VN_HOP, 1 - shard), [slot_of(answer)])
    wrong = (VN_HOP, SECOND_VN)[1 - shard]
    turn(world, wrong)
    assert faults(world, wrong) == ["wrong-reply"]
    world.settle()
    assert list(world.inbox(LA_DESK)) == [answer.header.message], "the right one arrived"


def test_question_that_came_on_another_shard_than_its_thread_is_answered_there() -> None:
    """The thread began on shard 0, and its second message came on 1: the answer goes on 1."""
    world = settled()
    local = case_on(world, LA_DESK, 0)
    record = replace(referral(local), named={})
    world.publish(LA_DESK, [record])
    world.settle()
    [second] = written(world, replace(record, values={**record.values, "dependants": 2}))
    send(world, HOME[1], [slot_of(second)])
    world.settle()
    desk = world.desks[VN_DESK]
    case = desk.cabinet.case_id("inbox", second.header.message)
    assert case is not None
    assert {desk.cabinet.case_id("inbox", each) for each in world.inbox(VN_DESK)} == {case}
    world.publish(VN_DESK, [answer_to(world, second.header.message)])
    world.settle()
    assert [(s["shard"], s["outcome"]) for s in world.sent(VN_DESK).values()] == [(1, "opened")]
    assert not faults(world, SECOND_VN)


def test_cause_on_another_shard_lends_no_facts() -> None:
    world = World(shards=2, offices=("LANRM001", "LANAT001", "VNNAT001", LA_HOP, VN_HOP))
    world.settle()
    [check, *_] = world.read("la", "identity-checks.csv").records
    case = case_where(world, LA_DESK, {"LANAT001": 0})
    world.publish(LA_DESK, [replace(check, case=case)])
    world.settle()
    [(cause, _)] = world.inbox("LANAT001").items()
    [ask, *_] = world.read("la", "nationality-check.json").records
    caused = written_by(world, "LANAT001", replace(ask, reply_to=cause))
    send(world, Link("LANAT001", LA_HOP, 1), [slot_of(caused)])
    turn(world, SECOND_LA)
    [refused] = entries(world, SECOND_LA, "refused")
    assert refused["reasons"] == ["hop/unknown-cause"]


def test_withdrawn_then_sent_on_another_shard_is_not_opened() -> None:
    """That shard's hops know of no withdrawal; the receiving desk does."""
    world = settled()
    record = one_message(world)
    world.publish(LA_DESK, [record])
    world.settle()
    [late] = written(world, replace(record, values={**record.values, "dependants": 2}))
    world.publish(LA_DESK, [Withdrawal(record.case)])
    world.settle()
    assert world.inbox(VN_DESK) == {}
    send(world, HOME[1], [slot_of(late)])
    world.settle()
    assert entries(world, SECOND_VN, "released"), "it passed"
    assert world.inbox(VN_DESK) == {}
    assert world.desks[VN_DESK].handoffs() == []


@pytest.mark.parametrize("name", [LA_HOP, SECOND_LA])
def test_second_hop_on_the_same_shard_does_not_start(name: str) -> None:
    world = settled()
    world.stores[name] = MemoryStore()
    with pytest.raises(EvidenceError, match="beyond our state"):
        world.start(name)
