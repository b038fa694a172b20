"""Both ends of a link against each other, on memory: order, gaps, replays, takeovers, stubs."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xref.backlog import Queued
from xref.drivers.memory import MemoryStore
from xref.errors import EvidenceError
from xref.limits import BATCH_MESSAGES_MAX, RESEND_AFTER_MS, RESEND_AFTER_MS_MAX
from xref.link import Chunk, Incoming, Mirrored, Outgoing, Waiting
from xref.state import State
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import Signer
from xref.wire.envelope import Slot
from xref.wire.key import SigningKey
from xref.wire.office import Link
from xref.wire.payload import SlotsPayload

LINK = Link("LAHOP001", "VNHOP001")
KEY = SigningKey(b"l" * 32)
SIGNER = Signer(LINK.name, KEY.private)
VERIFIERS = [SIGNER.verifier]
LATER_MS = 10**15


def slot(number: int, size: int = 40) -> Slot:
    return Slot(hashlib.sha256(b"%d" % number).digest(), b"e" * size)


def sender(state: State | None = None) -> Outgoing:
    out = Outgoing(state or State(MemoryStore()), LINK)
    out.begin(SIGNER)
    return out


def append(out: Outgoing, *numbers: int, expires_ms: int = LATER_MS) -> None:
    out.append([Queued(slot(number), expires_ms) for number in numbers])


def receiver() -> Incoming:
    return Incoming(State(MemoryStore()), LINK)


def receive(mirror: Incoming, chunk: Chunk, generation: int = 1) -> Mirrored | Waiting:
    payload = SlotsPayload(chunk.first_index, chunk.checkpoint, chunk.slots)
    return mirror.receive(generation, payload, lambda _size: VERIFIERS)


def sent(out: Outgoing, now_ms: int = 0) -> list[Chunk]:
    return out.take_unsent(SIGNER, now_ms)


def test_slots_are_mirrored_in_order() -> None:
    out, mirror = sender(), receiver()
    append(out, 1, 2, 3)
    [chunk] = sent(out)
    mirrored = receive(mirror, chunk)
    assert isinstance(mirrored, Mirrored)
    assert (mirrored.first_index, mirrored.slots) == (0, (slot(1), slot(2), slot(3)))
    assert mirror.tree.root() == out.tree.root()
    assert sent(out) == []


def test_chunks_hold_a_bounded_number_of_messages() -> None:
    out = sender()
    append(out, *range(2 * BATCH_MESSAGES_MAX + 1))
    assert [len(chunk.slots) for chunk in sent(out)] == [BATCH_MESSAGES_MAX] * 2 + [1]


def test_chunks_of_large_messages_fit_a_parcel() -> None:
    out = sender()
    out.append([Queued(slot(number, 400_000), LATER_MS) for number in range(5)])
    assert [len(chunk.slots) for chunk in sent(out)] == [2, 2, 1]


@settings(max_examples=40)
@given(
    batches=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    order=st.lists(st.integers(0, 5), max_size=12),
)
def test_whatever_order_parcels_come_in_the_mirror_only_grows_as_the_log(
    batches: list[int], order: list[int]
) -> None:
    out, mirror = sender(), receiver()
    chunks: list[Chunk] = []
    number = 0
    for size in batches:
        append(out, *range(number, number + size))
        number += size
        chunks += sent(out)
    got: list[Slot] = []
    for place in [*order, *range(len(chunks))]:
        if place >= len(chunks):
            continue
        before = mirror.size
        result = receive(mirror, chunks[place])
        if isinstance(result, Mirrored):
            assert result.first_index == before
            got += result.slots
        else:
            assert chunks[place].first_index > before
    assert got == [slot(each) for each in range(number)]
    assert mirror.tree.root() == out.tree.root()


def test_replay_is_acknowledged_again_and_gives_nothing() -> None:
    out, mirror = sender(), receiver()
    append(out, 1)
    [chunk] = sent(out)
    receive(mirror, chunk)
    mirror.owes_acknowledgement = False
    again = receive(mirror, chunk)
    assert isinstance(again, Mirrored)
    assert again.slots == ()
    assert mirror.owes_acknowledgement


def test_gap_waits() -> None:
    out, mirror = sender(), receiver()
    append(out, 1)
    sent(out)
    append(out, 2)
    [second] = sent(out)
    assert isinstance(receive(mirror, second), Waiting)
    assert mirror.size == 0


@pytest.mark.parametrize("change", ["a slot less", "another slot", "another index", "another root"])
def test_parcel_that_its_checkpoint_does_not_say(change: str) -> None:
    out, mirror, other = sender(), receiver(), sender()
    append(out, 1, 2)
    append(other, 3, 4)
    [chunk], [foreign] = sent(out), sent(other)
    forged = {
        "a slot less": Chunk(0, chunk.slots[:1], chunk.checkpoint),
        "another slot": Chunk(0, (slot(1), slot(9)), chunk.checkpoint),
        "another index": Chunk(1, chunk.slots, chunk.checkpoint),
        "another root": Chunk(0, chunk.slots, foreign.checkpoint),
    }[change]
    with pytest.raises(EvidenceError):
        receive(mirror, forged)
    assert (mirror.size, mirror.tree.size) == (0, 0)


def test_checkpoint_by_another_key() -> None:
    out, mirror = sender(), receiver()
    append(out, 1)
    stranger = Signer(LINK.name, SigningKey(b"m" * 32).private)
    [chunk] = out.take_unsent(stranger, 0)
    with pytest.raises(EvidenceError, match="did not sign"):
        receive(mirror, chunk)


@pytest.mark.parametrize("note", ["", "x", "xref\n1\n", "a\n1\nAAAA\n\n\u2014 a AAAA\n"])
def test_checkpoint_that_is_none(note: str) -> None:
    with pytest.raises(EvidenceError, match="malformed"):
        receive(receiver(), Chunk(0, (slot(1),), note))


def test_fork_shows_at_the_first_common_index() -> None:
    one, two, mirror = sender(), sender(), receiver()
    append(one, 1, 2)
    append(two, 1, 3)
    receive(mirror, sent(one)[0])
    with pytest.raises(EvidenceError, match="conflicts with the mirror"):
        receive(mirror, sent(two)[0])
    assert mirror.size == 2


def test_generation_without_its_takeover_waits() -> None:
    out, mirror = sender(), receiver()
    append(out, 1)
    [chunk] = sent(out)
    assert isinstance(receive(mirror, chunk, generation=2), Waiting)


def test_takeover_bounds_the_older_generation() -> None:
    store = MemoryStore()
    out, mirror = sender(State(store)), receiver()
    append(out, 1)
    [first] = sent(out)
    out._state.commit()
    again = sender(State(store))
    assert (again.generation, again.size, again.takeover_unsent) == (2, 1, True)
    mirror.take_over(2, again.takeover, lambda _size: VERIFIERS)
    assert isinstance(receive(mirror, first, generation=1), Mirrored), "up to its size it is good"
    append(out, 2)
    [beyond] = sent(out)
    with pytest.raises(EvidenceError, match="beyond its takeover"):
        receive(mirror, beyond, generation=1)


def test_takeover_survives_a_reload() -> None:
    """A batch that fails reloads the state: the takeover is still known, and sent again."""
    store = MemoryStore()
    sender(State(store))._state.commit()
    again = sender(State(store))
    again._state.commit()
    loaded = Outgoing(State(store), LINK)
    assert loaded.takeover == again.takeover != ""
    assert loaded.takeover_unsent


def test_expired_content_goes_out_as_a_stub() -> None:
    out, mirror = sender(), receiver()
    append(out, 1, expires_ms=1000)
    append(out, 2)
    [chunk] = out.take_unsent(SIGNER, 1000)
    assert [each.is_stub for each in chunk.slots] == [True, False]
    assert isinstance(receive(mirror, chunk), Mirrored)
    assert mirror.tree.root() == out.tree.root()
    stored = out._state.scan("outbox")
    assert not any(slot(1).envelope == value[-40:] for _, value in stored[:1])


def test_acknowledged_content_is_removed_and_only_once() -> None:
    out = sender()
    append(out, 1, 2, 3)
    sent(out)
    head = Checkpoint(LINK.name, 2, out.tree.root(2))
    assert out.acknowledge(head, "note") == {0: False, 1: False}
    assert out.acknowledge(head, "note") == {}
    older = Checkpoint(LINK.name, 1, out.tree.root(1))
    assert out.acknowledge(older, "note") == {}
    assert len(out._state.scan("outbox")) == 1


@pytest.mark.parametrize(("size", "root"), [(4, None), (2, bytes(32))])
def test_acknowledged_head_that_was_never_ours(size: int, root: bytes | None) -> None:
    out = sender()
    append(out, 1, 2, 3)
    with pytest.raises(EvidenceError, match="is not ours"):
        out.acknowledge(Checkpoint(LINK.name, size, root or out.tree.root()), "note")


def test_resending_waits_longer_each_time_until_something_is_acknowledged() -> None:
    out = sender()
    append(out, 1)
    waits = []
    for _ in range(12):
        waits.append(out.resend_after_ms)
        out.resend()
    assert waits[:3] == [RESEND_AFTER_MS, 2 * RESEND_AFTER_MS, 4 * RESEND_AFTER_MS]
    assert waits[-1] == RESEND_AFTER_MS_MAX
    out.acknowledge(Checkpoint(LINK.name, 1, out.tree.root(1)), "note")
    assert out.resend_after_ms == RESEND_AFTER_MS


def test_lost_slot_of_the_outbox_is_evidence() -> None:
    out = sender()
    append(out, 1)
    [(key, _)] = out._state.scan("outbox")
    out._state.delete("outbox", key)
    out = Outgoing(out._state, LINK)
    with pytest.raises(EvidenceError, match="lacks unacknowledged slot"):
        sent(out)
