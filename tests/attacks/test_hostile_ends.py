"""What a dishonest office at an end of the path can try: other facts, another's cause, a denial."""

import copy
from dataclasses import replace

import pytest

from attacks.hostile import (
    BORDER,
    LA_HOP,
    VN_HOP,
    entries,
    referral,
    send,
    settled,
    signed_by,
    slot_of,
)
from unit.journey.played import Played
from world import keychain, party_keys, signed_bundle
from xref.audit import audit_hop, reconcile
from xref.compose import sign_drafts
from xref.desk.intake import Intake
from xref.tlog import cosignature
from xref.wire.envelope import Envelope, OpenFacts
from xref.wire.facts import NO_FACTS, Facts
from xref.wire.key import KeyUse
from xref.wire.office import Link

ASKED = "LANAT001"


@pytest.fixture(scope="module")
def asked(carried_by: str) -> tuple[Played, Envelope]:
    """A world where an authority was asked at home, and what it would honestly send abroad."""
    world = Played()
    world.hand_in("LANRM001", "identity-checks.csv")
    world.hand_in("LANRM001", "returns.csv")
    desk = world.desks[ASKED]
    [record] = world.records("la", "nationality-check.json")
    row = replace(record, reply_to=world.received(ASKED, "identity-check-asked"))
    intake = Intake(desk.cabinet, desk._publisher(world.now_ms), world.now_ms)
    drafts = [each.draft for each in intake.take(row)]
    signer = keychain(ASKED).signing(KeyUse.DESK, world.now_ms)
    [honest] = sign_drafts(drafts, signer, desk._entropy, world.now_ms)
    return world, honest


def refused(world: Played, honest: Envelope, facts: Facts, name: bytes) -> list[str]:
    """Send the message with other facts, and return the reasons of its refusal."""
    assert isinstance(honest.facts, OpenFacts)
    changed = replace(
        honest,
        header=replace(honest.header, message=name * 16),
        facts=OpenFacts(honest.facts.salt, facts.encode()),
    )
    key = keychain(ASKED).signing(KeyUse.DESK, world.now_ms)
    send(world, Link(ASKED, LA_HOP), [slot_of(signed_by(key, changed))])
    world.settle()
    [entry] = [e for e in entries(world, LA_HOP, "refused") if e["message"] == (name * 16).hex()]
    assert world.types("VNNAT001") == set()
    reasons: list[str] = entry["reasons"]
    return reasons


def test_desk_names_a_cause_that_another_office_was_sent(asked: tuple[Played, Envelope]) -> None:
    """The immigration office was asked for that; the authority may not act on its facts."""
    world, honest = asked
    another = world.received("LAIMM001", "travel-asked")
    found = refused(world, honest, replace(NO_FACTS, cause=another), b"a")
    assert found == ["hop/unknown-cause"]


def test_desk_states_facts_of_its_own_where_it_must_name_a_cause(
    asked: tuple[Played, Envelope],
) -> None:
    world, honest = asked
    facts = signed_bundle().policy.facts
    codes = facts.encode({"asylum": "no", "origin_fear": "none-stated"})
    found = refused(world, honest, replace(NO_FACTS, codes=codes), b"b")
    assert "engine/no-cause" in found


def test_desk_sends_facts_of_another_offices_message(asked: tuple[Played, Envelope]) -> None:
    """Even copied whole, with the digest of somebody else's sharing consent."""
    world, honest = asked
    cause = world.hops[LA_HOP].knowledge.cause(world.received("LAIMM001", "travel-asked"))
    assert cause is not None
    found = refused(world, honest, cause.facts, b"d")
    assert "engine/no-cause" in found


def test_receiver_claims_it_got_nothing() -> None:
    """Its own countersignature says otherwise, to anybody, offline."""
    world = settled()
    before = copy.deepcopy(world.stores[VN_HOP])
    world.publish("LANRM001", [referral()])
    world.settle()
    world.stores[VN_HOP] = before  # what the hop abroad shows to an auditor
    bundles = {signed_bundle().digest32: signed_bundle()}
    reports = [audit_hop(world.stores[hop], hop, bundles, party_keys()) for hop in (LA_HOP, VN_HOP)]
    said = reconcile(reports).unsettled  # what it countersigned and must account for
    assert any(BORDER.name in each and f"missing from {VN_HOP}'s account" in each for each in said)
    # And without any account of the receiver's at all: the sender holds the proof itself.
    cosigned = world.hops[LA_HOP].endpoint.outgoing[BORDER].cosigned
    known = world.hops[LA_HOP].endpoint.directory
    [log] = known.log_verifiers(BORDER, 1)
    [cosigner] = known.cosigner(VN_HOP, world.now_ms // 1000)
    head, _ = cosignature.verify_cosigned(cosigned, log, cosigner)
    assert head.size == world.hops[LA_HOP].endpoint.outgoing[BORDER].size
