"""What a sharing consent was withdrawn for is not delivered, whoever is away, whatever is first."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from attacks.hostile import entries, outcomes, records, referral, send, settled, slot_of
from unit.journey.played import ALL, CASE, Played
from world import (
    DAY_MS,
    NOW_MS,
    YEAR_MS,
    SeededEntropy,
    World,
    draft_bundle,
    party_keys,
    sign_bundle,
    signed_bundle,
)
from xref import bundle as bundles
from xref.answers import RECEIPT, WITHDRAWN, Answer, Item, compose_answers
from xref.audit import audit_hop
from xref.bundle import Bundle
from xref.desk.spool import AsylumAnswer, Correction, Row, Withdrawal
from xref.wire.office import Link

NRM, ASKED, BORDER, CONSUL = "LANRM001", "LAIMM001", "VNBOR001", "VNCON001"
HOME, ABROAD = "LAHOP001", "VNHOP001"
ENDINGS: dict[str, Row] = {
    "withdrawal": Withdrawal(CASE),
    "asylum": AsylumAnswer(CASE, "pending", "Khamla"),
}


def audited(world: Played) -> list[str]:
    """What an audit of both hops finds wrong."""
    trusted = {bundle.digest32: bundle for bundle in world.trusted(HOME)}
    found = [audit_hop(world.stores[hop], hop, trusted, party_keys()) for hop in (HOME, ABROAD)]
    return [problem for each in found for problem in each.problems]


def asked_to_arrange() -> Played:
    """A world in which an office at home is asked to arrange the journey of a person."""
    world = Played()
    world.hand_in(NRM, "returns.csv")
    return world


def away(world: Played, *names: str) -> dict[str, Any]:
    """Take participants away, as if their machines were off."""
    return {name: (world.hops if name in world.hops else world.desks).pop(name) for name in names}


def back(world: Played, gone: dict[str, Any]) -> None:
    for name, participant in gone.items():
        (world.hops if "HOP" in name else world.desks)[name] = participant
    world.settle()


@pytest.mark.parametrize("ending", ENDINGS)
def test_withdrawn_while_who_was_asked_is_away_and_its_messages_wait(ending: str) -> None:
    """The own hop knows on which sharing consent they go, and needs nobody's help to stop them."""
    world = asked_to_arrange()
    line = away(world, ABROAD)
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    office = away(world, ASKED)
    world.now_ms += 1000
    world.publish(NRM, [ENDINGS[ending]])
    world.settle()
    emptied = {entry["message"] for entry in entries(world, HOME, "emptied")}
    back(world, line)
    assert world.stories(BORDER) == world.stories(CONSUL) == []
    assert len(emptied) >= 2
    back(world, office)
    assert world.stories(ASKED) == []
    told = {(kind, outcome) for kind, _, outcome in world.outcomes(NRM)}
    assert ("travel-asked", "erased") in told
    assert audited(world) == []


def test_withdrawn_while_the_record_is_held_then_the_missing_fact_is_given() -> None:
    """Nothing of it was out, and nothing of it goes, whatever is learned later."""
    world = settled()
    held = replace(records()[1], named={})
    world.publish(NRM, [held])
    world.settle()
    assert outcomes(world) == ["refused"]
    world.publish(NRM, [Withdrawal(held.case)])
    told = [Correction(held.case, held.publication, {"asylum": "no"}, "")]
    world.publish(NRM, told)
    world.settle()
    assert set(outcomes(world)) == {"refused"}
    assert world.inbox("VNNRM001") == {}


def test_withdrawn_in_the_same_batch_as_the_record_is_handed_in() -> None:
    world = settled()
    world.publish(NRM, [referral(), Withdrawal("case-1")])
    world.settle()
    assert "opened" not in outcomes(world)
    assert world.inbox("VNNRM001") == {}


class Sharded(Played):
    """A world with two processes a hop."""

    def __init__(self) -> None:
        World.__init__(self, offices=ALL, shards=2)
        self.settle()


def test_withdrawn_while_its_messages_wait_on_whichever_shard() -> None:
    """Of several people: what goes by a request stays on the shard that knows the request."""
    world = Sharded()
    asked = world.read("la", "returns.csv").records
    world.publish(NRM, list(asked))
    world.settle()
    line = away(world, ABROAD, f"{ABROAD}/1")
    [sample] = world.records("la", "travel.json")[:1]
    about = [m for m, content in world.stories(ASKED) if content["type"] == "travel-asked"]
    world.publish(ASKED, [replace(sample, reply_to=each) for each in about])
    world.settle()
    office = away(world, ASKED)
    world.publish(NRM, [Withdrawal(record.case) for record in asked])
    world.settle()
    on_each = [entries(world, f"{HOME}{shard}", "emptied") for shard in ("", "/1")]
    assert all(on_each), "both shards carried some"
    back(world, line)
    assert world.stories(BORDER) == world.stories(CONSUL) == []
    back(world, office)
    assert world.stories(ASKED) == []


def test_withdrawn_in_the_same_batch_as_what_goes_by_it() -> None:
    """Whichever of the two links the hop reads first."""
    for order in ((ASKED, NRM), (NRM, ASKED)):
        world = asked_to_arrange()
        about = world.received(ASKED, "travel-asked")
        hop = away(world, HOME)
        for office in order:
            world.now_ms += 1000
            told = [replace(each, reply_to=about) for each in world.records("la", "travel.json")]
            rows: list[Row] = [*told] if office == ASKED else [Withdrawal(CASE)]
            world.publish(office, rows)
        back(world, hop)
        assert world.stories(BORDER) == world.stories(CONSUL) == world.stories(ASKED) == []
        assert {o for k, _, o in world.outcomes(NRM) if k == "travel-asked"} == {"erased"}


