"""Restored backups, second hops, takeovers and expiry: what must stop, and what must go on."""

import copy
import subprocess
import sys
from pathlib import Path

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
    minimised_at_home,
    outcomes,
    parcel,
    publish,
    referral,
    send,
    settled,
    slot_of,
    turn,
    waiting,
)
from world import DAY_MS, World, keychain
from xref.drivers.sqlite_store import SqliteStore
from xref.errors import EvidenceError
from xref.ports import Store
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.checkpoint import sign as sign_checkpoint
from xref.tlog.note import Signer
from xref.wire.key import KeyUse
from xref.wire.parcel import Kind
from xref.wire.payload import encode_note, encode_slots

OFFICES = [LA_HOP, LA_DESK, VN_HOP, VN_DESK]


def signer(world: World) -> Signer:
    return Signer(BORDER.name, keychain(LA_HOP).signing(KeyUse.LOG, world.now_ms).private)


@pytest.mark.parametrize("office", OFFICES)
def test_restored_old_backup_refuses_to_start(office: str) -> None:
    world = settled()
    backup: Store = copy.deepcopy(world.stores[office])
    world.publish(LA_DESK, [referral()])
    world.settle()
    world.stores[office] = backup
    before = copy.deepcopy(backup)
    with pytest.raises(EvidenceError, match="beyond our state"):
        world.start(office)
    assert vars(before)["_values"] == vars(backup)["_values"], "it changed nothing"


@pytest.mark.parametrize("office", OFFICES)
def test_lost_state_refuses_to_start(office: str) -> None:
    world = settled()
    world.stores[office] = type(world.stores[office])()
    with pytest.raises(EvidenceError, match="beyond our state"):
        world.start(office)


def test_second_hop_on_a_copy_is_found_by_its_receiver() -> None:
    """Both sign in one name: the receiver stops the link at what goes beyond the takeover."""
    world = settled()
    first = world.hops[LA_HOP]
    world.stores[LA_HOP] = copy.deepcopy(world.stores[LA_HOP])
    world.start(LA_HOP)  # a second one, on a copy, while the first still runs
    world.settle()
    letters = minimised_at_home(settled(), referral("a"))
    real = world.hops[LA_HOP]
    world.hops[LA_HOP] = first
    send(world, BORDER, [slot_of(letters[0])])
    world.hops[LA_HOP] = real
    handled = turn(world, VN_HOP)
    assert handled.stopped == [f"{BORDER.name}: an older generation goes on beyond its takeover"]
    assert entries(world, VN_HOP, "stopped")


def test_second_hop_stops_when_the_first_went_on() -> None:
    world = settled()
    copied = copy.deepcopy(world.stores[LA_HOP])
    world.publish(LA_DESK, [referral()])
    world.settle()
    world.stores[LA_HOP] = copied
    with pytest.raises(EvidenceError):
        world.start(LA_HOP)


OPEN = """
import sys
from pathlib import Path
from xref.drivers.sqlite_store import SqliteStore
from xref.errors import UnavailableError
try:
    SqliteStore(Path(sys.argv[1]))
    print("opened")
except UnavailableError as error:
    print(error)
"""


def test_second_hop_on_the_same_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hop.sqlite"
    store = SqliteStore(file)
    other = [sys.executable, "-c", OPEN, str(file)]
    said = subprocess.run(other, capture_output=True, text=True, check=True).stdout
    assert "another process" in said
    store.close()


def test_older_generation_beyond_its_takeover() -> None:
    world = settled()
    [letter] = minimised_at_home(settled(), referral())
    world.start(LA_HOP)
    world.settle()
    end = world.hops[LA_HOP].endpoint.outgoing[BORDER]
    assert end.generation == 2
    grown = end.tree.copy()
    grown.append([b"\1" * 32])
    note = sign_checkpoint(Checkpoint(BORDER.name, 1, grown.root()), signer(world))
    payload = encode_slots(0, note, [slot_of(letter)])
    publish(world, BORDER, parcel(world, BORDER, Kind.SLOTS, payload, generation=1))
    assert "beyond its takeover" in turn(world, VN_HOP).stopped[0]


