"""Silence is never taken for an answer: what is overdue is an alert until the answer comes."""

import itertools
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from unit.journey.played import CASE, Played
from world import DAY_MS, signed_bundle
from xref import running
from xref.desk.alerts import Alert
from xref.desk.cabinet import Cabinet
from xref.desk.spool import Correction, Withdrawal
from xref.story import alerts_of

NRM, PROVIDER = "LANRM001", "VNSVC001"
MISSING, NOT_INFORMED, CHILD = "ຄມ-2026-0007", "ຄມ-2026-0006", "ຄມ-2026-0004"


def alerts(world: Played, office: str = NRM, *, days: int = 0) -> list[Alert]:
    """What the running desk says, which is what all its records say."""
    now_ms = world.now_ms + days * DAY_MS
    found = world.desks[office].alerts(now_ms)
    assert found == alerts_of(world.stores[office], signed_bundle(), now_ms)
    return found


def kinds(found: list[Alert]) -> list[tuple[str, str, str]]:
    return [(alert.kind, alert.type, alert.to) for alert in found]


def test_look_reads_what_is_open_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Played()
    world.hand_in(NRM, "departures.csv")
    world.hand_in(PROVIDER, "safe-receipt.json", answers="departure")
    world.hand_in(NRM, "departures.csv", case=MISSING)
    alerts(world)
    read: list[tuple[str, bytes]] = []
    opened = Cabinet._open

    def noted(cabinet: Cabinet, space: str, key: bytes, value: bytes) -> object:
        read.append((space, key))
        return opened(cabinet, space, key, value)

    monkeypatch.setattr(Cabinet, "_open", noted)
    found = world.desks[NRM].alerts(world.now_ms + DAY_MS)
    assert kinds(found) == [("no-answer", "departure", PROVIDER)]
    cabinet = world.desks[NRM].cabinet
    assert {cabinet.case_id(space, key) for space, key in read} == {cabinet.find_case(MISSING)}
    read.clear()
    world.hand_in(PROVIDER, "safe-receipt.json", answers="departure")
    world.desks[NRM].alerts(world.now_ms)
    read.clear()
    assert world.desks[NRM].alerts(world.now_ms + DAY_MS) == []
    assert read == []


def departed() -> Played:
    world = Played()
    world.hand_in(NRM, "departures.csv", case=MISSING)
    return world


def test_missing_safe_receipt_is_an_alert_after_the_day_of_arrival() -> None:
    world = departed()
    assert alerts(world) == []
    [alert] = alerts(world, days=1)
    assert kinds([alert]) == [("no-answer", "departure", PROVIDER)]
    assert alert.case == MISSING
    assert "telephone" in alert.duty
    assert MISSING not in alert.code()
    assert alert.id in alert.code()


def test_day_of_arrival_counts_to_its_end() -> None:
    world = Played()
    world.hand_in(NRM, "departures.csv")  # arrives on 15 December
    [alert] = alerts(world, days=40)
    midnight = 1_797_379_200_000  # 16 December 2026, 00:00 UTC
    assert alert.due_ms == midnight + DAY_MS


@pytest.mark.parametrize("about", ["departure", "reception-notice"])
def test_safe_receipt_clears_the_alert_whichever_notice_it_answers(about: str) -> None:
    world = Played()
    world.hand_in(NRM, "returns.csv", case=MISSING)
    world.hand_in(NRM, "departures.csv", case=MISSING)
    world.hand_in(PROVIDER, "safe-receipt.json", answers=about)
    assert alerts(world, days=9) == []


def test_person_did_not_arrive_then_the_alert_stays() -> None:
    world = departed()
    [record] = world.records("vn", "safe-receipt.json")
    asked = world.received(PROVIDER, "departure")
    said = {**record.values, "arrival_outcome": "NOT_ARRIVED"}
    world.publish(PROVIDER, [replace(record, values=said, reply_to=asked)])
    world.settle()
    [alert] = alerts(world)
    assert kinds([alert]) == [("alarming-answer", "departure", PROVIDER)]
    world.hand_in(PROVIDER, "safe-receipt.json", answers="departure")
    assert alerts(world, days=9) == []


