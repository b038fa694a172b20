"""What whoever runs the transport can try: it holds the bytes and no key."""

import random
from collections.abc import Callable

import pytest

from attacks.hostile import BETWEEN_HOPS as SHAPE
from attacks.hostile import (
    BORDER,
    HOME,
    LA_DESK,
    LA_HOP,
    VN_DESK,
    VN_HOP,
    carried,
    entries,
    outcomes,
    publish,
    referral,
    settled,
    turn,
    waiting,
)
from world import World, keychain
from xref.limits import RESEND_AFTER_MS_MAX
from xref.ports import Outbound
from xref.wire.key import KeyUse
from xref.wire.office import Link
from xref.wire.parcel import CLEAR_BYTES, Clear, Kind, close_parcel, parse_parcel
from xref.wire.payload import encode_note


def parcels(world: World, link: Link) -> list[bytes]:
    """The bytes that the transport holds for a link, to tamper with."""
    held: dict[Link, list[bytes]] = world.transport._parcels  # type: ignore[attr-defined] # memory's
    return held.setdefault(link, [])


def under_way(*cases: str) -> World:
    """A world in which each case's message is in a parcel of its own on the border link."""
    world = settled()
    for case in cases or ("case",):
        world.publish(LA_DESK, [referral(case)])
        turn(world, LA_HOP)
    return world


def trail_size(world: World, hop: str) -> int:
    return world.hops[hop].trail.size


def later(world: World) -> None:
    """Much time passes, so that whoever has to sends again."""
    world.now_ms += 2 * RESEND_AFTER_MS_MAX
    for each in world.everyone:
        each.tick(world.now_ms)
    world.settle()


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]


JUNK: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one byte": lambda _: b"\1",
    "random": lambda _: random.Random(1).randbytes(9_438),
    "truncated": lambda p: p[:-1],
    "trailing byte": lambda p: p + b"\0",
    "cut to its clear part": lambda p: p[:CLEAR_BYTES],
    "oversized": lambda p: p + bytes(2_000_000),
    "of another version": lambda p: b"\2" + p[1:],
    "of an unknown kind": lambda p: p[:1] + b"\x09" + p[2:],
    "another kind": lambda p: p[:1] + b"\3" + p[2:],
    "another link id": lambda p: flip(p, 5),
    "another generation": lambda p: flip(p, 21),
    "another sequence": lambda p: flip(p, 29),
    "another sender key": lambda p: flip(p, 33),
    "another receiver key": lambda p: flip(p, 40),
    "a flipped bit in the ciphertext": lambda p: flip(p, 3000),
    "a flipped bit in the signature": lambda p: flip(p, len(p) - 3),
    "no signature": lambda p: p[:-64] + bytes(64),
}


@pytest.mark.parametrize("name", JUNK)
def test_junk_is_counted_and_dropped_without_a_trace(name: str) -> None:
    world = under_way()
    [*_, genuine] = parcels(world, BORDER)
    parcels(world, BORDER).insert(len(parcels(world, BORDER)) - 1, JUNK[name](genuine))
    before = trail_size(world, VN_HOP)
    reader = world.hops[VN_HOP]
    arrivals = world.transport.read(reader.positions(), 64, 0)
    handled = reader.handle(arrivals[:-1], world.now_ms)
    assert (handled.dropped, handled.stopped) == (1, [])
    assert trail_size(world, VN_HOP) == before
    handled = reader.handle(arrivals[-1:], world.now_ms)
    assert handled.released == 1
    world.settle()
    assert outcomes(world) == ["opened"]


def test_parcel_sealed_to_another_receiver() -> None:
    world = under_way()
    sender = keychain(LA_HOP).signing(KeyUse.PARCEL, world.now_ms)
    seal_key = next(k for k in keychain(VN_DESK).keys if k.use is KeyUse.SEAL).public
    ids = sender.public.key_id, seal_key.key_id
    clear = Clear(Kind.TAKEOVER, BORDER.link_id, 9, 99, *ids)
    payload = encode_note(Kind.TAKEOVER, "note")
    publish(world, BORDER, close_parcel(clear, payload, seal_key, sender))
    handled = turn(world, VN_HOP)
    assert (handled.dropped, handled.released, handled.stopped) == (1, 1, [])