def test_takeover_smaller_than_the_mirror() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    world.settle()
    empty = world.hops[LA_HOP].endpoint.outgoing[BORDER].tree.root(0)
    note = sign_checkpoint(Checkpoint(BORDER.name, 0, empty), signer(world))
    payload = encode_note(Kind.TAKEOVER, note)
    publish(world, BORDER, parcel(world, BORDER, Kind.TAKEOVER, payload, generation=2))
    assert "smaller than the mirror" in turn(world, VN_HOP).stopped[0]


def test_two_takeovers_of_one_generation() -> None:
    world = settled()
    for size in (5, 6):
        note = sign_checkpoint(Checkpoint(BORDER.name, size, bytes([size]) * 32), signer(world))
        payload = encode_note(Kind.TAKEOVER, note)
        publish(
            world, BORDER, parcel(world, BORDER, Kind.TAKEOVER, payload, generation=2, ahead=size)
        )
    assert "two takeovers" in turn(world, VN_HOP).stopped[0]


def test_takeover_whose_root_was_never_the_logs() -> None:
    world = settled()
    note = sign_checkpoint(Checkpoint(BORDER.name, 1, bytes(32)), signer(world))
    payload = encode_note(Kind.TAKEOVER, note)
    publish(world, BORDER, parcel(world, BORDER, Kind.TAKEOVER, payload, generation=2))
    assert turn(world, VN_HOP).stopped == []
    world.publish(LA_DESK, [referral()])
    turn(world, LA_HOP)
    assert "takeover's root conflicts" in turn(world, VN_HOP).stopped[0]


def test_restart_with_messages_under_way_on_every_leg() -> None:
    """Each office restarts between any two steps; each message arrives once."""
    world = settled()
    world.publish(LA_DESK, [referral("a"), referral("b")])
    for office in [LA_DESK, LA_HOP, VN_HOP, VN_DESK, VN_HOP, LA_HOP, LA_DESK]:
        world.start(office)
        turn(world, office)
        world.start(office)
    world.settle()
    assert outcomes(world) == ["opened"] * 2
    assert len(world.inbox(VN_DESK)) == 2
    for hop, link in ((LA_HOP, HOME), (VN_HOP, BORDER)):
        released = [e for e in entries(world, hop, "released") if e["link"] == link.name]
        assert len(released) == len({e["message"] for e in released}) == 2


def test_content_that_expires_while_the_hop_abroad_is_away() -> None:
    """A stub keeps the log whole; nothing of the content goes out; the sender's desk is told."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    turn(world, LA_HOP)
    [envelope] = carried(world, BORDER, BETWEEN_HOPS)
    world.now_ms = envelope.header.expires_ms + 1
    held = world.transport._parcels[BORDER]  # type: ignore[attr-defined] # of the memory transport
    del held[-1]  # it never got there
    world.hops[LA_HOP].tick(world.now_ms)
    [slot] = waiting(world, BORDER)
    assert slot.is_stub
    world.settle()
    assert [e["index"] for e in entries(world, VN_HOP, "stubbed")] == [0]
    assert world.inbox(VN_DESK) == {}
    [story] = world.sent(LA_DESK).values()
    assert (story["outcome"], story["fault"]) == ("rejected", "expired")


def test_content_that_expires_while_the_desk_abroad_is_away() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    for office in (LA_HOP, VN_HOP):
        turn(world, office)
    world.now_ms += 20 * DAY_MS
    held = world.transport._parcels  # type: ignore[attr-defined] # of the memory transport
    for link, parcels in held.items():
        if link.receiver == VN_DESK:
            parcels[-1] = b""
    world.hops[VN_HOP].tick(world.now_ms)
    world.settle()
    assert world.inbox(VN_DESK) == {}
    [story] = world.sent(LA_DESK).values()
    assert (story["outcome"], story["fault"]) == ("rejected", "expired")


def test_acknowledged_content_is_gone_from_the_hops() -> None:
    """A hop is a carrier: when everybody has acknowledged it keeps proofs and no content."""
    world = settled()
    world.publish(LA_DESK, [referral("a"), referral("b")])
    world.settle()
    for hop in world.hops.values():
        assert hop.state.scan("outbox") == []
        assert hop.state.scan("waiting") == []
        assert len(hop.outbox) == 0
