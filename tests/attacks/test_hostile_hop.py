"""What a bribed hop can try with its own keys, and what becomes of it."""

import base64
from dataclasses import replace

import pytest

from attacks.hostile import (
    ABROAD,
    BETWEEN_HOPS,
    BORDER,
    HOME,
    LA_DESK,
    LA_HOP,
    TO_DESK,
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
    signed_by,
    slot_of,
    turn,
    waiting,
    written,
)
from world import DAY_MS, World, keychain
from xref.answers import Answer, Item, compose_answers
from xref.tlog import cosignature
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.checkpoint import sign as sign_checkpoint
from xref.tlog.note import Signer, sign
from xref.tlog.tree import Tree
from xref.wire.body import Body, parse_body
from xref.wire.envelope import Envelope, Slot
from xref.wire.key import KeyUse
from xref.wire.office import Link, cosigner_name
from xref.wire.parcel import Kind
from xref.wire.payload import encode_note, encode_slots
from xref.wire.release import release_leaf


def at_the_desk_abroad(world: World, *cases: str) -> list[Envelope]:
    """What the Vietnamese hop has for its desk, which has not read."""
    world.publish(LA_DESK, [referral(case) for case in cases or ("case",)])
    turn(world, LA_HOP)
    turn(world, VN_HOP)
    return carried(world, ABROAD, TO_DESK)


def hostile_abroad(spoil: list[Envelope]) -> World:
    """A world whose Vietnamese hop hands these to its desk, without having got them."""
    world = settled()
    send(world, ABROAD, [slot_of(each) for each in spoil])
    world.settle()
    return world


def log_signer(link: Link, world: World) -> Signer:
    return Signer(link.name, keychain(link.sender).signing(KeyUse.LOG, world.now_ms).private)


def test_sending_hop_invents_a_message() -> None:
    world = settled()
    [letter] = minimised_at_home(world, referral())
    hop_key = keychain(LA_HOP).signing(KeyUse.DESK, world.now_ms)
    header = replace(letter.header, desk_key=hop_key.public.key_id, message=b"i" * 16)
    forged = signed_by(hop_key, replace(letter, header=header))
    hostile = settled()
    send(hostile, BORDER, [slot_of(forged)])
    hostile.settle()
    assert [e["fault"] for e in entries(hostile, VN_HOP, "rejected")] == ["unknown-desk-key"]
    assert hostile.inbox(VN_DESK) == {}


def test_receiving_hop_invents_a_message() -> None:
    world = settled()
    [letter] = at_the_desk_abroad(world)
    hop_key = keychain(VN_HOP).signing(KeyUse.DESK, world.now_ms)
    hostile = hostile_abroad([signed_by(hop_key, letter)])
    assert hostile.inbox(VN_DESK) == {}
    assert [e["items"] for e in entries(hostile, VN_HOP, "read")] == [1]


@pytest.mark.parametrize("bit", ["first", "last"])
def test_hop_alters_a_mask(bit: str) -> None:
    world = settled()
    [letter] = at_the_desk_abroad(world)
    lowest = letter.mask & -letter.mask
    mask = (
        letter.mask & ~lowest
        if bit == "first"
        else letter.mask ^ (1 << letter.mask.bit_length() - 1)
    )
    hostile = hostile_abroad([replace(letter, mask=mask)])
    assert hostile.inbox(VN_DESK) == {}


def test_receiving_hop_narrows_as_it_may() -> None:
    """Dropping a sealed field with its bit is what a receiving Party's overlay does."""
    world = settled()
    [letter] = at_the_desk_abroad(world)
    body = parse_body(letter.body)
    narrowed = replace(
        letter,
        mask=letter.mask & ~(letter.mask & -letter.mask),
        body=Body.of(body.key_box, body.sealed[1:]).data,
    )
    hostile = settled()
    # The desk checks the proof of the hop before against its key, on whatever link head it names.
    send(hostile, ABROAD, [slot_of(narrowed)])
    hostile.settle()
    [message] = hostile.inbox(VN_DESK).values()
    assert message["type"] == "victim-referral"


