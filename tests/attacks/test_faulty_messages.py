"""Authentic but faulty messages, each beside two good ones: recorded, answered, named."""

from dataclasses import replace

import pytest

from attacks.hostile import (
    BETWEEN_HOPS,
    BORDER,
    HOME,
    LA_DESK,
    LA_HOP,
    VN_DESK,
    VN_HOP,
    Fault,
    entries,
    minimised_at_home,
    outcomes,
    referral,
    resigned,
    send,
    settled,
    signed_by,
    slot_of,
    turn,
    written,
)
from world import DAY_MS, keychain
from xref.limits import ENVELOPE_BYTES_MAX
from xref.wire.body import Body, parse_body
from xref.wire.envelope import Envelope, OpenFacts, Slot
from xref.wire.facts import Facts, parse_facts
from xref.wire.key import KeyUse


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def with_facts(envelope: Envelope, facts: bytes) -> Envelope:
    assert isinstance(envelope.facts, OpenFacts)
    changed = replace(envelope, facts=OpenFacts(envelope.facts.salt, facts))
    return resigned(changed)


def facts_of(envelope: Envelope) -> Facts:
    assert isinstance(envelope.facts, OpenFacts)
    return parse_facts(envelope.facts.facts)


def codes(envelope: Envelope, value: bytes) -> Slot:
    return slot_of(with_facts(envelope, replace(facts_of(envelope), codes=value).encode()))


def times(envelope: Envelope, created: int, life: int) -> Slot:
    return slot_of(resigned(envelope, created_ms=created, expires_ms=created + life))


def body(envelope: Envelope, change: Body) -> Slot:
    return slot_of(replace(envelope, body=change.data))


def without_a_field(envelope: Envelope) -> Slot:
    parsed = parse_body(envelope.body)
    return body(envelope, Body.of(parsed.key_box, parsed.sealed[1:]))


def with_an_unknown_field(envelope: Envelope) -> Slot:
    parsed = parse_body(envelope.body)
    return body(envelope, Body.of(parsed.key_box, (*parsed.sealed, (60_000, bytes(48)))))


def as_bytes(envelope: Envelope, data: bytes) -> Slot:
    return Slot(slot_of(envelope).release, data)


def oversized(envelope: Envelope) -> Slot:
    size = ENVELOPE_BYTES_MAX - len(envelope.encode())
    return slot_of(replace(envelope, body=envelope.body + bytes(size)))


