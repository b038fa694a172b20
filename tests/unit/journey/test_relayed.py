"""What went on from an office that was asked: withdrawn there too, and answered when all have."""

from dataclasses import replace
from typing import Any

import pytest
import structlog

from attacks.hostile import entries
from attacks.test_canaries import holds, needles, stored
from unit.journey.played import CASE, Played
from world import DAY_MS, signed_bundle
from xref.desk.alerts import Alert
from xref.desk.receive import Opened
from xref.desk.relay import note_relayed, relayed
from xref.desk.spool import Kept, Withdrawal
from xref.wire.header import NO_ID, Header

COURT, BY = "ສານ", "ນາງ ຈັນ"
NRM, ASKED, BORDER, CONSUL = "LANRM001", "LAIMM001", "VNBOR001", "VNCON001"

HEADER = Header(
    **dict.fromkeys(("message", "thread", "reply_to", "consent_ref"), NO_ID),
    **dict.fromkeys(("schema", "bundle"), bytes(32)),
    **dict.fromkeys(("desk_key", "seal_key"), bytes(8)),
    flow=1,
    sender=BORDER,
    recipient=ASKED,
    created_ms=1,
    expires_ms=2,
)


def passed_on() -> Played:
    """A world in which an office at home has told two abroad, as it was asked to."""
    world = Played()
    world.hand_in(NRM, "returns.csv")
    world.hand_in(ASKED, "travel.json", answers="travel-asked")
    assert {world.stories(each)[0][1]["from"] for each in (BORDER, CONSUL)} == {ASKED}
    return world


def away(world: Played, *offices: str) -> dict[str, Any]:
    """Take desks away from the world, as if their machines were off."""
    return {office: world.desks.pop(office) for office in offices}


def withdraw(world: Played) -> None:
    world.now_ms += 1000
    world.publish(NRM, [Withdrawal(CASE)])
    world.settle()


def outcome(world: Played) -> str:
    """What the office that asked knows of what it asked for."""
    [found] = [o for kind, to, o in world.outcomes(NRM) if to == ASKED and kind == "travel-asked"]
    return found


def alerts(world: Played, office: str, *, days: int = 0) -> list[Alert]:
    found = world.desks[office].alerts(world.now_ms + days * DAY_MS)
    return [each for each in found if each.kind in ("not-erased", "kept-by-order")]


def keep(world: Played, office: str, days: int) -> int:
    until_ms = world.now_ms + days * DAY_MS
    kept = [Kept(each, COURT, "17/2026", until_ms, BY) for each, _ in world.stories(office)]
    world.publish(office, kept)
    world.settle()
    return until_ms


def test_erased_is_said_when_everybody_has_erased() -> None:
    world = passed_on()
    gone = away(world, BORDER)
    withdraw(world)
    assert world.stories(ASKED) == world.stories(CONSUL) == []
    assert outcome(world) == "opened", "the border guard still has it"
    world.desks |= gone
    world.settle()
    assert world.stories(BORDER) == []
    assert outcome(world) == "erased"
    assert alerts(world, NRM, days=9) == alerts(world, ASKED, days=9) == []


def test_a_holder_that_never_answers_is_overdue_at_both_and_named_to_one() -> None:
    """Who was asked knows whom it told; who asked learns only that not all have answered."""
    world = passed_on()
    away(world, BORDER)
    withdraw(world)
    assert alerts(world, ASKED, days=2) == []
    told = {(each.kind, each.type, each.to, each.case) for each in alerts(world, ASKED, days=3)}
    assert told == {("not-erased", "travel-notice-border", BORDER, "")}
    [overdue] = [each for each in alerts(world, NRM, days=3) if each.to == ASKED]
    assert (overdue.kind, overdue.type, overdue.case) == ("not-erased", "travel-asked", CASE)
    told_of = repr([story["receipts"] for story in world.sent(NRM).values()])
    told_of += repr(alerts(world, NRM, days=9))
    assert BORDER not in told_of
    assert "travel-notice" not in told_of


