"""Whatever bytes come: a parser returns a value that is written as the same bytes, or refuses."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.wire_scenario import ACROSS, DESK, HOP, Journey
from xref.errors import MalformedError, UnauthenticError
from xref.limits import WIRE_NUMBER_MAX
from xref.wire.author import parse_author
from xref.wire.body import Body, field_cipher, open_field, parse_body, seal_field
from xref.wire.envelope import Shape, parse_envelope, parse_slot, peek_header
from xref.wire.facts import Facts, parse_facts
from xref.wire.header import Header, parse_header
from xref.wire.key import KeyUse, SigningKey, verify
from xref.wire.keyring import KeyLine, Keyring, LogLine, SubscribeLine, parse_keyring
from xref.wire.office import Link, parse_link, parse_office
from xref.wire.parcel import Clear, Kind, Parcel, parse_parcel
from xref.wire.payload import (
    AcknowledgementPayload,
    KeyringPayload,
    Payload,
    SlotsPayload,
    TakeoverPayload,
    encode_note,
    encode_slots,
    parse_payload,
)

J = Journey(7)
OPEN, CLOSED, PROVED = Shape(True, False), Shape(False, False), Shape(False, True)
HEAD = J.checkpoint(ACROSS, J.earlier)
RING = J.keyring(HOP, DESK, sealing=False)


def payload_bytes(payload: Payload) -> bytes:
    match payload:
        case SlotsPayload(first, checkpoint, slots):
            return encode_slots(first, checkpoint, slots)
        case AcknowledgementPayload(note):
            return encode_note(Kind.ACKNOWLEDGEMENT, note)
        case TakeoverPayload(checkpoint):
            return encode_note(Kind.TAKEOVER, checkpoint)
        case KeyringPayload(note):
            return encode_note(Kind.KEYRING, note)


def parcel_bytes(parcel: Parcel) -> bytes:
    assert parcel.clear.encode() == parcel.clear_bytes
    return parcel.clear_bytes + parcel.ciphertext + parcel.signature


@dataclass(frozen=True)
class Format:
    """A parser and its way back, with one good value."""

    name: str
    good: bytes
    back: Callable[[bytes], bytes]


def payload_of(kind: Kind) -> Callable[[bytes], bytes]:
    return lambda data: payload_bytes(parse_payload(kind, data))


def envelope_of(shape: Shape) -> Callable[[bytes], bytes]:
    return lambda data: parse_envelope(data, shape).encode()


def keyring_back(data: bytes) -> bytes:
    return parse_keyring(data.decode("utf-8", "surrogateescape")).text().encode()


def link_back(data: bytes) -> bytes:
    return parse_link(data.decode("utf-8", "surrogateescape")).name.encode()


FORMATS = (
    Format("header", J.header.encode(), lambda data: parse_header(data).encode()),
    Format("facts", J.facts.encode(), lambda data: parse_facts(data).encode()),
    Format("author", J.authors[0].encode(), lambda data: parse_author(data).encode()),
    Format("body", J.body.data, lambda data: parse_body(data).data),
    Format("from-desk", J.from_desk.encode(), envelope_of(OPEN)),
    Format("across", J.across.encode(), envelope_of(CLOSED)),
    Format("to-desk", J.to_desk.encode(), envelope_of(PROVED)),
    Format("slot", J.slot(J.across).encode(), lambda data: parse_slot(data).encode()),
    Format("slots", J.payload(ACROSS, J.across), payload_of(Kind.SLOTS)),
    Format("ack", encode_note(Kind.ACKNOWLEDGEMENT, HEAD), payload_of(Kind.ACKNOWLEDGEMENT)),
    Format("takeover", encode_note(Kind.TAKEOVER, HEAD), payload_of(Kind.TAKEOVER)),
    Format("ring", encode_note(Kind.KEYRING, RING.text()), payload_of(Kind.KEYRING)),
    Format(
        "parcel",
        J.parcel(ACROSS, b"payload"),
        lambda data: parcel_bytes(parse_parcel(data)),
    ),
    Format("keyring", RING.text().encode(), keyring_back),
    Format("office", b"LANRM001", lambda data: parse_office(data).encode()),
    Format("link", ACROSS.name.encode(), link_back),
)
each_format = pytest.mark.parametrize("format_", FORMATS, ids=lambda item: item.name)


def same_or_refused(format_: Format, data: bytes) -> None:
    try:
        back = format_.back(data)
    except (MalformedError, UnauthenticError):
        return
    assert back == data


@each_format
def test_the_good_value_comes_back(format_: Format) -> None:
    assert format_.back(format_.good) == format_.good


@each_format
@given(data=st.binary(max_size=2_000))
def test_any_bytes_come_back_or_are_refused(format_: Format, data: bytes) -> None:
    same_or_refused(format_, data)


@each_format
@given(
    edits=st.lists(
        st.tuples(st.integers(0), st.integers(0, 40), st.binary(max_size=40)),
        min_size=1,
        max_size=4,
    )
)
def test_mutated_bytes_come_back_or_are_refused(
    format_: Format, edits: list[tuple[int, int, bytes]]
) -> None:
    """An edit replaces some bytes, at any place, by more or fewer others."""
    data = format_.good
    for at, count, piece in edits:
        place = at % (len(data) + 1)
        data = data[:place] + piece + data[place + count :]
    same_or_refused(format_, data)


@each_format
@given(at=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_comes_back_or_is_refused(format_: Format, at: int, bit: int) -> None:
    data = bytearray(format_.good)
    data[at % len(data)] ^= 1 << bit
    same_or_refused(format_, bytes(data))


@each_format
@given(size=st.integers(0))
def test_no_beginning_of_a_value_is_a_value(format_: Format, size: int) -> None:
    """Only a body and a keyring, which are lists to the end, may stop where an item ends."""
    data = format_.good[: size % len(format_.good)]
    same_or_refused(format_, data)
    if format_.name not in {"body", "from-desk", "across", "to-desk", "keyring"}:
        with pytest.raises((MalformedError, UnauthenticError)):
            format_.back(data)


@each_format
@given(tail=st.binary(min_size=1, max_size=80))
def test_nothing_may_follow_a_value(format_: Format, tail: bytes) -> None:
    same_or_refused(format_, format_.good + tail)
    if format_.name not in {"body", "from-desk", "across", "to-desk", "keyring", "link"}:
        with pytest.raises((MalformedError, UnauthenticError)):
            format_.back(format_.good + tail)


@given(text=st.text(max_size=200))
def test_any_text_as_keyring_or_link_is_refused(text: str) -> None:
    for parse in (parse_keyring, parse_link):
        with pytest.raises(MalformedError):
            parse(text)


# Values made at random, written and read again.

numbers = st.integers(0, WIRE_NUMBER_MAX)
ids = st.binary(min_size=16, max_size=16)
named = ids.filter(any)
hashes = st.binary(min_size=32, max_size=32)
key_ids = st.binary(min_size=8, max_size=8)
offices = st.from_regex(r"[A-Z]{2}[A-Z0-9]{6}", fullmatch=True)
shards = st.integers(0, 99_999)


@given(
    st.builds(
        Header,
        message=named,
        thread=named,
        reply_to=ids,
        flow=st.integers(0, 2**16 - 1),
        sender=offices,
        recipient=offices,
        schema=hashes,
        bundle=hashes,
        consent_ref=ids,
        created_ms=numbers,
        expires_ms=numbers,
        desk_key=key_ids,
        seal_key=key_ids,
    )
)
def test_every_header_comes_back(header: Header) -> None:
    assert parse_header(header.encode()) == header
    assert peek_header(header.encode() + b"more") == header


@given(
    st.builds(
        Facts,
        cause=st.just(bytes(16)),
        consent_digest=hashes,
        consent_mask=st.integers(0, 2**128 - 1),
        from_ms=numbers,
        until_ms=numbers,
        codes=st.binary(max_size=255),
    )
)
def test_all_facts_come_back(facts: Facts) -> None:
    assert parse_facts(facts.encode()) == facts


@given(
    st.builds(
        Clear,
        kind=st.sampled_from(Kind),
        link_id=ids,
        generation=st.integers(1, 2**32 - 1),
        sequence=st.integers(1, WIRE_NUMBER_MAX),
        sender_key=key_ids,
        receiver_key=key_ids,
    )
)
def test_every_clear_part_comes_back(clear: Clear) -> None:
    data = clear.encode() + bytes(8 * 1024 + 1136 + 64)
    assert parse_parcel(data).clear == clear


@given(number=st.integers(0, 2**16 - 1), value=st.binary(max_size=300), salt=ids)
def test_every_sealed_field_opens_where_it_was_sealed(
    number: int, value: bytes, salt: bytes
) -> None:
    avro = b"\x02" + value
    sealed = seal_field(field_cipher(J.key), J.statement, number, salt, avro)
    assert open_field(field_cipher(J.key), J.statement, number, sealed) == (salt, avro)
    assert len(sealed) % 32 == 16


@given(numbers_=st.sets(st.integers(0, 2**16 - 1), max_size=128))
def test_every_body_comes_back(numbers_: set[int]) -> None:
    body = Body.of(J.body.key_box, tuple((number, bytes(48)) for number in sorted(numbers_)))
    assert parse_body(body.data) == body


@given(numbers_=st.sets(st.integers(0, 2**16 - 1), max_size=128), kept=st.integers(0, 2**128 - 1))
def test_dropping_leaves_exactly_the_other_fields(numbers_: set[int], kept: int) -> None:
    sealed = tuple((number, bytes(48)) for number in sorted(numbers_))
    body, carried = Body.of(J.body.key_box, sealed), (1 << len(sealed)) - 1
    left = tuple(each for place, each in enumerate(sealed) if kept >> place & 1)
    assert body.drop(carried, carried & ~kept) == Body.of(J.body.key_box, left).data


@given(sender=offices, receiver=offices, shard=shards)
def test_every_link_comes_back(sender: str, receiver: str, shard: int) -> None:
    link = Link(sender, receiver, shard)
    if sender != receiver:
        assert parse_link(link.name) == link
        assert link.back.back == link
        assert link.link_id != link.back.link_id


@given(
    seeds=st.lists(hashes, max_size=6, unique=True),
    uses=st.lists(st.sampled_from(["desk", "parcel", "log", "cosign"]), min_size=6, max_size=6),
    start=st.integers(0, WIRE_NUMBER_MAX - 1),
    flows=st.sets(st.integers(1, 2**16 - 1), max_size=5),
)
def test_every_keyring_comes_back(
    seeds: list[bytes], uses: list[str], start: int, flows: set[int]
) -> None:
    keys = [SigningKey(seed).public for seed in seeds]
    lines = [
        KeyLine("LANRM001", KeyUse(use), key, start, start + 1)
        for key, use in zip(keys, uses, strict=False)
    ]
    logs = [
        LogLine(Link("LANRM001", "LAHOP001", shard), line.key, shard, shard + 5)
        for shard, line in enumerate(lines)
        if line.use is KeyUse.LOG
    ]
    keyring = Keyring(
        "LA",
        start + 1,
        tuple(sorted(lines, key=KeyLine.text)),
        tuple(sorted(logs, key=LogLine.text)),
        tuple(sorted((SubscribeLine("LANRM001", f) for f in flows), key=SubscribeLine.text)),
    )
    assert parse_keyring(keyring.text()) == keyring


@given(public=hashes, signature=st.binary(max_size=100), message=st.binary(max_size=100))
def test_no_signature_made_up_verifies_or_breaks_the_check(
    public: bytes, signature: bytes, message: bytes
) -> None:
    with pytest.raises(UnauthenticError):
        verify(public, signature, message)