def test_parcel_full_of_emptied_slots_is_mirrored() -> None:
    """Emptied slots are small: what a parcel holds is hundreds, and no reason to stop a link."""
    hostile = settled()
    before = hostile.desks[VN_DESK].endpoint.incoming[ABROAD].size
    send(hostile, ABROAD, [Slot(bytes([number % 251]) * 32, b"") for number in range(1_000)])
    hostile.settle()
    end = hostile.desks[VN_DESK].endpoint.incoming[ABROAD]
    assert (end.size - before, end.stopped) == (1_000, "")


def test_hop_swaps_two_sealed_fields() -> None:
    """Each sealed field fits one place in one message; the desk notices, and the sender learns."""
    world = settled()
    world.publish(LA_DESK, [referral("a"), referral("b")])
    turn(world, LA_HOP)
    first, second = carried(world, BORDER, BETWEEN_HOPS)
    body = parse_body(first.body)
    (a, sealed_a), (b, sealed_b), *rest = body.sealed
    swapped = replace(first, body=Body.of(body.key_box, ((a, sealed_b), (b, sealed_a), *rest)).data)
    hostile = settled()
    send(hostile, BORDER, [slot_of(swapped), slot_of(second)])
    hostile.settle()
    assert list(hostile.inbox(VN_DESK)) == [second.header.message]
    assert [e["items"] for e in entries(hostile, VN_HOP, "read") if e["from"] == VN_DESK] == [1]


def test_hop_swaps_a_field_of_two_messages() -> None:
    world = settled()
    first, second = minimised_at_home(world, referral("a"), referral("b"))
    body, other = parse_body(first.body), parse_body(second.body)
    mixed = replace(first, body=Body.of(body.key_box, (other.sealed[0], *body.sealed[1:])).data)
    boxed = replace(second, body=Body.of(body.key_box, other.sealed).data)
    hostile = settled()
    send(hostile, BORDER, [slot_of(mixed), slot_of(boxed)])
    hostile.settle()
    assert hostile.inbox(VN_DESK) == {}


def test_sender_learns_what_was_spoilt_on_the_way() -> None:
    """The bribed hop is the Vietnamese one; the Lao desk sees its message rejected, not opened."""
    world = settled()
    at_the_desk_abroad(world)
    [slot] = waiting(world, ABROAD)
    broken = slot.envelope[:-1] + bytes([slot.envelope[-1] ^ 1])
    head = world.hops[VN_HOP].endpoint.outgoing[ABROAD].checkpoint
    payload = encode_slots(0, head, [Slot(slot.release, broken)])
    parcels = world.transport._parcels[ABROAD]  # type: ignore[attr-defined] # of the memory transport
    parcels[-1] = parcel(world, ABROAD, Kind.SLOTS, payload)
    world.settle()
    assert world.inbox(VN_DESK) == {}
    assert outcomes(world) == ["rejected"]
    [story] = world.sent(LA_DESK).values()
    assert story["disclosed"], "what left the country stays known"


def test_hop_replays_last_months_message() -> None:
    world = settled()
    [letter] = minimised_at_home(world, referral())
    world.settle()
    world.now_ms += 31 * DAY_MS
    send(world, BORDER, [slot_of(letter)])
    world.settle()
    assert entries(world, VN_HOP, "rejected")[-1]["fault"] == "expired"
    assert len(world.inbox(VN_DESK)) == 1


def test_sending_hop_releases_one_message_twice() -> None:
    world = settled()
    [letter] = minimised_at_home(world, referral())
    send(world, BORDER, [slot_of(letter)])
    world.settle()
    assert len(world.inbox(VN_DESK)) == 1
    assert outcomes(world) == ["opened"], "a hop cannot make an opened message look rejected"


def test_receiving_hop_delivers_one_message_twice() -> None:
    world = settled()
    [letter] = at_the_desk_abroad(world)
    send(world, ABROAD, [slot_of(letter)])
    world.settle()
    assert len(world.inbox(VN_DESK)) == 1
    assert outcomes(world) == ["opened"]


