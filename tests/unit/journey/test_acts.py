"""What an office does about messages: kept by order, owed and done, recalled, passed to nobody."""

import json
from dataclasses import replace
from typing import Any

import pytest

from attacks.hostile import LA_DESK, LA_HOP, VN_DESK, VN_HOP, VN_SERVICE, entries, records, referral
from world import DAY_MS, OFFICES, World
from xref.desk.alerts import Alert
from xref.desk.noting import noted_digest
from xref.desk.spool import Act, AsylumAnswer, Done, Kept, Withdrawal, _members, row_of
from xref.story import held_records

AUTHORITY = "LAASY001"
EVERYBODY = (*OFFICES, AUTHORITY)
BY = "ນາງ ຈັນ"


def opened() -> World:
    """A world in which one referral was delivered and opened."""
    world = World(offices=EVERYBODY)
    world.settle()
    world.publish(LA_DESK, [referral()])
    world.settle()
    return world


def act(world: World, office: str, row: Act) -> None:
    world.now_ms += 1000
    world.publish(office, [row])
    world.settle()


def received(world: World, office: str = VN_DESK) -> bytes:
    [message] = [m for m, c in world.inbox(office).items() if c["type"] == "victim-referral"]
    return message


def alerts(world: World, office: str, *, days: int = 0) -> dict[str, Alert]:
    return {each.kind: each for each in world.desks[office].alerts(world.now_ms + days * DAY_MS)}


def outcome(world: World, office: str = LA_DESK) -> set[object]:
    stories = world.sent(office).values()
    return {each["outcome"] for each in stories if each["type"] == "victim-referral"}


def kept(world: World, days: int = 30) -> Kept:
    until_ms = world.now_ms + days * DAY_MS
    return Kept(received(world), "ສານ", "17/2026", until_ms, BY)


# Withdrawals that nobody answers.


def test_unanswered_withdrawal_is_overdue_after_its_days_and_settled_by_the_erasure() -> None:
    world = opened()
    world.publish(LA_DESK, [Withdrawal("case-1")])
    assert "not-erased" not in alerts(world, LA_DESK, days=2)
    alert = alerts(world, LA_DESK, days=3)["not-erased"]
    assert (alert.to, alert.type, alert.case) == (VN_DESK, "victim-referral", "case-1")
    assert "case-1" not in alert.code()
    world.settle()
    assert outcome(world) == {"erased"}
    assert "not-erased" not in alerts(world, LA_DESK, days=3)


def test_withdrawn_after_the_sharing_consent_itself_has_ended() -> None:
    """What was received is kept for longer than anything may be sent by it, and ends all the same.

    A hop passes on no withdrawal of a reference that it does not know.
    """
    world = World(offices=EVERYBODY)
    world.settle()
    given = referral().sharing_consent
    assert given is not None
    ends_soon = replace(given, valid_until_ms=world.now_ms + 10 * DAY_MS)
    world.publish(LA_DESK, [replace(referral(), sharing_consent=ends_soon)])
    world.settle()
    world.later(12)
    assert received(world)
    act(world, LA_DESK, Withdrawal("case-1"))
    assert world.inbox(VN_DESK) == {}
    assert outcome(world) == {"erased"}


# A court's preservation order.


def test_withdrawal_under_a_courts_order_is_answered_by_what_is_kept_and_until_when() -> None:
    world = opened()
    message, order = received(world), kept(world)
    act(world, VN_DESK, order)
    act(world, LA_DESK, Withdrawal("case-1"))
    assert outcome(world) == {"kept"}
    [story] = [s for s in world.sent(LA_DESK).values() if s["outcome"] == "kept"]
    receipts: Any = story["receipts"]
    [receipt] = [each for each in receipts if each["outcome"] == "kept"]
    assert receipt["from"] == VN_DESK
    assert receipt["fault"] == "kept-by-order"
    assert receipt["until_ms"] == order.until_ms
    assert alerts(world, LA_DESK)["kept-by-order"].due_ms == order.until_ms
    assert message in world.desks[VN_DESK].removals(), "the form leaves the office's folder"
    assert world.desks[VN_DESK].handoffs() == []