def test_parcel_by_an_office_that_is_not_the_links_sender() -> None:
    world = under_way()
    sender = keychain(LA_DESK).signing(KeyUse.PARCEL, world.now_ms)
    receiver = next(k for k in keychain(VN_HOP).keys if k.use is KeyUse.SEAL).public
    ids = sender.public.key_id, receiver.key_id
    clear = Clear(Kind.TAKEOVER, BORDER.link_id, 9, 99, *ids)
    publish(world, BORDER, close_parcel(clear, b"\0\1x", receiver, sender))
    assert turn(world, VN_HOP).dropped == 1


def test_parcel_put_on_another_link() -> None:
    world = under_way()
    publish(world, Link("VNNRM001", VN_HOP), parcels(world, BORDER)[-1])
    handled = turn(world, VN_HOP)
    assert (handled.dropped, handled.released, handled.stopped) == (1, 1, [])


def test_arrival_of_a_link_that_the_hop_does_not_have() -> None:
    world = under_way()
    hop = world.hops[VN_HOP]
    [*_, arrival] = world.transport.read({BORDER: 0}, 64, 0)
    stray = type(arrival)(Link("THHOP001", VN_HOP), 1, arrival.parcel)
    assert hop.handle([stray], world.now_ms).dropped == 1


@pytest.mark.parametrize("order", ["reversed", "rotated", "shuffled"])
def test_reordered_parcels(order: str) -> None:
    """A gap waits with an alarm; everything arrives once, in the sender's order."""
    world = under_way(*"abcde")
    held = parcels(world, BORDER)
    first = len(held) - 5
    some = held[first:]
    if order == "reversed":
        some.reverse()
    elif order == "rotated":
        some = some[1:] + some[:1]
    else:
        random.Random(7).shuffle(some)
    held[first:] = some
    handled = turn(world, VN_HOP)
    assert (handled.released, handled.dropped, handled.stopped) == (5, 0, [])
    assert handled.alarms
    world.settle()
    assert outcomes(world) == ["opened"] * 5
    released = [e["index"] for e in entries(world, VN_HOP, "released") if e["link"] == BORDER.name]
    assert released == sorted(released)


def test_reordered_across_two_readings() -> None:
    world = under_way("a", "b")
    held = parcels(world, BORDER)
    held[-2:] = held[:-3:-1]
    hop = world.hops[VN_HOP]
    first, second = world.transport.read(hop.positions(), 64, 0)
    assert hop.handle([first], world.now_ms).released == 0
    world.start(VN_HOP)  # what waits survives a restart
    hop = world.hops[VN_HOP]
    assert hop.handle([second], world.now_ms).released == 2


def test_duplicated_parcels() -> None:
    world = under_way("a", "b")
    for link in (BORDER, HOME):
        parcels(world, link).extend(list(parcels(world, link)))
    world.settle()
    for _ in range(2):
        for link in list(world.transport._parcels):  # type: ignore[attr-defined] # memory's
            parcels(world, link).append(parcels(world, link)[0])
        world.settle()
    assert outcomes(world) == ["opened"] * 2
    assert len([e for e in entries(world, VN_HOP, "released") if e["link"] == BORDER.name]) == 2
    assert not entries(world, VN_HOP, "stopped", "rejected")


def test_withheld_parcel_then_resent() -> None:
    world = under_way("a")
    del parcels(world, BORDER)[-1]
    world.publish(LA_DESK, [referral("b")])
    turn(world, LA_HOP)
    handled = turn(world, VN_HOP)
    assert (handled.released, len(handled.alarms)) == (0, 1)
    later(world)
    assert outcomes(world) == ["opened"] * 2


class Withheld(list[bytes]):
    """A link to which nothing is added, whoever publishes."""

    def append(self, parcel: bytes) -> None:
        """Drop it."""


