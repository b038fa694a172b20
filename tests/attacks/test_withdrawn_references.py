"""A withdrawn reference stays withdrawn, whoever else names it and however long it would last."""

from dataclasses import replace
from typing import Any

import pytest

from attacks.hostile import (
    BETWEEN_HOPS,
    BORDER,
    HOME,
    LA_DESK,
    LA_HOP,
    VN_DESK,
    VN_HOP,
    carried,
    entries,
    referral,
    resigned,
    send,
    settled,
    slot_of,
    turn,
    written,
)
from world import DAY_MS, World, keychain
from xref.answers import Item
from xref.compose import sign_drafts
from xref.desk.cabinet import Cabinet
from xref.desk.filing import take_content
from xref.desk.receive import Opened
from xref.desk.spool import Withdrawal
from xref.wire.envelope import Envelope
from xref.wire.header import Header
from xref.wire.key import KeyUse

CASE = "case-1"
LONG_DAYS = 300


def withdrawn() -> tuple[World, Envelope]:
    """A world after a withdrawal, and a message that a dishonest desk kept back from before."""
    world = settled()
    given = referral(CASE).sharing_consent
    assert given is not None
    lasting = replace(given, valid_until_ms=world.now_ms + LONG_DAYS * DAY_MS)
    [kept] = written(world, replace(referral(CASE), sharing_consent=lasting))
    send(world, HOME, [slot_of(kept)])
    world.settle()
    world.now_ms += 1000
    world.publish(LA_DESK, [Withdrawal(CASE)])
    world.settle()
    assert world.inbox(VN_DESK) == {}, "it was erased"
    return world, kept


def refused_again(world: World, kept: Envelope, created_ms: int) -> bool:
    """Send the same once more as a new message; return whether the own hop kept it back."""
    again = resigned(
        kept, message=b"a" * 16, created_ms=created_ms, expires_ms=created_ms + 10 * DAY_MS
    )
    send(world, HOME, [slot_of(replace(again, recorded_ms=created_ms))])
    turn(world, LA_HOP)
    assert not entries(world, LA_HOP, "rejected")
    return "61" * 16 in [entry["message"] for entry in entries(world, LA_HOP, "refused")]


def withdrawal_from_abroad(world: World, kept: Envelope) -> None:
    """The receiving office withdraws what another took, over its own hop, which helps it."""
    desk = world.desks[VN_DESK]
    publisher = desk._publisher(world.now_ms)
    addressed = publisher.withdrawal(LA_DESK, kept.header.consent_ref, 0, world.now_ms)
    signer = keychain(VN_DESK).signing(KeyUse.DESK, world.now_ms)
    [envelope] = sign_drafts([addressed.draft], signer, desk._entropy, world.now_ms)
    crossing = replace(
        envelope, facts=envelope.facts_c, erase_by_ms=envelope.header.created_ms + DAY_MS
    )
    before = len(entries(world, LA_HOP, "released"))
    send(world, BORDER.back, [slot_of(crossing)])
    world.settle()
    assert len(entries(world, LA_HOP, "released")) == before + 1, "it passed at the border"


def test_another_offices_withdrawal_of_a_withdrawn_reference_then_replay() -> None:
    world, kept = withdrawn()
    withdrawal_from_abroad(world, kept)
    assert refused_again(world, kept, world.now_ms)


def test_withdrawn_consent_then_replay_after_half_a_year() -> None:
    """What a hop forgets after the life of messages would be let go by it again until its end."""
    world, kept = withdrawn()
    world.later(2 * 90 + 20)
    assert world.now_ms < kept.header.created_ms + LONG_DAYS * DAY_MS
    assert refused_again(world, kept, world.now_ms)


def test_another_offices_withdrawal_lets_a_late_message_in() -> None:
    """The receiving desk too: another office's word ends nothing, and revives nothing."""
    world = settled()
    [kept] = written(world, referral(CASE))
    send(world, HOME, [slot_of(kept)])
    turn(world, LA_HOP)
    [late] = carried(world, BORDER, BETWEEN_HOPS)
    desk = world.desks[VN_DESK]
    for office in (LA_DESK, "LAPOL001"):
        ended = replace(late.header, sender=office)
        desk._withdraw(ended, world.now_ms)
    desk._commit(world.now_ms)
    desk.flush()
    turn(world, VN_HOP)
    world.settle()
    assert world.inbox(VN_DESK) == {}


def test_another_office_names_a_thread_and_withdraws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who learned a thread, as a hop does, could file into the case and have all of it erased."""
    world = settled()
    desk = world.desks[VN_DESK]
    opened: list[Opened] = []

    def also_the_others(cabinet: Cabinet, each: Opened, *given: Any) -> Item:
        opened.append(each)
        said = take_content(cabinet, each, *given)
        take_content(cabinet, replace(each, header=others(each)), *given)
        return said

    def others(each: Opened) -> Header:
        return replace(each.header, sender="LAPOL001", message=b"o" * 16, consent_ref=b"r" * 16)

    monkeypatch.setattr("xref.desk.desk.take_content", also_the_others)
    world.publish(LA_DESK, [referral(CASE)])
    world.settle()
    assert len(world.inbox(VN_DESK)) == 2
    answers = desk._withdraw(others(opened[0]), world.now_ms)
    assert [answer.item.message for _, answer in answers if isinstance(answer.item, Item)] == [
        b"o" * 16
    ]
    assert list(desk.cabinet.all("inbox")) != []
