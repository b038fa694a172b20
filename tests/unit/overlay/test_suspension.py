"""Overlays in use: real desks and hops under one, and what an office sees that was suspended."""

from dataclasses import replace
from typing import Any

import pytest

from attacks.hostile import entries
from unit.journey.played import Played
from unit.journey.test_journey import audits
from unit.overlay.overlays import NO_BIRTH_DATE, note, rule, suspended
from xref.desk.approval import official_digest
from xref.desk.spool import Correction, Withdrawal
from xref.errors import ConfigError
from xref.overlay import SUSPENDED, Suspension, suspend

LA_HOP, VN_HOP, NRM, VN_NRM, VN_SVC = "LAHOP001", "VNHOP001", "LANRM001", "VNNRM001", "VNSVC001"
CASE = "ຄມ-2026-0001"
NAME = "Khamla Phommachanh"


def put(world: Played, text: str, *offices: str) -> None:
    """Give a signed overlay to hops and desks of its Party."""
    for office in offices:
        at = world.hops.get(office) or world.desks[office]
        assert at.use_overlay(text, world.now_ms)


def others(world: Played) -> list[str]:
    """Outcomes of the referrals of the case at its own desk."""
    return sorted(f"{kind} {to} {what}" for kind, to, what in world.outcomes(NRM))


def _told(story: dict[str, Any]) -> list[Any]:
    receipts = [{**each, "at_ms": 0} for each in story["receipts"]]
    return [story["type"], story["outcome"], story["disclosed"], receipts]


def stories(world: Played) -> list[dict[str, Any]]:
    """What the NRM's desk knows of its messages."""
    return [story for _, story in world.desks[NRM].cabinet.all("sent")]


def refer(world: Played) -> None:
    world.hand_in(NRM, "referrals.csv")


def test_field_that_the_overlay_keeps_stays_and_its_own_desk_is_told_why() -> None:
    world = Played()
    put(world, note(NO_BIRTH_DATE), LA_HOP)
    refer(world)
    [content] = [c for _, c in world.stories(VN_NRM)]
    assert "birth_date" not in content["values"] or content["values"]["birth_date"] is None
    [story] = [s for s in stories(world) if s["type"] == "victim-referral"]
    assert {"field": "birth_date", "rules": ["overlay-la/no-birth-date"]} in story["withheld"]
    assert all(report.verified for report in audits(world))


def test_receiving_party_drops_what_it_lets_in_on_no_facts_and_abroad_learns_nothing() -> None:
    world, plain = Played(), Played()
    put(world, note(NO_BIRTH_DATE.replace("-la/", "-vn/"), party="VN"), VN_HOP)
    for each in (world, plain):
        refer(each)
    [content] = [c for _, c in world.stories(VN_NRM)]
    assert content["values"].get("birth_date") is None
    # The origin's desk sees what its own hop let go, and no difference.
    told, untouched = ([_told(story) for story in stories(each)] for each in (world, plain))
    assert told == untouched
    [entry] = [e for e in entries(world, VN_HOP, "released") if e["to"] == VN_NRM]
    assert {"field": "birth_date", "rules": ["hop/not-admitted"]} in entry["withheld"]
    assert all(report.verified for report in audits(world))


def test_receiving_partys_overlay_never_lets_the_rest_go_without_the_safeguards() -> None:
    """A field that must go along keeps the whole message out."""
    world = Played()
    keeps = rule(
        "no-restrictions", "strip",
        'flows = ["victim-referral"]\nfields = ["contact_restrictions"]', "vn",
    )  # fmt: skip
    put(world, note(keeps, party="VN"), VN_HOP)
    refer(world)
    assert world.stories(VN_NRM) == []
    assert f"victim-referral {VN_NRM} refused" in others(world)


@pytest.mark.parametrize("text", [note(suspended(NRM)), note(suspended(NRM, VN_NRM))])
def test_suspended_office_sends_nothing_from_that_moment(text: str) -> None:
    world = Played()
    put(world, text, LA_HOP)
    refer(world)
    assert world.stories(VN_NRM) == world.stories(VN_SVC) == []
    assert {what for _, _, what in world.outcomes(NRM)} == {"refused"}
    assert all(e["reasons"] == [SUSPENDED] for e in entries(world, LA_HOP, "refused"))


def test_suspended_office_gets_nothing_that_waits_for_it() -> None:
    """What its hop has not delivered is emptied; abroad that is a refusal like any other."""
    world = Played()
    desk = world.desks.pop(VN_NRM)  # away: what is for it waits at its hop
    refer(world)
    overlay = note(suspended(VN_NRM), party="VN")
    put(world, overlay, VN_HOP)
    world.settle()
    world.desks[VN_NRM] = desk
    put(world, overlay, VN_NRM)  # its transport still has what was published before
    world.now_ms += 3_600_000
    for hop in world.hops.values():
        hop.tick(world.now_ms)
    world.settle()
    [emptied] = entries(world, VN_HOP, "emptied")
    assert emptied["out_link"].startswith(f"xref/link/v1/{VN_HOP}/{VN_NRM}")
    assert world.stories(VN_NRM) == []
    assert f"victim-referral {VN_NRM} refused" in others(world)
    [story] = [s for s in stories(world) if s["to"] == VN_NRM]
    assert [r for r in story["receipts"] if r["from"] == VN_HOP][-1].keys() <= {
        "outcome", "from", "party", "at_ms",
    }  # fmt: skip
    assert all(report.verified for report in audits(world))