def test_kept_by_order_then_used() -> None:
    """No answer goes by it, nothing is owed for it, and nobody is told of it again."""
    world = opened()
    message = received(world)
    act(world, VN_DESK, kept(world))
    act(world, LA_DESK, Withdrawal("case-1"))
    before = len(world.sent(VN_DESK))
    [answer] = world.read("vn", "answer.json").records
    world.publish(VN_DESK, [replace(answer, reply_to=message)])
    world.settle()
    assert len(world.sent(VN_DESK)) == before
    [held] = held_records(world.stores[VN_DESK])
    assert "no message of that number" in held.problem
    assert set(alerts(world, VN_DESK, days=200)) <= {"held"}


def test_what_a_court_had_kept_is_erased_when_its_order_ends() -> None:
    world = opened()
    act(world, VN_DESK, kept(world))
    act(world, LA_DESK, Withdrawal("case-1"))
    world.later(29)
    assert outcome(world) == {"kept"}
    world.later(2)
    assert outcome(world) == {"erased"}
    assert world.inbox(VN_DESK) == {}
    state = world.desks[VN_DESK].state
    assert not any(
        state.scan(space) for space in ("case", "inbox", "hold", "noted", "inbox_person")
    )


def test_an_order_lifted_early_erases_at_once() -> None:
    world = opened()
    order = kept(world)
    act(world, VN_DESK, order)
    act(world, LA_DESK, Withdrawal("case-1"))
    act(world, VN_DESK, replace(order, until_ms=world.now_ms))
    world.later(0)
    assert outcome(world) == {"erased"}


def test_the_order_is_an_event_on_the_own_trail_and_names_nobody() -> None:
    world = opened()
    message, order = received(world), kept(world)
    act(world, VN_DESK, order)
    [noted] = entries(world, VN_HOP, "noted")
    assert (noted["code"], noted["from"]) == ("kept-by-order", VN_DESK)
    assert (noted["message"], noted["until_ms"]) == (message.hex(), order.until_ms)
    said = world.desks[VN_DESK].cabinet.get("noted", message + b"kept-by-order")
    assert noted["digest"] == noted_digest(bytes.fromhex(said["salt"]), said["statement"])
    assert said["statement"]["court"] == "ສານ"
    text = json.dumps(entries(world, VN_HOP), ensure_ascii=False)
    assert "ສານ" not in text
    assert BY not in text
    assert entries(world, LA_HOP, "noted") == [], "the other Party learns nothing before it asks"


# Retention.