def test_hop_delivers_off_the_record() -> None:
    """The Lao hop gives a message to the Vietnamese hop beside the link: nothing proves it."""
    world = settled()
    [letter] = at_the_desk_abroad(world)
    assert letter.passed is not None
    tree_of_its_own = Tree(lambda _level, _index: None, 0)
    release = letter.release(letter.statement())
    tree_of_its_own.append([release_leaf(release)])
    head = Checkpoint(BORDER.name, 1, tree_of_its_own.root())
    by_the_receiver = Signer(
        BORDER.name, keychain(VN_HOP).signing(KeyUse.LOG, world.now_ms).private
    )
    note = sign_checkpoint(head, by_the_receiver)
    proof = b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + note.encode()
    hostile = hostile_abroad([replace(letter, passed=replace(letter.passed, proof=proof))])
    assert hostile.inbox(VN_DESK) == {}
    [story] = entries(hostile, VN_HOP, "read")
    assert story["items"] == 1


@pytest.mark.parametrize("change", ["mask", "erase_by_ms", "recorded_ms", "body_hash"])
def test_hop_lies_about_what_was_passed(change: str) -> None:
    world = settled()
    [letter] = at_the_desk_abroad(world)
    assert letter.passed is not None
    truth = letter.passed
    lie = {
        "mask": replace(truth, mask=truth.mask ^ 1),
        "erase_by_ms": replace(truth, erase_by_ms=truth.erase_by_ms + 1),
        "recorded_ms": replace(truth, recorded_ms=truth.recorded_ms + 1),
        "body_hash": replace(truth, body_hash=bytes(32)),
    }[change]
    hostile = hostile_abroad([replace(letter, passed=lie)])
    assert hostile.inbox(VN_DESK) == {}


def test_hop_keeps_a_message_longer_than_agreed() -> None:
    world = settled()
    [letter] = at_the_desk_abroad(world)
    hostile = hostile_abroad([replace(letter, erase_by_ms=letter.erase_by_ms + DAY_MS * 400)])
    assert hostile.inbox(VN_DESK) == {}


def test_hop_drops_one_of_a_batch() -> None:
    """It must send a stub, or its root is wrong; the trail abroad and the silence show it."""
    world = settled()
    first, second, third = minimised_at_home(world, *map(referral, "abc"))
    hostile = settled()
    stub = Slot(slot_of(second).release, b"")
    send(hostile, BORDER, [slot_of(first), stub, slot_of(third)])
    hostile.settle()
    assert [e["index"] for e in entries(hostile, VN_HOP, "stubbed")] == [1]
    assert len(hostile.inbox(VN_DESK)) == 2


def test_hop_drops_one_of_a_batch_without_a_stub() -> None:
    world = settled()
    letters = minimised_at_home(world, *map(referral, "abc"))
    slots = [slot_of(each) for each in letters]
    end = world.hops[LA_HOP].endpoint.outgoing[BORDER]
    hostile = settled()
    payload = encode_slots(0, end.checkpoint, [slots[0], slots[2], slots[2]])
    publish(hostile, BORDER, parcel(hostile, BORDER, Kind.SLOTS, payload))
    handled = turn(hostile, VN_HOP)
    assert handled.stopped == [f"{BORDER.name}: a root conflicts with the mirror"]
    assert hostile.inbox(VN_DESK) == {}