ANYWHERE = [
    Fault("trailing byte", lambda _, e: slot_of(replace(e, body=e.body + b"\0")), "malformed"),
    Fault("truncated body", lambda _, e: slot_of(replace(e, body=e.body[:-1])), "malformed"),
    Fault("truncated header", lambda _, e: as_bytes(e, e.encode()[:100]), "malformed"),
    Fault("truncated envelope", lambda _, e: as_bytes(e, e.encode()[:500]), "malformed"),
    Fault("one byte", lambda _, e: as_bytes(e, b"\1"), "malformed"),
    Fault("another version", lambda _, e: as_bytes(e, b"\2" + e.encode()[1:]), "malformed"),
    Fault("flipped bit", lambda _, e: as_bytes(e, flipped(e.encode(), -5)), "release-mismatch"),
    Fault("forged release", lambda _, e: Slot(bytes(32), e.encode()), "release-mismatch"),
    Fault("wrong bundle", lambda _, e: slot_of(resigned(e, bundle=bytes(32))), "unknown-bundle"),
    Fault("unknown schema", lambda _, e: slot_of(resigned(e, schema=bytes(32))), "unknown-schema"),
    Fault("unknown flow", lambda _, e: slot_of(resigned(e, flow=999)), "unknown-flow"),
    Fault(
        "unknown recipient",
        lambda _, e: slot_of(resigned(e, recipient="VNXXX999")),
        "unknown-office",
    ),
    Fault("from the future", lambda w, e: times(e, w.now_ms + 600_000, 1000), "from-the-future"),
    Fault("expired", lambda w, e: times(e, w.now_ms - 1000, 999), "expired"),
    Fault("no validity", lambda w, e: times(e, w.now_ms, 0), "wrong-validity"),
    Fault("endless validity", lambda w, e: times(e, w.now_ms, 4000 * DAY_MS), "wrong-validity"),
    Fault(
        "recorded before it was written",
        lambda w, e: slot_of(replace(e, recorded_ms=w.now_ms - 3_600_000)),
        "backdated",
    ),
    Fault(
        "a forged author",
        lambda _, e: slot_of(replace(e, author=replace(e.author, signature=bytes(64)))),
        "wrong-author",
    ),
    Fault(
        "another place in the batch",
        lambda _, e: slot_of(replace(e, author=replace(e.author, place=e.author.place ^ 1))),
        "wrong-author",
    ),
    Fault(
        "an unknown key",
        lambda _, e: slot_of(resigned(e, desk_key=b"8bytes..")),
        "unknown-desk-key",
    ),
    Fault(
        "sealed to no key", lambda _, e: slot_of(resigned(e, seal_key=bytes(8))), "unknown-seal-key"
    ),
    Fault(
        "a mask of one more",
        lambda _, e: slot_of(replace(e, mask=~e.mask & (1 << e.count) - 1)),
        "wrong-mask",
    ),
    Fault("a mask beyond the schema", lambda _, e: slot_of(replace(e, mask=1 << 127)), "malformed"),
    Fault("a field less than its mask", lambda _, e: without_a_field(e), "wrong-mask"),
    Fault("a field of no schema", lambda _, e: with_an_unknown_field(e), "malformed"),
    Fault(
        "an answer to nothing", lambda _, e: slot_of(resigned(e, reply_to=b"r" * 16)), "wrong-reply"
    ),
    Fault("no message id", lambda _, e: slot_of(resigned(e, message=bytes(16))), "malformed"),
    Fault("oversized", lambda _, e: oversized(e), "oversized"),
    Fault(
        "a commitment less",
        lambda _, e: slot_of(resigned(replace(e, commitments=e.commitments[:-32], mask=0))),
        "unknown-schema",
    ),
]
FROM_A_DESK = [
    Fault("backdated", lambda w, e: times(e, w.now_ms - 8 * DAY_MS, 9 * DAY_MS), "backdated"),
    Fault(
        "in another office's name",
        lambda _, e: slot_of(resigned(e, sender="LASVC009")),
        "unknown-office",
    ),
    Fault(
        "in the name of an office abroad",
        lambda _, e: slot_of(resigned(e, sender="VNNRM001", recipient="VNSVC001")),
        "wrong-sender",
    ),
    Fault("to itself", lambda _, e: slot_of(resigned(e, recipient=LA_DESK)), "wrong-recipient"),
    Fault(
        "a referral to a hop",
        lambda _, e: slot_of(resigned(e, recipient=VN_HOP)),
        "addressed-to-a-hop",
    ),
    Fault(
        "a retention time of its own",
        lambda w, e: slot_of(replace(e, erase_by_ms=w.now_ms)),
        "malformed",
    ),
    Fault(
        "facts of no answer", lambda _, e: codes(e, b"\xff" * len(facts_of(e).codes)), "malformed"
    ),
    Fault("facts too few", lambda _, e: codes(e, facts_of(e).codes[:-1]), "malformed"),
    Fault("no facts", lambda _, e: codes(e, b""), "malformed"),
    Fault("facts truncated", lambda _, e: slot_of(with_facts(e, b"\0" * 10)), "malformed"),
    Fault(
        "consent to no field",
        lambda _, e: slot_of(with_facts(e, replace(facts_of(e), consent_mask=1 << 127).encode())),
        "malformed",
    ),
    Fault(
        "facts not as committed",
        lambda _, e: slot_of(replace(e, facts=OpenFacts(bytes(16), facts_of(e).encode()))),
        "wrong-author",
    ),
]
FROM_A_HOP = [
    Fault("never erased", lambda _, e: slot_of(replace(e, erase_by_ms=0)), "malformed"),
    Fault("to be erased by now", lambda w, e: slot_of(replace(e, erase_by_ms=w.now_ms)), "expired"),
    Fault(
        "an office of the receiver's Party",
        lambda _, e: slot_of(resigned(e, sender="VNSVC001")),
        "wrong-sender",
    ),
    Fault(
        "an office of the sender's Party",
        lambda _, e: slot_of(resigned(e, recipient="LAHOP001")),
        "wrong-recipient",
    ),
    Fault(
        "a message invented by the hop in a desk's name",
        lambda w, e: slot_of(signed_by(keychain(LA_HOP).signing(KeyUse.DESK, w.now_ms), e)),
        "wrong-author",
    ),
]