def test_withdrawn_after_the_hops_were_restarted() -> None:
    world = asked_to_arrange()
    line = away(world, ABROAD)
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    office = away(world, ASKED)
    world.start(HOME)
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()
    world.start(HOME)
    back(world, line)
    world.start(ABROAD)
    world.settle()
    assert world.stories(BORDER) == world.stories(CONSUL) == []
    back(world, office)


def test_waits_at_the_hop_abroad_when_it_is_withdrawn() -> None:
    """The own hop has passed it on already; the hop abroad empties it where its desk is away."""
    world = asked_to_arrange()
    gone = away(world, BORDER, CONSUL)
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    office = away(world, ASKED)
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()
    assert len(entries(world, ABROAD, "emptied")) >= len(gone)
    back(world, gone)
    assert world.stories(BORDER) == world.stories(CONSUL) == []
    back(world, office)
    assert audited(world) == []


def stop_said_by(world: Played, office: str, message: bytes) -> None:
    """Have an office tell the Lao hop that a message's sharing consent was withdrawn."""
    told = Answer(HOME, RECEIPT, Item("REJECTED", message, fault=WITHDRAWN))
    sender = world.hops.get(office) or world.desks[office]
    bundle, directory = signed_bundle(), world.hops[HOME].endpoint.directory
    keys, at_ms = sender.setup.keychain, world.now_ms
    [composed] = compose_answers([told], bundle, keys, directory, at_ms, SeededEntropy("stop"))
    envelope = composed.envelope
    if office == ABROAD:
        envelope = replace(envelope, facts=envelope.facts_c, erase_by_ms=at_ms + DAY_MS)
    send(world, Link(office, HOME), [slot_of(envelope)])
    world.settle()


@pytest.mark.parametrize("office", [ABROAD, NRM])
def test_another_than_its_own_partys_hop_stops_a_message(office: str) -> None:
    """Neither a hop abroad nor a desk empties what waits for an office."""
    world = Played()
    gone = away(world, ASKED)
    world.hand_in(NRM, "returns.csv")
    [asked] = [m for m, story in world.sent(NRM).items() if story["to"] == ASKED]
    stop_said_by(world, office, asked)
    assert [entry["from"] for entry in entries(world, HOME, "read")][-1:] == [office]
    assert entries(world, HOME, "emptied") == []
    back(world, gone)
    assert len(world.stories(ASKED)) == 1


def test_a_hop_has_a_desk_erase_what_the_office_has() -> None:
    """What was handed over only its sender's withdrawal ends: a hop's word does not reach it."""
    world = asked_to_arrange()
    gone = away(world, BORDER)
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    gone[BORDER].handle(world.transport.read(gone[BORDER].positions(), 64, 0), world.now_ms)
    handed = dict.fromkeys((message for message, _ in gone[BORDER].handoffs()), ())
    gone[BORDER].handed(handed, world.now_ms)
    office = away(world, ASKED)
    world.publish(NRM, [Withdrawal(CASE)])
    back(world, gone)
    assert len(world.stories(BORDER)) == len(handed) > 0
    back(world, office)
    assert world.stories(BORDER) == []


# -- after its bundle ------------------------------------------------------------------------------


class Succeeding(Played):
    """A world whose bundle is followed by another after ten days."""

    def trusted(self, name: str) -> list[Bundle]:
        del name
        return list(two_bundles())


@cache
def two_bundles() -> tuple[Bundle, Bundle]:
    first = draft_bundle()
    sources = {**first.files, "policies/contradictions.toml": b"# none any more\n"}
    return (
        sign_bundle(first, (NOW_MS - DAY_MS, NOW_MS + 10 * DAY_MS)),
        sign_bundle(bundles.build(sources), (NOW_MS + 5 * DAY_MS, NOW_MS + YEAR_MS)),
    )


@pytest.mark.parametrize("days", [7, 20])
def test_withdrawn_after_the_bundle_that_it_went_by_was_followed(days: int) -> None:
    """While both are in force, and when the first is no more: everything is erased and answered."""
    world = Succeeding()
    world.hand_in(NRM, "returns.csv")
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    assert world.types(BORDER) == {"travel-notice-border"}
    world.later(days)
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()
    everywhere = [world.stories(office) for office in world.desks if office != NRM]
    assert everywhere == [[]] * len(everywhere)
    of_nrm = {outcome for kind, _, outcome in world.outcomes(NRM) if "withdrawn" not in kind}
    assert of_nrm == {"erased"}
    assert audited(world) == []


# -- revoked by a newer request --------------------------------------------------------------------


REVOKED = "ຄມ-2026-0008"


def test_consular_contact_revoked_while_the_notice_to_the_consulate_waits() -> None:
    """The newer request counts once the hop has it, whatever waits at the border."""
    world = Played()
    world.hand_in(NRM, "returns.csv", case=REVOKED)
    line = away(world, ABROAD)
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    office = away(world, ASKED)
    world.hand_in(NRM, "returns-changed.csv", case=REVOKED)
    back(world, line)
    assert world.stories(CONSUL) == world.stories(BORDER) == []
    back(world, office)
    told = {(to, outcome) for kind, to, outcome in world.outcomes(ASKED) if "travel" in kind}
    assert told == {(CONSUL, "rejected"), (BORDER, "rejected")}
    stories = [story for _, story in world.desks[ASKED].cabinet.all("sent")]
    receipts = [receipt for story in stories for receipt in story["receipts"]]
    assert {each["fault"] for each in receipts if "fault" in each} == {"replaced"}
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    assert world.stories(CONSUL) == []
    assert world.types(BORDER) == {"travel-notice-border"}
    assert audited(world) == []