def test_hop_acknowledges_what_it_did_not_get() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    turn(world, LA_HOP)
    forged = sign_checkpoint(Checkpoint(BORDER.name, 1, bytes(32)), log_signer(BORDER, world))
    key = keychain(VN_HOP).signing(KeyUse.COSIGN, world.now_ms).private
    note = cosignature.cosign(forged, cosigner_name(VN_HOP), key, world.now_ms // 1000)
    payload = encode_note(Kind.ACKNOWLEDGEMENT, note)
    publish(world, BORDER.back, parcel(world, BORDER.back, Kind.ACKNOWLEDGEMENT, payload))
    handled = turn(world, LA_HOP)
    assert len(handled.stopped) == 1
    assert "is not ours" in handled.stopped[0]


def test_hop_acknowledges_with_a_key_that_does_not_cosign() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    turn(world, LA_HOP)
    head = world.hops[LA_HOP].endpoint.outgoing[BORDER].checkpoint
    key = keychain(VN_HOP).signing(KeyUse.LOG, world.now_ms).private
    note = cosignature.cosign(head, cosigner_name(VN_HOP), key, world.now_ms // 1000)
    payload = encode_note(Kind.ACKNOWLEDGEMENT, note)
    publish(world, BORDER.back, parcel(world, BORDER.back, Kind.ACKNOWLEDGEMENT, payload))
    assert "did not sign" in turn(world, LA_HOP).stopped[0]


@pytest.mark.parametrize("spoil", ["no line", "a line of type 1", "a time that nobody signed"])
def test_hop_acknowledges_without_a_cosignature(spoil: str) -> None:
    """What looks like a far time, in a line that no cosigner signed, is no clock to wait for."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    turn(world, LA_HOP)
    head = world.hops[LA_HOP].endpoint.outgoing[BORDER].checkpoint
    key = keychain(VN_HOP).signing(KeyUse.COSIGN, world.now_ms).private
    text, name = head.partition("\n\n")[0] + "\n", cosigner_name(VN_HOP)
    line = cosignature.cosignature_line(text, name, key, world.now_ms // 1000)
    prefix, _, encoded = line.rpartition(" ")
    signed = base64.b64decode(encoded)
    late = prefix + " " + base64.b64encode(signed[:4] + b"\x7f" + signed[5:]).decode() + "\n"
    added = {
        "no line": "",
        "a line of type 1": sign(text, [Signer(name, key)]).partition("\n\n")[2],
        "a time that nobody signed": late,
    }[spoil]
    payload = encode_note(Kind.ACKNOWLEDGEMENT, head + added)
    publish(world, BORDER.back, parcel(world, BORDER.back, Kind.ACKNOWLEDGEMENT, payload))
    assert "did not sign" in turn(world, LA_HOP).stopped[0]


def test_acknowledgement_from_a_fast_clock_waits() -> None:
    """A clock that is wrong is no evidence of fraud: the acknowledgement waits for its time."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    turn(world, LA_HOP)
    head = world.hops[LA_HOP].endpoint.outgoing[BORDER].checkpoint
    key = keychain(VN_HOP).signing(KeyUse.COSIGN, world.now_ms).private
    note = cosignature.cosign(head, cosigner_name(VN_HOP), key, world.now_ms // 1000 + 3600)
    payload = encode_note(Kind.ACKNOWLEDGEMENT, note)
    publish(world, BORDER.back, parcel(world, BORDER.back, Kind.ACKNOWLEDGEMENT, payload))
    handled = turn(world, LA_HOP)
    assert (handled.stopped, len(handled.alarms)) == ([], 1)
    world.settle()
    assert outcomes(world) == ["opened"]


def said(world: World, hop: str, flow: str, item: object, to: str = LA_DESK) -> None:
    """Let a hop answer what it likes."""
    participant = world.hops[hop]
    [composed] = compose_answers(
        [Answer(to, flow, item)],  # type: ignore[arg-type] # an item of any make
        participant._bundle(world.now_ms),
        participant.setup.keychain,
        participant.endpoint.directory,
        world.now_ms,
        participant._entropy,
    )
    envelope = replace(
        composed.envelope,
        facts=composed.envelope.facts_c,
        erase_by_ms=world.now_ms + DAY_MS,
    )
    link = Link(hop, to if hop == LA_HOP else LA_HOP)
    send(world, link, [slot_of(envelope)])
    world.settle()


def test_own_hop_claims_that_the_recipient_opened_it() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    [message] = world.sent(LA_DESK)
    said(world, LA_HOP, "decision", Item("OPENED", message))
    world.stores.clear()
    story = world.sent(LA_DESK)[message]
    assert [r["from"] for r in story["receipts"] if r["outcome"] == "opened"] == [VN_DESK]  # type: ignore[attr-defined] # a list


@pytest.mark.parametrize("outcome", ["OPENED", "ERASED", "FORWARDED"])
def test_hop_abroad_says_what_only_others_can_know(outcome: str) -> None:
    world = settled()
    [letter] = written(world, referral())
    message = letter.header.message
    said(world, VN_HOP, "receipt", Item(outcome, message))
    story = world.sent(LA_DESK)[message]
    assert (story["outcome"], story["receipts"]) == ("submitted", [])


@pytest.mark.parametrize("outcome", ["REJECTED", "REFUSED", "DELIVERED"])
def test_hop_unsays_what_the_recipient_opened(outcome: str) -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    world.settle()
    [message] = world.sent(LA_DESK)
    said(world, VN_HOP, "receipt", Item(outcome, message, fault="a-lie"))
    said(world, LA_HOP, "decision", Item("REJECTED", message, fault="a-lie"))
    [story] = world.sent(LA_DESK).values()
    assert (story["outcome"], story["fault"]) == ("opened", "")
    assert story["disclosed"]


def test_false_rejection_does_not_stand_against_the_recipients_own_word() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    turn(world, LA_HOP)
    [message] = world.sent(LA_DESK)
    said(world, VN_HOP, "receipt", Item("REJECTED", message, fault="a-lie"))
    world.settle()
    assert outcomes(world) == ["opened"]


def test_repeated_receipts_take_no_room() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    world.settle()
    [message] = world.sent(LA_DESK)
    before = world.sent(LA_DESK)
    for _ in range(3):
        said(world, VN_HOP, "receipt", Item("DELIVERED", message))
    assert world.sent(LA_DESK) == before


def test_hop_sends_a_decision_abroad() -> None:
    """Why something was withheld never leaves the Party: no hop takes a decision from abroad."""
    world = settled()
    world.publish(LA_DESK, [referral()])
    [message] = world.sent(LA_DESK)
    said(world, VN_HOP, "decision", Item("REFUSED", message))
    assert outcomes(world) == ["opened"]
    kinds = {e["kind"] for e in entries(world, LA_HOP) if e.get("link") == BORDER.back.name}
    assert kinds & {"rejected", "refused"}


def test_fork_of_a_link_stops_only_that_link() -> None:
    """Two different leaves at one index, both signed: both are kept and a person is called."""
    world = settled()
    first, second = minimised_at_home(world, referral("a"), referral("b"))
    hostile = settled()
    send(hostile, BORDER, [slot_of(first)])
    turn(hostile, VN_HOP)
    twin = Tree(lambda _level, _index: None, 0)
    twin.append([release_leaf(slot_of(second).release)])
    note = sign_checkpoint(Checkpoint(BORDER.name, 1, twin.root()), log_signer(BORDER, hostile))
    payload = encode_slots(0, note, [slot_of(second)])
    forked = parcel(hostile, BORDER, Kind.SLOTS, payload)
    publish(hostile, BORDER, forked)
    handled = turn(hostile, VN_HOP)
    assert handled.stopped == [f"{BORDER.name}: a leaf conflicts with the mirror"]
    hop = hostile.hops[VN_HOP]
    assert [parcel for _, parcel in hop.state.scan("evidence")] == [forked]
    [entry] = entries(hostile, VN_HOP, "stopped")
    assert entry["link"] == BORDER.name
    assert BORDER not in hop.positions()
    assert Link(VN_DESK, VN_HOP) in hop.positions()
    hostile.settle()
    assert len(hostile.inbox(VN_DESK)) == 1, "what was mirrored before the fork was delivered"
    assert hop.handle(hostile.transport.read({BORDER: 0}, 64, 0), hostile.now_ms).stopped == []


def test_stopped_link_stays_stopped_after_a_restart() -> None:
    world = settled()
    publish(world, BORDER, parcel(world, BORDER, Kind.SLOTS, b"malformed inside"))
    handled = turn(world, VN_HOP)
    assert "a signed parcel is malformed" in handled.stopped[0]
    world.start(VN_HOP)
    assert BORDER not in world.hops[VN_HOP].positions()
    world.publish(LA_DESK, [referral()])
    world.settle()
    assert world.inbox(VN_DESK) == {}


def test_evidence_on_one_link_leaves_the_rest_of_the_batch() -> None:
    world = settled()
    world.publish(LA_DESK, [referral()])
    publish(world, BORDER.back, parcel(world, BORDER.back, Kind.TAKEOVER, b"\0\1x"))
    handled = turn(world, LA_HOP)
    assert len(handled.stopped) == 1
    assert handled.released == 1
    assert waiting(world, BORDER)
    assert HOME in world.hops[LA_HOP].positions()
