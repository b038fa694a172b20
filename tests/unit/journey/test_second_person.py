"""A child's emergency without a sharing consent: held, approved by a second person, on record."""

import json
from dataclasses import replace

import pytest

from attacks.hostile import entries
from unit.journey.played import Played
from unit.journey.test_journey import audits
from world import signed_bundle
from xref.audit_report import HopReport
from xref.desk.approval import approval_fault, check_name, folded
from xref.desk.duties import obligations_of
from xref.desk.spool import Approval, Correction, Withdrawal
from xref.errors import RecordError

NRM, HOP = "LANRM001", "LAHOP001"
CHILD = "ຄມ-2026-0004"
FORM = "emergency.csv"
FIRST, SECOND = "Bounmy Vongsa", "Khamla Phommachanh"


def handed_in(by: str = FIRST) -> Played:
    world = Played()
    world.hand_in(NRM, FORM, case=CHILD, by=by)
    return world


def approve(world: Played, by: str, *, statement: str = "") -> None:
    [held] = world.held(NRM)
    world.now_ms += 1000
    world.publish(NRM, [Approval(held.key, statement or held.statement, by)])
    world.settle()


def test_emergency_waits_for_a_second_person_and_then_goes() -> None:
    world = handed_in()
    [held] = world.held(NRM)
    assert held.waiting
    assert held.since_ms <= world.now_ms
    assert "second person" in held.problem
    assert world.outcomes(NRM) == set()
    approve(world, SECOND)
    sent = "emergency-protection-referral", "VNNRM001", "opened"
    assert world.outcomes(NRM) == {sent}
    assert world.held(NRM) == []
    [(_, received)] = world.stories("VNNRM001")
    assert received["values"]["urgency"] == "LIFE_AT_RISK"
    [released] = entries(world, HOP, "released")[:1]
    assert "appoint-guardian" in released["obligations"]
    owed = obligations_of(signed_bundle(), received["type"], received["from"], "VNNRM001")
    assert "guardian appointed" in owed["appoint-guardian"]
    assert list(owed) == released["obligations"]


def test_an_answer_puts_no_duty_on_who_asked() -> None:
    assert obligations_of(signed_bundle(), "safe-receipt", "VNSVC001", NRM) == {}
    assert obligations_of(signed_bundle(), "safe-receipt", "XXGONE01", NRM) == {}


def test_her_return_is_refused_with_all_reasons() -> None:
    world = handed_in()
    approve(world, SECOND)
    world.hand_in(NRM, "returns.csv", case=CHILD)
    [held] = world.held(NRM)
    assert set(held.reasons) == {
        "floor/child",
        "floor/child-return",
        "floor/child-return-family",
        "floor/child-return-guardian",
        "floor/sharing-consent",
    }
    assert world.types("VNNRM001") == {"emergency-protection-referral"}


def test_release_without_a_sharing_consent_is_an_event_that_the_audit_counts() -> None:
    world = handed_in()
    approve(world, SECOND)
    [event] = entries(world, HOP, "ground")
    [released] = [e for e in entries(world, HOP, "released") if e["facts"].get("second_approval")]
    assert event["ground"] == "child-best-interests"
    assert event["message"] == released["message"]
    reports = {report.office: report for report in audits(world)}
    report = reports[HOP]
    assert isinstance(report, HopReport)
    assert report.trail.grounds == {"child-best-interests": 1}
    assert report.problems == ()


def test_officials_names_stay_at_the_desk_sealed() -> None:
    world = handed_in()
    approve(world, SECOND)
    [(_, story)] = world.desks[NRM].cabinet.all("sent")
    assert (story["approval"]["prepared_by"], story["approval"]["by"]) == ([FIRST], SECOND)
    for store in world.stores.values():
        held = repr(vars(store)).encode() + repr(vars(world.transport)).encode()
        for name in (FIRST, SECOND):
            assert name.encode() not in held
    kept = json.dumps([list(world.inbox(o).values()) for o in world.desks], default=str)
    assert FIRST not in kept
    assert SECOND not in kept


@pytest.mark.parametrize(
    "again",
    [FIRST, "bounmy  vongsa", "BOUNMY\u200bVONGSA", "Bounmy\u00a0Vongsa", "Ｂｏｕｎｍｙ Vongsa"],
)
def test_one_person_approves_under_another_spelling(again: str) -> None:
    world = handed_in()
    approve(world, again)
    assert [held.waiting for held in world.held(NRM)] == [True]
    assert world.outcomes(NRM) == set()


