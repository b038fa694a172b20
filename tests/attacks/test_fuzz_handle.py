"""`Hop.handle` raises nothing but `UnavailableError` and `EvidenceError`, whatever it is fed.

Mutations at three layers: the parcel's bytes; the payload, sealed and signed again by the real
keys; the envelopes, signed, released and appended again by the real keys.
"""

import copy
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks.hostile import (
    BETWEEN_HOPS,
    BORDER,
    FROM_DESK,
    HOME,
    LA_HOP,
    VN_HOP,
    minimised_at_home,
    parcel,
    referral,
    resigned,
    settled,
    slot_of,
    written,
)
from world import DAY_MS, NOW_MS, OFFICES, SeededEntropy, World, keychain
from xref.drivers.memory import MemoryStore, MemoryTransport
from xref.errors import MalformedError
from xref.hop import Handled, Hop
from xref.ports import Arrival
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.checkpoint import sign as sign_checkpoint
from xref.tlog.note import Signer
from xref.tlog.tree import Tree
from xref.wire.envelope import Envelope, OpenFacts, Shape, Slot, parse_envelope
from xref.wire.key import KeyUse
from xref.wire.office import Link
from xref.wire.parcel import Kind
from xref.wire.payload import encode_note, encode_slots
from xref.wire.release import release_leaf

EXAMPLES = settings(max_examples=max(20, settings().max_examples // 5))


@dataclass(frozen=True, slots=True)
class Target:
    """A hop that has just started, and letters on their way to it."""

    world: World
    hop: str
    link: Link
    shape: Shape
    letters: tuple[Envelope, ...]

    def fresh(self) -> Hop:
        """The hop as it was, on a copy of its state."""
        running = self.world.hops[self.hop]
        store = copy.deepcopy(self.world.stores[self.hop])
        assert isinstance(store, MemoryStore)
        return Hop(running.setup, store, MemoryTransport(), SeededEntropy("fuzz"))


@cache
def target(hop: str) -> Target:
    world = settled()
    if hop == LA_HOP:
        letters = written(world, referral("a"), referral("b"))
        return Target(world, hop, HOME, FROM_DESK, tuple(letters))
    letters = minimised_at_home(settled(), referral("a"), referral("b"))
    return Target(world, hop, BORDER, BETWEEN_HOPS, tuple(letters))


def payload_of(link: Link, slots: Sequence[Slot]) -> bytes:
    """The payload of a fresh link's first slots, under its real log key."""
    tree = Tree(lambda _level, _index: None, 0)
    tree.append([release_leaf(slot.release) for slot in slots])
    signer = Signer(link.name, keychain(link.sender).signing(KeyUse.LOG, NOW_MS).private)
    note = sign_checkpoint(Checkpoint(link.name, len(slots), tree.root()), signer)
    return encode_slots(0, note, slots)


def feed(target: Target, data: bytes) -> Handled:
    return target.fresh().handle([Arrival(target.link, 99, data)], NOW_MS)


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[str, float, bytes, int]]:
    """Edits to make to some bytes, wherever these are: kind, place, bytes and count."""
    kinds = st.sampled_from(["flip", "insert", "delete", "overwrite", "truncate", "double"])
    edit = st.tuples(
        kinds,
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=9),
        st.integers(1, 40),
    )
    return draw(st.lists(edit, min_size=1, max_size=4))


def mutated(data: bytes, edits: Sequence[tuple[str, float, bytes, int]]) -> bytes:
    for kind, where, fresh, count in edits:
        place = int(where * len(data))
        head, tail = data[:place], data[place:]
        data = {
            "flip": head + bytes([tail[0] ^ fresh[0] or 1]) + tail[1:] if tail else head,
            "insert": head + fresh + tail,
            "delete": head + tail[count:],
            "overwrite": head + fresh + tail[len(fresh) :],
            "truncate": head,
            "double": head + tail[:count] + tail,
        }[kind]
    return data


HOPS = pytest.mark.parametrize("hop", [LA_HOP, VN_HOP])


@HOPS
@EXAMPLES
@given(edits=mutations())
def test_mutated_parcels(hop: str, edits: list[tuple[str, float, bytes, int]]) -> None:
    at = target(hop)
    slots = [slot_of(letter) for letter in at.letters]
    genuine = parcel(at.world, at.link, Kind.SLOTS, payload_of(at.link, slots))
    data = mutated(genuine, edits)
    handled = feed(at, data)
    if data != genuine:
        assert (handled.dropped, handled.stopped, handled.rejected) == (1, [], 0)


@HOPS
@EXAMPLES
@given(edits=mutations())
def test_mutated_payloads_sealed_again(
    hop: str, edits: list[tuple[str, float, bytes, int]]
) -> None:
    """Whatever happens is recorded: as messages, or as evidence that stops the link."""
    at = target(hop)
    genuine = payload_of(at.link, [slot_of(letter) for letter in at.letters])
    handled = feed(at, parcel(at.world, at.link, Kind.SLOTS, mutated(genuine, edits)))
    counted = handled.released + handled.refused + handled.rejected
    assert bool(handled.stopped) != (counted == len(at.letters)) or handled.alarms


