"""The whole journey, and what each office abroad can and cannot see of it."""

from dataclasses import replace

import pytest

from unit.journey.played import ALL, CASE, Played
from world import party_keys, signed_bundle
from xref.audit import audit_desk, audit_hop, reconcile
from xref.audit_report import OfficeReport
from xref.backlog import parse_row
from xref.desk.spool import Withdrawal
from xref.tlog.tree import EMPTY_ROOT


@pytest.fixture(scope="module")
def played() -> Played:
    world = Played()
    world.verify_identity()
    world.refer()
    world.go_home()
    return world


def test_case_from_safety_to_safe_receipt(played: Played) -> None:
    assert played.types("LANRM001") == {
        *("identity-check-answered", "referral-response", "origin-assurance"),
        *("reception-readiness", "safe-receipt"),
    }
    assert {"victim-referral", "return-notice", "departure"} <= played.types("VNNRM001")
    assert {"service-referral", "reception-notice", "departure"} <= played.types("VNSVC001")
    for office in ALL:
        if "HOP" not in office:
            assert {outcome for _, _, outcome in played.outcomes(office)} <= {"opened"}, office


def test_neutral_offices_learn_nothing_of_the_case(played: Played) -> None:
    """Neither that a referral mechanism asked, nor that a person was trafficked."""
    assert played.types("VNNAT001") == {"nationality-request"}
    assert played.types("VNBOR001") == {"travel-notice-border"}
    assert played.types("VNCON001") == {"travel-notice-consular"}
    for office, sender in (
        ("VNNAT001", "LANAT001"),
        ("VNBOR001", "LAIMM001"),
        ("VNCON001", "LAIMM001"),
    ):
        for _, content in played.stories(office):
            assert content["from"] == sender
            said = repr(content).lower()
            for word in ("victim", "referral", "exploit", "traffick", "lanrm", "asylum", "shelter"):
                assert word not in said, (office, word)


def test_nothing_links_a_check_to_a_referral(played: Played) -> None:
    threads = [content["thread"] for _, content in played.stories("VNNAT001")]
    others = [
        content["thread"]
        for office in ("VNNRM001", "VNSVC001", "VNBOR001", "VNCON001")
        for _, content in played.stories(office)
    ]
    assert not set(threads) & set(others)
    references = [
        content["values"].get(name)
        for office in ("VNNAT001", "VNNRM001", "VNSVC001", "VNBOR001", "VNCON001")
        for _, content in played.stories(office)
        for name in ("request_id", "referral_id", "notice_id")
    ]
    given = [each for each in references if each]
    assert len(given) == len(set(given))


def test_asked_office_cannot_act_on_what_it_was_not_asked() -> None:
    world = Played()
    world.hand_in("LANRM001", "identity-checks.csv")
    records = world.records("la", "nationality-check.json")
    world.publish("LANAT001", list(records))  # names no received message
    world.settle()
    assert world.types("VNNAT001") == set()


def test_consular_office_gets_nothing_on_who_did_not_ask() -> None:
    """It subscribes to travel notices; of another returnee it cannot tell that there is one."""
    world = Played()
    world.hand_in("LANRM001", "returns.csv", case="ຄມ-2026-0003")
    world.hand_in("LAIMM001", "travel.json", answers="travel-asked")
    assert world.types("VNBOR001") == {"travel-notice-border"}
    assert world.types("VNCON001") == set()


def test_withdrawal_erases_at_every_office_that_was_told() -> None:
    world = Played()
    world.verify_identity()
    world.refer()
    world.go_home()
    world.now_ms += 1000
    world.publish("LANRM001", [Withdrawal(CASE)])
    world.settle()
    for office in (
        "LANAT001",
        "LAIMM001",
        "VNNAT001",
        "VNNRM001",
        "VNSVC001",
        "VNBOR001",
        "VNCON001",
    ):
        assert world.types(office) == set(), office
        assert world.desks[office].removals(), office
    assert {o for _, _, o in world.outcomes("LANRM001")} == {"erased", "delivered"}
    reports = audits(world)
    assert [problem for report in reports for problem in report.problems] == []
    assert reconcile(reports).differences == ()


def test_withdrawal_overtakes_what_is_under_way() -> None:
    """What has a leaf and is not delivered becomes a stub; the log stays whole."""
    world = Played()
    world.now_ms += 1000
    world.publish("LANRM001", list(world.records("la", "referrals.csv")))
    hop = world.hops["LAHOP001"]
    hop.handle(world.transport.read(hop.positions(), 64, 0), world.now_ms)
    [border] = [link for link in hop.endpoint.outgoing if link.receiver == "VNHOP001"]
    assert hop.endpoint.outgoing[border].size == 2
    world.publish("LANRM001", [Withdrawal(CASE)])
    hop.handle(world.transport.read(hop.positions(), 64, 0), world.now_ms)
    rows = [parse_row(row) for _, row in hop.state.scan("outbox", border.name.encode())]
    assert [each.slot.is_stub for row in rows for each in row][:2] == [True, True]
    assert hop.endpoint.outgoing[border].tree.root() != EMPTY_ROOT
    world.settle()
    outcomes = {(kind, outcome) for kind, _, outcome in world.outcomes("LANRM001")}
    assert outcomes >= {("victim-referral", "rejected"), ("service-referral", "rejected")}
    assert world.types("VNNRM001") == set()
    assert world.types("VNSVC001") == set()
    reports = audits(world)
    assert [problem for report in reports for problem in report.problems] == []


def test_nothing_goes_after_a_withdrawal_until_asked_again() -> None:
    world = Played()
    world.hand_in("LANRM001", "referrals.csv")
    world.now_ms += 1000
    world.publish("LANRM001", [Withdrawal(CASE)])
    world.settle()
    since = world.now_ms
    [record] = world.records("la", "referrals.csv")
    changed = {**record.values, "dependants": 2}
    world.publish("LANRM001", [replace(record, values=changed)])
    world.settle()
    assert world.outcomes("LANRM001", since_ms=since) >= {
        ("victim-referral", "VNNRM001", "refused"),
        ("service-referral", "VNSVC001", "refused"),
    }


def audits(world: Played) -> list[OfficeReport]:
    bundle = {signed_bundle().digest32: signed_bundle()}
    reports: list[OfficeReport] = []
    for office, store in world.stores.items():
        audit = audit_hop if "HOP" in office else audit_desk
        reports.append(audit(store, office, bundle, party_keys()))
    return reports
