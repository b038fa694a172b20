"""Cases that stop, and one that must not be stopped: through real desks and hops."""

from dataclasses import replace

import pytest

from attacks.hostile import entries
from unit.journey.played import Played
from unit.journey.test_journey import audits
from world import DAY_MS
from xref.desk.spool import Correction

NRM, IMMIGRATION, HOP = "LANRM001", "LAIMM001", "LAHOP001"
BORDER, CONSULATE = "VNBOR001", "VNCON001"
OWN_CHOICE, NOT_INFORMED, REVOKED = "ຄມ-2026-0005", "ຄມ-2026-0006", "ຄມ-2026-0008"
TRAVELLER = "ຕມ-2026-0202"  # how the immigration office calls one of its two samples


def verified(world: Played) -> None:
    assert [problem for report in audits(world) for problem in report.problems] == []


def test_not_informed_of_asylum_is_held_with_its_duty_and_goes_once_asked() -> None:
    world = Played()
    world.hand_in(NRM, "identity-checks.csv", case=NOT_INFORMED)
    [held] = world.held(NRM)
    assert held.reasons == ("floor/asylum",)
    assert held.since_ms <= world.now_ms
    assert world.types("LANAT001") == set()
    world.now_ms += 1000
    world.publish(NRM, [Correction(NOT_INFORMED, "identity-check", {"asylum": "no"})])
    world.settle()
    assert world.held(NRM) == []
    assert world.types("LANAT001") == {"identity-check-asked"}
    verified(world)


def test_own_choice_without_a_risk_assessment_is_recorded_and_never_blocked() -> None:
    world = Played()
    world.hand_in(NRM, "returns.csv", case=OWN_CHOICE)
    world.hand_in(IMMIGRATION, "travel.json", answers="travel-asked", case=TRAVELLER)
    world.hand_in(NRM, "departures.csv", case=OWN_CHOICE)
    world.hand_in("VNSVC001", "safe-receipt.json", answers="departure")
    assert world.held(NRM) == []
    assert {outcome for _, _, outcome in world.outcomes(NRM)} == {"opened"}
    assert "safe-receipt" in world.types(NRM)
    own = [e for e in entries(world, HOP, "released") if e["facts"].get("return_initiative")]
    assert {e["facts"]["risk_outcome"] for e in own} == {"offered-declined"}
    assert {e["facts"]["return_initiative"] for e in own} == {"person"}
    assert world.types(CONSULATE) == set()
    verified(world)


def revoked() -> Played:
    """She asked for consular contact and was announced; then she took it back."""
    world = Played()
    world.hand_in(NRM, "returns.csv", case=REVOKED)
    world.hand_in(IMMIGRATION, "travel.json", answers="travel-asked", case=TRAVELLER)
    assert len(world.stories(CONSULATE)) == 1
    return world


def test_consular_contact_revoked_ends_the_feed_at_once() -> None:
    world = revoked()
    before = len(world.stories(BORDER))
    world.hand_in(NRM, "returns-changed.csv", case=REVOKED)
    since = world.now_ms
    world.hand_in(IMMIGRATION, "travel.json", answers="travel-asked", case=TRAVELLER)
    assert len(world.stories(BORDER)) == before + 1
    assert len(world.stories(CONSULATE)) == 1
    assert world.outcomes(IMMIGRATION, since_ms=since) == {
        ("travel-notice-border", BORDER, "opened"),
        ("travel-notice-consular", CONSULATE, "refused"),
    }
    verified(world)


@pytest.mark.parametrize("newer_is_refused", [False, True])
def test_act_on_the_request_from_before_she_revoked(newer_is_refused: bool) -> None:
    """The immigration office may not know, or not mind; the newest request counts at the hop."""
    world = revoked()
    earlier = world.received(IMMIGRATION, "travel-asked")
    [changed] = world.records("la", "returns-changed.csv", REVOKED)
    if newer_is_refused:
        changed = replace(changed, facts={**changed.facts, "asylum": "intends"})
    world.now_ms += 1000
    world.publish(NRM, [changed])
    world.settle()
    since = world.now_ms
    [travel] = world.records("la", "travel.json", TRAVELLER)
    again = {**travel.values, "arrival_date": "2026-12-19"}
    world.publish(IMMIGRATION, [replace(travel, values=again, reply_to=earlier)])
    world.settle()
    assert {outcome for _, _, outcome in world.outcomes(IMMIGRATION, since_ms=since)} == {"refused"}
    assert {tuple(held.reasons) for held in world.held(IMMIGRATION)} == {("hop/replaced-cause",)}
    assert len(world.stories(CONSULATE)) == 1
    verified(world)


def test_wait_until_the_first_request_is_forgotten_then_act_on_the_second() -> None:
    """Requests at home expire one by one; each newer one still takes the place of the older."""
    world = Played()
    [record] = world.records("la", "returns.csv", REVOKED)
    for days, arrival in ((0, "2026-12-15"), (20, "2026-12-30")):
        world.now_ms += days * DAY_MS
        world.publish(NRM, [replace(record, values={**record.values, "arrival_date": arrival})])
        world.settle()
    second = world.received(IMMIGRATION, "travel-asked")
    world.now_ms += 15 * DAY_MS  # the first has expired, the second has not
    world.hand_in(NRM, "identity-checks.csv")  # and a batch later it is forgotten
    world.hand_in(NRM, "returns-changed.csv", case=REVOKED)
    [travel] = world.records("la", "travel.json", TRAVELLER)
    since = world.now_ms
    world.publish(IMMIGRATION, [replace(travel, reply_to=second)])
    world.settle()
    assert {outcome for _, _, outcome in world.outcomes(IMMIGRATION, since_ms=since)} == {"refused"}
    assert world.types(CONSULATE) == set()


def test_consulate_cannot_tell_a_revocation_from_nothing() -> None:
    """What the consulate and its hop see after it is the same as if nothing had been sent."""

    def seen(*, sends: bool) -> list[object]:
        world = revoked()
        if sends:
            world.publish(NRM, world.records("la", "returns-changed.csv", REVOKED))
            world.settle()
            [travel] = world.records("la", "travel.json", TRAVELLER)
            asked = world.received(IMMIGRATION, "travel-asked")
            world.publish(IMMIGRATION, [replace(travel, named={}, reply_to=asked)])
            world.settle()
        ends = world.hops["VNHOP001"].endpoint.outgoing.items()
        sizes = [(link.name, end.size) for link, end in ends if link.receiver == CONSULATE]
        return [sizes, len(world.stories(CONSULATE))]

    assert seen(sends=True) == seen(sends=False)