def test_withheld_for_ever_is_seen_by_the_sender() -> None:
    """Silence is no delivery: the desk still says forwarded, and its hop keeps the slot."""
    world = under_way("a")
    del parcels(world, BORDER)[-1]
    world.transport._parcels[BORDER] = Withheld(parcels(world, BORDER))  # type: ignore[attr-defined] # memory's
    for _ in range(4):
        later(world)
    assert outcomes(world) == ["forwarded"]
    assert len(waiting(world, BORDER)) == 1


def test_lost_acknowledgement() -> None:
    """The receiver acknowledges again when the sender sends again: one loss blocks nothing."""
    world = under_way("a")
    turn(world, VN_HOP)
    parcels(world, BORDER.back)[-1] = b""
    world.settle()
    assert len(waiting(world, BORDER)) == 1
    later(world)
    assert waiting(world, BORDER) == []
    assert outcomes(world) == ["opened"]
    assert len(world.inbox(VN_DESK)) == 1


def test_peer_that_stays_away_is_sent_to_ever_more_rarely() -> None:
    """A weekend's absence must not fill the transport with copies."""
    world = under_way("a")
    before = len(parcels(world, BORDER))
    hop = world.hops[LA_HOP]
    for _ in range(2 * 24 * 60):
        world.now_ms += 60_000
        hop.tick(world.now_ms)
    assert len(parcels(world, BORDER)) - before < 70
    for each in world.everyone:
        each.tick(world.now_ms)
    world.settle()
    assert outcomes(world) == ["opened"]


def test_replayed_into_a_new_generation() -> None:
    """Old parcels stay good up to the takeover's size and change nothing when seen again."""
    world = under_way("a")
    old = list(parcels(world, BORDER))
    world.settle()
    world.start(LA_HOP)
    world.settle()
    for data in old:
        publish(world, BORDER, data)
    handled = turn(world, VN_HOP)
    assert (handled.released, handled.dropped, handled.stopped) == (0, 0, [])
    world.settle()
    assert outcomes(world) == ["opened"]


def test_replayed_old_keyring_and_takeover() -> None:
    world = under_way("a")
    world.settle()
    for _ in range(3):
        world.start(LA_HOP)
        world.settle()
    before = trail_size(world, VN_HOP)
    for data in list(parcels(world, BORDER)):
        publish(world, BORDER, data)
    handled = turn(world, VN_HOP)
    assert (handled.dropped, handled.stopped) == (0, [])
    assert trail_size(world, VN_HOP) == before


def test_lost_takeover() -> None:
    """A generation without its takeover waits, and comes with it when it is sent again."""
    world = under_way("a")
    world.settle()
    start = len(parcels(world, BORDER))
    world.start(LA_HOP)
    kinds = [parse_parcel(data).clear.kind for data in parcels(world, BORDER)[start:]]
    place = start + kinds.index(Kind.TAKEOVER)
    parcels(world, BORDER)[place] = b""
    world.publish(LA_DESK, [referral("b")])
    world.settle()
    assert len(world.inbox(VN_DESK)) == 1
    later(world)
    assert outcomes(world) == ["opened"] * 2


def test_more_waits_than_a_hop_keeps() -> None:
    """Parcels beyond the bound are not kept; the sender sends them again."""
    world = settled()
    for number in range(70):
        world.publish(LA_DESK, [referral(f"case {number}")])
        turn(world, LA_HOP)
    held = parcels(world, BORDER)
    del held[-70]
    turn(world, VN_HOP)
    turn(world, VN_HOP)
    assert len(world.hops[VN_HOP].state.scan("waiting")) == 64
    later(world)
    assert outcomes(world) == ["opened"] * 70


def test_size_and_kind_are_all_that_is_seen_of_a_message() -> None:
    """A long record and a short one in the same bucket are parcels of one size."""
    world = under_way("a")
    sizes = {len(data) for data in parcels(world, BORDER)}
    for envelope in carried(world, BORDER, SHAPE):
        assert envelope.header.message not in b"".join(parcels(world, BORDER))
    around = 1136 + 46 + 64
    assert sizes <= {8192 + around, 32768 + around}  # messages, and the keyrings before them
    assert isinstance(Outbound(BORDER, b"").parcel, bytes)