def named(faults: list[Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", [pytest.param(f, id=f.name) for f in faults])


@named(ANYWHERE + FROM_A_DESK)
def test_a_desk_sends_a_faulty_message(fault: Fault) -> None:
    world = settled()
    good, bad, also_good = written(world, referral("a"), referral("b"), referral("c"))
    spoilt = fault.spoil(world, bad)
    index = send(world, HOME, [slot_of(good), spoilt, slot_of(also_good)]) + 1
    handled = turn(world, LA_HOP)
    assert (handled.released, handled.rejected, handled.stopped) == (2, 1, [])
    world.settle()
    [entry] = entries(world, LA_HOP, "rejected")
    assert (entry["link"], entry["index"], entry["fault"]) == (HOME.name, index, fault.fault)
    answered = [e for e in entries(world, LA_HOP, "answered") if e["to"] == LA_DESK]
    assert answered
    assert len(world.inbox(VN_DESK)) == 2
    stories = world.sent(LA_DESK)
    assert [stories[each.header.message]["outcome"] for each in (good, also_good)] == ["opened"] * 2
    story = stories[bad.header.message]
    if story["outcome"] != "submitted":  # the id could be read, so the desk knows which it was
        assert (story["outcome"], story["fault"]) == ("rejected", fault.fault)


@named(ANYWHERE + FROM_A_HOP)
def test_a_hop_sends_a_faulty_message(fault: Fault) -> None:
    world = settled()
    good, bad, also_good = minimised_at_home(world, referral("a"), referral("b"), referral("c"))
    world.stores.clear()  # this world is for its letters only
    hostile = settled()
    first = send(hostile, BORDER, [slot_of(good), fault.spoil(hostile, bad), slot_of(also_good)])
    handled = turn(hostile, VN_HOP)
    assert (handled.released, handled.rejected, handled.stopped) == (2, 1, [])
    hostile.settle()
    [entry] = entries(hostile, VN_HOP, "rejected")
    assert (entry["link"], entry["index"], entry["fault"]) == (BORDER.name, first + 1, fault.fault)
    assert [e["items"] for e in entries(hostile, VN_HOP, "answered") if e["to"] == LA_HOP] == [1]
    assert [e["items"] for e in entries(hostile, LA_HOP, "read")] == [1]
    assert len(hostile.inbox(VN_DESK)) == 2


def test_every_fault_in_one_batch() -> None:
    """Thirty kinds of fault at once change nothing for the good messages around them."""
    world = settled()
    faults = ANYWHERE + FROM_A_DESK
    letters = written(world, *[referral(f"case {n}") for n in range(len(faults) + 2)])
    spoilt = [fault.spoil(world, each) for fault, each in zip(faults, letters, strict=False)]
    send(world, HOME, [slot_of(letters[-2]), *spoilt[:20], slot_of(letters[-1]), *spoilt[20:]])
    world.settle()
    found = [entry["fault"] for entry in entries(world, LA_HOP, "rejected")]
    assert found == [fault.fault for fault in faults]
    assert len(world.inbox(VN_DESK)) == 2


def test_message_id_used_twice() -> None:
    world = settled()
    first, second = written(world, referral("a"), referral("b"))
    again = resigned(second, message=first.header.message)
    send(world, HOME, [slot_of(first), slot_of(again)])
    world.settle()
    assert [e["fault"] for e in entries(world, LA_HOP, "rejected")] == ["duplicate"]
    assert len(world.inbox(VN_DESK)) == 1
    story = world.sent(LA_DESK)[first.header.message]
    assert story["outcome"] == "opened", "a later duplicate does not unsay what the recipient said"


def test_refused_message_sent_again_under_its_id() -> None:
    world = settled()
    [letter] = written(world, replace(referral(), facts={}))
    send(world, HOME, [slot_of(letter)])
    world.settle()
    send(world, HOME, [slot_of(letter)])
    world.settle()
    assert [e["fault"] for e in entries(world, LA_HOP, "rejected")] == ["duplicate"]
    assert world.inbox(VN_DESK) == {}


def test_desk_without_a_link_here() -> None:
    """A Party's other hop cannot use this one's link for its own desks."""
    world = settled()
    [letter] = written(world, referral())
    rules_peers = world.hops[LA_HOP].setup
    world.hops[LA_HOP].setup = replace(rules_peers, peers=(LA_DESK,))
    send(world, HOME, [slot_of(letter)])
    turn(world, LA_HOP)
    assert [e["fault"] for e in entries(world, LA_HOP, "rejected")] == ["no-route"]


def test_cause_that_the_hop_never_saw() -> None:
    world = settled()
    [letter] = written(world, referral())
    caused = replace(facts_of(letter), cause=b"c" * 16, codes=b"")
    send(world, HOME, [slot_of(with_facts(letter, caused.encode()))])
    world.settle()
    [entry] = entries(world, LA_HOP, "refused")
    assert entry["reasons"] == ["hop/unknown-cause"]
    assert outcomes(world) == ["refused"]


def test_sharing_consent_of_another_scope_under_a_known_reference() -> None:
    world = settled()
    first, second = written(world, referral("a"), referral("b"))
    send(world, HOME, [slot_of(first)])
    wider = resigned(second, consent_ref=first.header.consent_ref)
    send(world, HOME, [slot_of(wider)])
    world.settle()
    assert entries(world, LA_HOP, "refused")[0]["reasons"][0] == "hop/sharing-consent-changed"
    assert len(world.inbox(VN_DESK)) == 1


def test_disclosure_beyond_the_ceiling_is_refused_abroad_without_a_reason() -> None:
    world = settled()
    [letter] = minimised_at_home(world, referral())
    hostile = settled()
    send(hostile, BORDER, [slot_of(replace(letter, mask=0, body=parse_body(letter.body).key_box))])
    hostile.settle()
    [entry] = entries(hostile, VN_HOP, "refused")
    assert entry["reasons"] == ["hop/beyond-ceiling"]
    assert hostile.inbox(VN_DESK) == {}


def test_shapes_are_not_interchangeable() -> None:
    """An envelope of one kind of link is malformed on another."""
    world = settled()
    [open_facts] = written(world, referral())
    send(world, BORDER, [slot_of(open_facts)])
    turn(world, VN_HOP)
    assert entries(world, VN_HOP, "rejected")
    assert BETWEEN_HOPS.facts_open is False