@HOPS
@EXAMPLES
@given(
    kind=st.sampled_from([Kind.ACKNOWLEDGEMENT, Kind.TAKEOVER, Kind.KEYRING]),
    text=st.text(max_size=60),
    edits=mutations(),
)
def test_mutated_notes_sealed_again(
    hop: str, kind: Kind, text: str, edits: list[tuple[str, float, bytes, int]]
) -> None:
    at = target(hop)
    end = at.world.hops[hop].endpoint.incoming[at.link]
    note = end.checkpoint or text
    handled = feed(at, parcel(at.world, at.link, kind, mutated(encode_note(kind, note), edits)))
    assert (handled.released, handled.dropped) == (0, 0)


@HOPS
@EXAMPLES
@given(edits=mutations(), sign=st.booleans())
def test_mutated_envelopes_released_again(
    hop: str, edits: list[tuple[str, float, bytes, int]], sign: bool
) -> None:
    """The spoilt one is rejected or refused, or was only narrowed; the good one always goes on."""
    at = target(hop)
    spoilt, good = at.letters
    data = mutated(spoilt.encode(), edits)
    slot = Slot(b"r" * 32, data)
    try:
        envelope = parse_envelope(data, at.shape)
        slot = slot_of(resigned(envelope) if sign else envelope)
    except (MalformedError, struct.error):
        pass
    handled = feed(
        at, parcel(at.world, at.link, Kind.SLOTS, payload_of(at.link, [slot, slot_of(good)]))
    )
    if len(data) <= 400_000 and data:
        assert handled.stopped == []
        assert handled.released >= 1
        assert handled.released + handled.refused + handled.rejected == 2


IDS = st.binary(min_size=16, max_size=16) | st.just(bytes(16))
TIMES = st.integers(NOW_MS - 40 * DAY_MS, NOW_MS + 40 * DAY_MS) | st.integers(0, 2**53 - 1)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "message": IDS,
        "thread": IDS,
        "reply_to": IDS,
        "flow": st.integers(0, 20) | st.integers(0, 65_535),
        "sender": st.sampled_from(OFFICES),
        "recipient": st.sampled_from((*OFFICES, "THNRM001")),
        "schema": st.binary(min_size=32, max_size=32),
        "bundle": st.binary(min_size=32, max_size=32),
        "consent_ref": IDS,
        "created_ms": TIMES,
        "expires_ms": TIMES,
        "desk_key": st.binary(min_size=8, max_size=8),
        "seal_key": st.binary(min_size=8, max_size=8),
    },
)
RELEASES = st.fixed_dictionaries(
    {},
    optional={
        "mask": st.integers(0, 2**128 - 1) | st.integers(0, 2**30),
        "recorded_ms": TIMES,
        "erase_by_ms": TIMES,
        "body": st.binary(max_size=3000),
    },
)


@HOPS
@EXAMPLES
@given(header=HEADERS, release=RELEASES, facts=st.none() | st.binary(max_size=200))
def test_any_header_release_and_facts_by_the_real_author(
    hop: str, header: dict[str, object], release: dict[str, object], facts: bytes | None
) -> None:
    at = target(hop)
    spoilt, good = at.letters
    envelope = replace(spoilt, **release)  # type: ignore[arg-type] # what the strategies give
    if facts is not None and isinstance(envelope.facts, OpenFacts):
        envelope = replace(envelope, facts=OpenFacts(envelope.facts.salt, facts))
    slot = slot_of(resigned(envelope, **header))
    data = payload_of(at.link, [slot, slot_of(good)])
    handled = feed(at, parcel(at.world, at.link, Kind.SLOTS, data))
    assert handled.stopped == []
    assert handled.released >= 1
    assert handled.released + handled.refused + handled.rejected == 2


CODES = st.integers(0, 255)


@EXAMPLES
@given(codes=st.lists(CODES, max_size=60), cause=st.booleans(), mask=st.integers(0, 2**128 - 1))
def test_any_facts_in_their_form(codes: list[int], cause: bool, mask: int) -> None:
    at = target(LA_HOP)
    spoilt, good = at.letters
    assert isinstance(spoilt.facts, OpenFacts)
    table = at.world.hops[LA_HOP]._bundle(NOW_MS).policy.facts
    some = bytes((codes * 60)[: len(table.names)]) if codes else b""
    head = (spoilt.header.message if cause else bytes(16)) + spoilt.facts.facts[16:48]
    tail = mask.to_bytes(16) + spoilt.facts.facts[64:80] + bytes([len(some)]) + some
    envelope = resigned(replace(spoilt, facts=OpenFacts(spoilt.facts.salt, head + tail)))
    data = payload_of(at.link, [slot_of(envelope), slot_of(good)])
    handled = feed(at, parcel(at.world, at.link, Kind.SLOTS, data))
    assert (handled.stopped, handled.released >= 1) == ([], True)