def test_approval_of_what_nobody_says_they_prepared() -> None:
    world = handed_in(by="")
    approve(world, SECOND)
    assert world.outcomes(NRM) == set()
    world.hand_in(NRM, FORM, case=CHILD, by=FIRST)
    approve(world, SECOND)
    assert {outcome for _, _, outcome in world.outcomes(NRM)} == {"opened"}


def test_changed_after_approval_then_sent_unseen() -> None:
    """An approval is of one statement: whatever changes afterwards waits again."""
    world = handed_in()
    [record] = world.records("la", FORM, CHILD)
    [held] = world.held(NRM)
    changed = {**record.values, "urgency": "ROUTINE"}
    world.publish(NRM, [replace(record, values=changed, prepared_by=(FIRST,))])
    approve(world, SECOND, statement=held.statement)
    assert world.outcomes(NRM) == set()
    approve(world, SECOND)
    assert {outcome for _, _, outcome in world.outcomes(NRM)} == {"opened"}
    sent = world.outcomes(NRM)
    world.publish(NRM, [replace(record, prepared_by=(FIRST,))])
    world.settle()
    assert world.outcomes(NRM) == sent
    assert [each.waiting for each in world.held(NRM)] == [True]


def test_who_corrects_the_ground_then_approves_it() -> None:
    """Otherwise one person could state a ground in somebody else's record and approve it too."""
    world = handed_in()
    facts = {"disclosure_ground": "vital-interest"}
    world.publish(NRM, [Correction(CHILD, "emergency-protection-referral", facts, SECOND)])
    for name in (FIRST, SECOND):
        approve(world, name)
        assert world.outcomes(NRM) == set()
    approve(world, "Somchit Keo")
    assert {outcome for _, _, outcome in world.outcomes(NRM)} == {"opened"}


def test_correction_by_nobody_then_approve() -> None:
    world = handed_in()
    facts = {"disclosure_ground": "vital-interest"}
    world.publish(NRM, [Correction(CHILD, "emergency-protection-referral", facts)])
    approve(world, SECOND)
    assert world.outcomes(NRM) == set()


def test_form_or_correction_that_claims_the_approval_itself() -> None:
    world = Played()
    [record] = world.records("la", FORM, CHILD)
    claimed = {"second_approval": "given"}
    row = replace(record, facts={**record.facts, **claimed}, prepared_by=(FIRST,))
    world.publish(NRM, [row])
    world.publish(NRM, [Correction(CHILD, "emergency-protection-referral", claimed, SECOND)])
    world.settle()
    assert world.outcomes(NRM) == set()
    assert [held.waiting for held in world.held(NRM)] == [True]


def test_withdrawn_then_sent_again_on_a_vital_interest() -> None:
    """What went on another ground can be taken back, and then goes on none but a court's."""
    world = handed_in()
    approve(world, SECOND)
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CHILD)])
    world.settle()
    assert world.types("VNNRM001") == set()
    [record] = world.records("la", FORM, CHILD)
    again = replace(record, values={**record.values, "urgency": "URGENT"}, prepared_by=(FIRST,))
    world.publish(NRM, [again])
    approve(world, SECOND)
    assert world.types("VNNRM001") == set()
    [held] = world.held(NRM)
    assert held.reasons == ("floor/sharing-consent",)


def test_waiting_survives_a_restart_and_keeps_its_day() -> None:
    world = handed_in()
    [before] = world.held(NRM)
    world.now_ms += 86_400_000
    world.start(NRM)
    world.hand_in(NRM, FORM, case=CHILD, by=FIRST)
    [after] = world.held(NRM)
    assert after.since_ms == before.since_ms
    approve(world, SECOND)
    assert {outcome for _, _, outcome in world.outcomes(NRM)} == {"opened"}


@pytest.mark.parametrize("name", ["", " ", "\u200b", "x" * 201, "a\x00b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(RecordError, match="--by"):
        check_name(name)


def test_names_are_compared_as_people_read_them() -> None:
    assert folded("ທ້າວ  ບຸນມີ") == folded("ທ້າວບຸນມີ")
    assert approval_fault(["Straße"], "STRASSE")
    assert not approval_fault([FIRST], SECOND)
    assert "who prepared it" in approval_fault([], SECOND)
