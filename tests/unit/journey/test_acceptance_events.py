"""Acceptance vectors of the sources that are events of a case, played through real desks and hops.

Their numbers are those of our reading of the sources (T7 and on). Two are not played here:

- T23, an auditor whose login is also an operator's: xref has no logins. Who reviews works on
  copies, with a witness's and a reader's own keys (docs/explanation/what-can-be-proved.md).
- T17's clock is moved by hand: what is played is that silence is never an answer.
"""

import json
from dataclasses import replace
from typing import Any, Final

from attacks.hostile import entries
from shipped import shipped
from unit.journey.played import CASE, Played
from unit.journey.test_every_message import Exchange, members
from world import DAY_MS, draft_bundle
from xref.desk.plain_form import read_plain_form
from xref.desk.spool import Correction, Withdrawal

NRM: Final = "LANRM001"
POLICY: Final = draft_bundle().policy
ABROAD: Final = ("VNNRM001", "VNSVC001", "VNNAT001", "VNCON001", "VNBOR001")


def seen_abroad(world: Played) -> dict[str, set[str]]:
    return {office: world.types(office) for office in ABROAD}


def test_t7_asylum_claimed_after_the_verification_was_sent() -> None:
    """From then on nothing goes by her case, whoever is asked, and no answer is waited for less."""
    world = Played()
    world.hand_in(NRM, "identity-checks.csv")
    world.hand_in("LANAT001", "nationality-check.json", answers="identity-check-asked")
    before = seen_abroad(world)
    assert before["VNNAT001"] == {"nationality-request"}
    claimed = {"asylum": "pending"}
    for form in ("referrals.csv", "returns.csv", "identity-checks.csv"):
        [record] = world.records("la", form)
        world.now_ms += 1000
        world.publish(NRM, [replace(record, facts={**record.facts, **claimed})])
        world.settle()
    # What the neutral office sends on the older request names a request that has been replaced.
    world.hand_in("LANAT001", "nationality-check.json", answers="identity-check-asked")
    assert seen_abroad(world) == before
    refused = [e["reasons"] for e in entries(world, "LAHOP001", "refused")]
    assert all("floor/asylum" in each for each in refused if each[0].startswith("floor/"))
    assert refused
    held = {each.publication: each.reasons for each in world.held(NRM)}
    assert all("floor/asylum" in reasons for reasons in held.values())


def detention(**facts: Any) -> dict[str, Any]:
    record = members(POLICY.publications["detention-alert"], "LA", None)
    told = {"free_to_leave": False, "review_state": "NOT_REVIEWED", "women_only": True, **facts}
    return {**record, "fields": {**record["fields"], **told}, "facts": {}}


def test_t15_shelter_that_nobody_may_leave_unreviewed_and_of_women_alone() -> None:
    """Oversight at home learns of the place, and that it is for women alone; nobody abroad does."""
    world = Exchange()
    today = shipped("la").day_at(world.now_ms)
    data = json.dumps(detention() | {"sharing_consent": None}).encode()
    reading = read_plain_form(POLICY, "record.json", data, today=today)
    assert reading.problems == []
    world.publish(NRM, list(reading.records))
    world.settle()
    told = {
        office: [c for c in world.inbox(office).values() if c["type"] == "detention-alert"]
        for office in world.desks
    }
    oversight = [
        each.code
        for each in draft_bundle().directory.offices.values()
        if each.role == "oversight" and each.party == "LA"
    ]
    assert oversight
    assert [office for office, found in told.items() if found] == oversight
    [content] = told[oversight[0]]
    values: Any = content["values"]
    assert (values["free_to_leave"], values["review_state"]) == (False, "NOT_REVIEWED")
    assert values["women_only"] is True


def test_t17_origin_says_nothing_and_nothing_is_taken_from_it() -> None:
    world = Played()
    world.hand_in(NRM, "identity-checks.csv")
    world.hand_in("LANAT001", "nationality-check.json", answers="identity-check-asked")
    late_ms = world.now_ms + 80 * DAY_MS
    found = world.desks["LANAT001"].alerts(late_ms)
    assert ("no-answer", "nationality-request", "VNNAT001") in {
        (each.kind, each.type, each.to) for each in found
    }
    assert world.desks[NRM].alerts(late_ms)
    [story] = [
        story
        for _, story in world.desks["LANAT001"].cabinet.all("sent")
        if story["type"] == "nationality-request"
    ]
    assert "answered" not in story
    assert world.types(NRM) == set()


def test_t19_form_of_exploitation_that_the_reader_has_no_word_for() -> None:
    """The list is open: the code arrives as it was written, and the person with it."""
    world = Played()
    [record] = world.records("la", "referrals.csv")
    new = ["FORCED_CYBER_SCAMMING_OF_2031"]
    given = record.sharing_consent
    assert given is not None
    told = replace(given, categories=tuple(sorted((*given.categories, "exploitation"))))
    values = {**record.values, "exploitation_types": new}
    world.publish(NRM, [replace(record, values=values, sharing_consent=told)])
    world.settle()
    [(_, content)] = world.stories("VNNRM001")
    assert content["values"]["exploitation_types"] == new
    assert content["values"]["victim_status"] == record.values["victim_status"]


def test_t25_agreement_withdrawn_after_two_hops() -> None:
    """Both holders erase, and both say so; until they do, the withdrawal is waited for."""
    world = Played()
    world.hand_in(NRM, "referrals.csv")
    assert world.types("VNNRM001") == {"victim-referral"}
    assert world.types("VNSVC001") == {"service-referral"}
    away = world.desks.pop("VNSVC001")
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()
    outcomes = {to: what for kind, to, what in world.outcomes(NRM) if kind.endswith("referral")}
    assert outcomes == {"VNNRM001": "erased", "VNSVC001": "opened"}
    world.desks["VNSVC001"] = away
    world.settle()
    outcomes = {to: what for kind, to, what in world.outcomes(NRM) if kind.endswith("referral")}
    assert outcomes == {"VNNRM001": "erased", "VNSVC001": "erased"}
    assert world.stories("VNNRM001") == world.stories("VNSVC001") == []


def test_correction_of_a_withdrawn_case_does_not_bring_it_back() -> None:
    world = Played()
    world.hand_in(NRM, "referrals.csv")
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()
    world.now_ms += 1000
    world.publish(NRM, [Correction(CASE, "victim-referral", {"sharing_consent": "granted"})])
    world.settle()
    assert world.stories("VNNRM001") == []