def test_what_is_kept_by_order_further_on_is_told_with_its_end_and_then_erased() -> None:
    world = passed_on()
    until_ms = keep(world, BORDER, 20)
    withdraw(world)
    assert outcome(world) == "kept"
    [alert] = [each for each in alerts(world, NRM) if each.to == ASKED]
    assert (alert.kind, alert.due_ms) == ("kept-by-order", until_ms)
    assert alerts(world, ASKED, days=9) == []
    world.later(21)
    assert world.stories(BORDER) == []
    assert outcome(world) == "erased"


def test_kept_by_order_where_it_was_asked_for_does_not_stop_the_rest() -> None:
    world = passed_on()
    keep(world, ASKED, 20)
    withdraw(world)
    assert world.stories(BORDER) == world.stories(CONSUL) == []
    assert outcome(world) == "kept"
    world.later(21)
    assert outcome(world) == "erased"


def test_withdrawn_after_the_first_holder_had_erased_in_time() -> None:
    """Its time of keeping ends before that of what it passed on some days later."""
    world = Played()
    world.hand_in(NRM, "identity-checks.csv")
    world.now_ms += 5 * DAY_MS
    world.hand_in("LANAT001", "nationality-check.json", answers="identity-check-asked")
    world.later(86)
    assert world.stories("LANAT001") == []
    assert world.types("VNNAT001") == {"nationality-request"}
    withdraw(world)
    assert world.stories("VNNAT001") == []
    told = {(kind, outcome) for kind, _, outcome in world.outcomes(NRM)}
    assert ("identity-check-asked", "erased") in told


def test_a_crash_while_the_answer_is_owed() -> None:
    world = passed_on()
    gone = away(world, BORDER, CONSUL)
    withdraw(world)
    world.start(ASKED)
    world.desks |= gone
    world.settle()
    assert outcome(world) == "erased"
    state = world.desks[ASKED].state
    assert not any(state.scan(space) for space in ("relayed", "relay_owed", "case", "sent"))


@pytest.mark.parametrize("liar", [CONSUL, "VNHOP001"])
def test_another_than_the_holder_says_that_it_was_erased(liar: str) -> None:
    world = passed_on()
    away(world, BORDER)
    withdraw(world)
    waiting = [message for message, row in relayed(world.desks[ASKED].state)]
    assert waiting
    for message in waiting:
        flow = signed_bundle().policy.flow_named("receipt")
        header = replace(HEADER, sender=liar, recipient=ASKED)
        item = {"message": message, "outcome": "ERASED", "fault": "", "until_ms": 0}
        said = Opened(header, flow, {"items": [item]}, 0, signed_bundle().policy.schema_for(flow))
        state, hop = world.desks[ASKED].state, "LAHOP001"
        assert note_relayed(state, said, signed_bundle(), hop) == []
        said = replace(said, header=replace(header, sender=BORDER))
        note_relayed(state, said, signed_bundle(), hop)
    assert relayed(world.desks[ASKED].state) == []


def test_what_is_kept_while_an_answer_is_owed_names_nobody() -> None:
    world = passed_on()
    values = world.stories(ASKED)[0][1]["values"]
    words = [str(v) for k, v in values.items() if v and "name" in k and "script" not in k]
    assert len(words) > 2
    away(world, BORDER)
    with structlog.testing.capture_logs() as logged:
        withdraw(world)
    told = repr(logged) + "".join(each.code() for each in alerts(world, ASKED, days=9))
    state = world.desks[ASKED].state
    rows = [set(row) for _, row in relayed(state)]
    codes = {"cause", "type", "to", "reference", "shard"}
    assert rows == [codes | {"opened", "withdrawn_ms", "kept_until_ms"}] * len(rows)
    assert state.scan("case") == [], "no key of her case is left"
    wanted = needles([*words, CASE])
    assert not holds(b"\0".join(stored(world.stores[ASKED])) + told.encode(), wanted)
    assert not holds(repr(entries(world, "LAHOP001")).encode(), wanted)