def test_persons_withdrawal_reaches_a_suspended_office_and_it_erases() -> None:
    world = Played()
    refer(world)
    assert len(world.stories(VN_NRM)) == 1
    put(world, note(suspended(VN_NRM), party="VN"), VN_HOP, VN_NRM)
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()
    assert world.stories(VN_NRM) == []
    assert f"victim-referral {VN_NRM} erased" in others(world)


def test_suspended_offices_own_withdrawal_still_goes() -> None:
    world = Played()
    refer(world)
    put(world, note(suspended(NRM)), LA_HOP, NRM)
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()
    assert world.stories(VN_NRM) == []


def test_suspension_is_lifted_by_a_newer_overlay_alone() -> None:
    world = Played()
    hop = world.hops[LA_HOP]
    put(world, note(suspended(NRM), version=2), LA_HOP)
    assert not hop.use_overlay(note("", version=1), world.now_ms)
    with pytest.raises(ConfigError, match="two overlays of LA have version 2"):
        hop.use_overlay(note("", version=2), world.now_ms)
    with pytest.raises(ConfigError, match="not signed by LA alone"):
        hop.use_overlay(note("", party="VN", version=3), world.now_ms)
    world.start(LA_HOP)  # the state knows it, whatever became of the file
    refer(world)
    assert world.stories(VN_NRM) == []
    put(world, note("", version=3), LA_HOP)
    world.hand_in(NRM, "identity-checks.csv")
    assert [e["version"] for e in entries(world, LA_HOP, "overlay")] == [2, 3]
    assert [e["suspended"] for e in entries(world, LA_HOP, "overlay")] == [[NRM], []]
    assert ("identity-check-asked", "LANAT001", "opened") in world.outcomes(NRM)


def test_office_that_no_bundle_lists_cannot_be_suspended_by_a_slip() -> None:
    world = Played()
    with pytest.raises(ConfigError, match="LANRM009 is in no bundle"):
        world.hops[LA_HOP].use_overlay(note(suspended("LANRM009")), world.now_ms)
    assert entries(world, LA_HOP, "overlay") == []


# At the desk.


def by(world: Played, name: str, case: str = CASE) -> None:
    world.hand_in(NRM, "referrals.csv", case=case, by=name)


def without(name: str) -> str:
    """The suspension of an official of the NRM."""
    return note(suspend("", [Suspension(NRM, official_digest(NRM, name))]))


def test_suspended_official_hands_nothing_in_by_any_spelling() -> None:
    world = Played()
    put(world, without(NAME), NRM)
    by(world, "  khamla PHOMMACHANH ")
    assert world.outcomes(NRM) == set()
    [held] = world.held(NRM)
    assert "suspended" in held.problem
    assert NAME not in held.problem
    by(world, "Bounmy Vongsa")
    assert f"victim-referral {VN_NRM} opened" in others(world)
    assert world.held(NRM) == []


def test_suspended_official_leaves_the_name_out() -> None:
    world = Played()
    put(world, without(NAME), NRM)
    by(world, "")
    assert world.outcomes(NRM) == set()
    assert "--by NAME" in world.held(NRM)[0].problem


def test_suspended_official_corrects_a_held_record() -> None:
    world = Played()
    [record] = world.records("la", "referrals.csv")
    held = replace(record, prepared_by=("Bounmy Vongsa",), facts={**record.facts, "asylum": "no"})
    held = replace(held, facts={**held.facts, "origin_fear": "not-asked"})
    world.publish(NRM, [held])
    world.settle()
    put(world, without(NAME), NRM)
    fact = Correction(CASE, held.publication, {"origin_fear": "none-stated"}, NAME)
    for name, goes in ((NAME, False), ("", False), ("Bounmy Vongsa", True)):
        world.now_ms += 1000
        world.publish(NRM, [replace(fact, by=name)])
        world.settle()
        assert bool(world.stories(VN_NRM)) is goes


def test_official_of_another_office_is_not_meant() -> None:
    world = Played()
    digest = official_digest("LANAT001", NAME)
    put(world, note(suspend("", [Suspension("LANAT001", digest)])), NRM)
    by(world, NAME)
    assert f"victim-referral {VN_NRM} opened" in others(world)


def test_desk_addresses_nobody_who_is_suspended_and_says_so() -> None:
    world = Played()
    put(world, note(suspended(VN_SVC)), NRM)
    refer(world)
    [held] = world.held(NRM)
    assert f"{VN_SVC} is suspended by the own Party" in held.problem
    own = Played()
    put(own, note(suspended(NRM)), NRM)
    refer(own)
    assert "suspended this office" in own.held(NRM)[0].problem


def test_suspended_office_hands_nothing_over_that_it_has() -> None:
    world = Played()
    refer(world)
    assert world.desks[VN_NRM].handoffs()
    put(world, note(suspended(VN_NRM), party="VN"), VN_NRM)
    assert world.desks[VN_NRM].handoffs() == []