def test_not_delivered_is_no_excuse() -> None:
    """The other side's hop is away: the alert is raised all the same."""
    world = Played()
    del world.hops["VNHOP001"]
    world.hand_in(NRM, "departures.csv", case=MISSING)
    assert ("no-answer", "departure", PROVIDER) in kinds(alerts(world, days=1))


def test_every_question_of_the_journey_is_waited_for_and_settled() -> None:
    world = Played()
    world.hand_in(NRM, "identity-checks.csv")
    world.hand_in("LANAT001", "nationality-check.json", answers="identity-check-asked")
    assert kinds(alerts(world, days=46)) == [("no-answer", "identity-check-asked", "LANAT001")]
    assert kinds(alerts(world, "LANAT001", days=31)) == [
        ("no-answer", "nationality-request", "VNNAT001")
    ]
    world.hand_in("VNNAT001", "nationality-answer.json", answers="nationality-request")
    world.hand_in("LANAT001", "identity-answer.json", answers="identity-check-asked")
    world.refer()
    waited = {alert.type for alert in alerts(world, days=46)}
    assert waited == {"service-referral"}  # the sample answers the one to the other mechanism
    world.go_home()
    assert {alert.type for alert in alerts(world, days=46)} == {"service-referral"}


def test_running_desk_logs_each_alert_once_by_ids_and_codes_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = departed()
    clock = itertools.count(world.now_ms + DAY_MS, 3_600_000)
    monkeypatch.setattr(running, "now_ms", lambda: next(clock))
    alerting = running.Alerting(world.desks[NRM])
    with capture_logs() as logged:
        alerting.turn()
        alerting.turn()
        world.hand_in(PROVIDER, "safe-receipt.json", answers="departure")
        alerting.turn()
    [(message, _)] = [(m, s) for m, s in world.sent(NRM).items() if s["to"] == PROVIDER]
    alarm = f"no-answer: departure {message.hex()} to {PROVIDER}"
    assert [entry["alarm"] for entry in logged] == [alarm]
    assert MISSING not in repr(logged)


def test_withdrawn_then_nothing_is_waited_for() -> None:
    world = departed()
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(MISSING)])
    world.settle()
    assert alerts(world, days=9) == []


def test_the_same_question_asked_twice_needs_two_answers() -> None:
    world = Played()
    world.hand_in(NRM, "readiness.csv")
    first = world.received(PROVIDER, "readiness-asked")
    [record] = world.records("la", "readiness.csv")
    world.now_ms += 1000
    world.publish(NRM, [replace(record, values={**record.values, "dependants": 3})])
    world.settle()
    [answer] = world.records("vn", "readiness-answer.json")
    world.publish(PROVIDER, [replace(answer, reply_to=first)])
    world.settle()
    assert kinds(alerts(world, days=8)) == [("no-answer", "readiness-asked", PROVIDER)]


def test_held_too_long_is_an_alert_with_its_duty_until_it_goes() -> None:
    world = Played()
    world.hand_in(NRM, "identity-checks.csv", case=NOT_INFORMED)
    assert alerts(world, days=6) == []
    [alert] = alerts(world, days=7)
    assert kinds([alert]) == [("held", "identity-check", "")]
    assert alert.duty.startswith("Inform the person")
    world.now_ms += DAY_MS
    world.publish(NRM, [Correction(NOT_INFORMED, "identity-check", {"asylum": "not-informed"})])
    world.settle()
    assert [each.since_ms for each in alerts(world, days=7)] == [alert.since_ms]
    world.publish(NRM, [Correction(NOT_INFORMED, "identity-check", {"asylum": "no"})])
    world.settle()
    assert [each.kind for each in alerts(world, days=7)] == []


def test_an_emergency_waits_for_its_second_person_for_a_day_at_most() -> None:
    world = Played()
    world.hand_in(NRM, "emergency.csv", case=CHILD, by="Bounmy")
    [alert] = alerts(world, days=1)
    assert alert.type == "emergency-protection-referral"
    assert "second person" in alert.duty
    assert CASE not in alert.code()