def test_what_was_received_is_erased_when_its_time_is_over() -> None:
    """A provider may keep a referral for 180 days, without anybody asking it to erase."""
    world = World(offices=EVERYBODY)
    world.settle()
    world.publish(LA_DESK, [records()[0]])
    world.settle()
    [content] = world.inbox(VN_SERVICE).values()
    erase_by_ms: Any = content["erase_by_ms"]
    world.later((erase_by_ms - world.now_ms) // DAY_MS)
    assert len(world.inbox(VN_SERVICE)) == 1
    world.later(1)
    assert world.inbox(VN_SERVICE) == {}
    ends = {story["to"]: story["outcome"] for story in world.sent(LA_DESK).values()}
    assert ends == {VN_SERVICE: "erased", VN_DESK: "opened"}


# What is owed.


def test_what_is_owed_is_an_alert_until_it_was_done() -> None:
    world = opened()
    message = received(world)
    assert "review-need" not in alerts(world, VN_DESK, days=89)
    alert = alerts(world, VN_DESK, days=91)["review-need"]
    assert (alert.id, alert.to) == (message.hex(), LA_DESK)
    act(world, VN_DESK, Done(message, "review-need", BY))
    assert "review-need" not in alerts(world, VN_DESK, days=91)
    [noted] = entries(world, VN_HOP, "noted")
    assert noted["code"] == "review-need"
    said = world.desks[VN_DESK].cabinet.get("noted", message + b"review-need")
    assert noted["digest"] == noted_digest(bytes.fromhex(said["salt"]), said["statement"])


def test_a_note_in_words_of_no_bundle_is_not_put_on_the_trail() -> None:
    """A bribed desk could else write a name there."""
    world = opened()
    act(world, VN_DESK, Done(received(world), "nguyen-thi-lan", BY))
    assert entries(world, VN_HOP, "noted") == []


# Onward use.


def onward(world: World, **changes: Any) -> list[str]:
    """Hand in, at the office that received somebody, a record about the same person."""
    values = dict(referral().values)
    names = {k: v for k, v in values.items() if "name" in k or k.startswith("birth")}
    record = replace(
        referral("another number"),
        values={**values, **names, "nationality_claimed": ["LA"]},
        **changes,
    )
    world.now_ms += 1000
    world.publish(VN_DESK, [record])
    return [each.problem for each in held_records(world.stores[VN_DESK])]


def test_received_for_nobody_else_then_submitted_onward() -> None:
    [problem] = onward(opened())
    assert "to be passed to nobody" in problem
    assert LA_DESK in problem


def test_a_newer_sharing_consent_is_a_new_ground() -> None:
    world = opened()
    given = referral().sharing_consent
    assert given is not None
    world.now_ms += 10_000
    newer = replace(given, given_on_ms=world.now_ms, warned_on_ms=world.now_ms - 1)
    assert onward(world, sharing_consent=newer) == []


def test_erased_here_then_nothing_is_known_again() -> None:
    world = opened()
    act(world, LA_DESK, Withdrawal("case-1"))
    assert onward(world) == []


# Asylum claimed after something was sent.


def test_asylum_claimed_after_something_was_sent_recalls_it_and_tells_the_own_authority() -> None:
    world = opened()
    act(world, LA_DESK, AsylumAnswer("case-1", "intends", BY))
    assert outcome(world) == {"erased"}
    assert world.inbox(VN_DESK) == {}
    [noted] = entries(world, LA_HOP, "noted")
    assert noted["code"] == "contaminated"
    assert entries(world, VN_HOP, "noted") == []
    [notice] = world.inbox(AUTHORITY).values()
    values: Any = notice["values"]
    assert notice["type"] == "contamination-notice"
    assert values["disclosed_offices"] == [VN_DESK]
    assert "identity" in values["disclosed_categories"]
    text = json.dumps(notice, ensure_ascii=False)
    names = [
        str(v) for k, v in referral().values.items() if "name" in k and v and "script" not in k
    ]
    assert names
    assert not any(name in text for name in names), "it names nobody"


def test_after_a_claim_nothing_more_goes_whatever_the_form_says() -> None:
    world = opened()
    act(world, LA_DESK, AsylumAnswer("case-1", "pending", BY))
    changed = {**referral().values, "urgency": "LIFE_AT_RISK"}
    world.publish(LA_DESK, [replace(referral(), values=changed)])
    world.settle()
    [held] = [h for h in held_records(world.stores[LA_DESK]) if h.publication == "referral"]
    assert "floor/asylum" in held.reasons
    assert world.inbox(VN_DESK) == {}


def test_a_claim_before_anything_was_delivered_drops_what_waits() -> None:
    world = World(offices=EVERYBODY)
    world.settle()
    world.publish(LA_DESK, [referral()])
    world.publish(LA_DESK, [AsylumAnswer("case-1", "intends", BY)])
    world.settle()
    assert world.inbox(VN_DESK) == {}


@pytest.mark.parametrize(
    "row",
    [
        AsylumAnswer("ຄມ 1", "intends", BY),
        Kept(b"m" * 16, "ສານ", "17/2026", 5, BY),
        Done(b"m" * 16, "review-need", BY),
        Withdrawal("ຄມ 1"),
    ],
)
def test_every_act_survives_the_spool(row: Act) -> None:
    assert row_of(json.loads(json.dumps(_members(row)))) == row
