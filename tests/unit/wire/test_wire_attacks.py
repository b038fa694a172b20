"""What somebody on the way, a dishonest hop or a careless sender might try."""

import random
from dataclasses import replace
from typing import Any

import pytest

from interop.wire_scenario import (
    ACROSS,
    CREATED_MS,
    DAY_MS,
    DESK,
    DESK_ABROAD,
    FIELD_IDS,
    HOP,
    HOP_ABROAD,
    TO_DESK,
    TO_HOP,
    VALUES,
    Journey,
)
from xref.errors import MalformedError, UnauthenticError
from xref.keychain import KeyDirectory
from xref.limits import CLOCK_SKEW_MS, PARCEL_BUCKETS, WIRE_NUMBER_MAX
from xref.wire.author import batch_claim, parse_author, sign_batch
from xref.wire.body import (
    Body,
    field_cipher,
    mask_of,
    open_field,
    open_key_box,
    parse_body,
    seal_field,
)
from xref.wire.cursor import Cursor
from xref.wire.key import KeyUse, OpeningKey, PublicKey, SigningKey, check_public, seal, verify
from xref.wire.keyring import parse_keyring
from xref.wire.parcel import (
    PARCEL_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    Kind,
    close_parcel,
    open_parcel,
    parse_parcel,
    verify_parcel,
)
from xref.wire.statement import commitment_prefix, field_commitment, statement_of

J = Journey(11)
SENDER = J.offices[HOP].signing(KeyUse.PARCEL)
RECEIVER = J.offices[HOP_ABROAD].opening
PARCEL = J.parcel(ACROSS, J.payload(ACROSS, J.across))


def receive(data: bytes, sender: PublicKey = SENDER.public) -> bytes:
    parcel = parse_parcel(data)
    verify_parcel(parcel, sender)
    return open_parcel(parcel, RECEIVER)


def test_bits_flipped_everywhere_in_a_parcel() -> None:
    """Every byte of the clear part and the signature, and every 61st of what is between."""
    places = [*range(46), *range(46, len(PARCEL) - 64, 61), *range(len(PARCEL) - 64, len(PARCEL))]
    for place in places:
        flipped = bytearray(PARCEL)
        flipped[place] ^= 1 << (place % 8)
        with pytest.raises(UnauthenticError):
            receive(bytes(flipped))


def test_two_parcels_exchange_their_ciphertexts() -> None:
    other = J.parcel(ACROSS, J.payload(ACROSS, J.across))
    with pytest.raises(UnauthenticError):
        receive(PARCEL[:46] + other[46:-64] + PARCEL[-64:])


def test_clear_part_of_another_link_over_the_same_ciphertext() -> None:
    moved = replace(J.clear(ACROSS), link_id=TO_DESK.link_id).encode()
    with pytest.raises(UnauthenticError):
        receive(moved + PARCEL[46:])


def test_sender_signs_anothers_ciphertext_as_its_own() -> None:
    """A thief who signs what he cannot read: it opens for its own clear part only."""
    thief = SigningKey(b"t" * 32)
    clear = replace(J.clear(ACROSS), sender_key=thief.public.key_id)
    parcel = close_parcel(clear, b"", RECEIVER.public, thief)
    stolen = parse_parcel(parcel[:46] + PARCEL[46:-64] + parcel[-64:])
    with pytest.raises(UnauthenticError):
        verify_parcel(stolen, thief.public)
    with pytest.raises(MalformedError):
        open_parcel(stolen, RECEIVER)


@pytest.mark.parametrize("use", [KeyUse.DESK, KeyUse.LOG, KeyUse.COSIGN])
def test_parcel_signed_with_a_key_of_another_use(use: KeyUse) -> None:
    key = J.offices[HOP].signing(use)
    clear = replace(J.clear(ACROSS), sender_key=key.public.key_id)
    data = close_parcel(clear, b"", RECEIVER.public, key)
    with pytest.raises(UnauthenticError):
        receive(data)


def test_retired_receiver_key_opens_nothing_sealed_to_the_new_one() -> None:
    retired = OpeningKey(b"r" * 32)
    with pytest.raises(MalformedError):
        open_parcel(parse_parcel(PARCEL), retired)


def test_clear_part_that_names_other_keys_is_the_callers_mistake() -> None:
    clear = J.clear(ACROSS)
    other_sender, other_receiver = (
        replace(clear, sender_key=bytes(8)),
        replace(clear, receiver_key=bytes(8)),
    )
    for named in (other_sender, other_receiver):
        with pytest.raises(RuntimeError):
            close_parcel(named, b"", RECEIVER.public, SENDER)


@pytest.mark.parametrize("bucket", PARCEL_BUCKETS)
def test_sizes_tell_the_bucket_and_nothing_else(bucket: int) -> None:
    """The largest payload of a bucket and the smallest look alike; one byte more does not fit."""
    full = J.parcel(ACROSS, bytes(bucket - 4))
    below = max([size for size in PARCEL_BUCKETS if size < bucket], default=3)
    least = J.parcel(ACROSS, bytes(max(below - 3, 0)))
    assert len(full) == len(least) == 46 + 1120 + bucket + 16 + 64
    assert receive(full) == bytes(bucket - 4)


def test_payload_beyond_the_largest_bucket_is_the_callers_mistake() -> None:
    assert len(J.parcel(ACROSS, bytes(PAYLOAD_BYTES_MAX))) == PARCEL_BYTES_MAX
    with pytest.raises(RuntimeError):
        J.parcel(ACROSS, bytes(PAYLOAD_BYTES_MAX + 1))


def test_unknown_kinds_are_nobodys_fault() -> None:
    known = {int(kind) for kind in Kind}
    for kind in set(range(256)) - known:
        with pytest.raises(UnauthenticError):
            parse_parcel(PARCEL[:1] + bytes([kind]) + PARCEL[2:])


def test_sealed_fields_exchanged_under_each_others_number() -> None:
    sealed = dict(J.body.sealed)
    for number in sealed:
        for other, data in sealed.items():
            if number != other:
                with pytest.raises(MalformedError):
                    open_field(field_cipher(J.key), J.statement, number, data)


def test_sealed_field_moved_to_another_message() -> None:
    number, sealed = J.body.sealed[0]
    with pytest.raises(MalformedError):
        open_field(field_cipher(J.key), J.others[0], number, sealed)


def test_sealed_field_with_every_bit_flipped_once() -> None:
    number, sealed = J.body.sealed[0]
    for bit in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(MalformedError):
            open_field(field_cipher(J.key), J.statement, number, bytes(flipped))


def test_absent_field_sealed_as_if_present() -> None:
    """Absent and withheld fields must look alike, so null never travels."""
    sealed = seal_field(field_cipher(J.key), J.statement, 2, J.salts[2], b"\0")
    with pytest.raises(MalformedError):
        open_field(field_cipher(J.key), J.statement, 2, sealed)


def test_lengths_of_sealed_fields_tell_steps_only() -> None:
    sizes = {
        len(seal_field(field_cipher(J.key), J.statement, 1, bytes(16), b"\2" * n))
        for n in range(1, 13)
    }
    assert sizes == {32 + 16}


def test_key_box_moved_to_another_message() -> None:
    opening = J.offices[DESK_ABROAD].opening
    assert open_key_box(opening, J.statement, J.body.key_box) == J.key
    with pytest.raises(MalformedError):
        open_key_box(opening, J.others[0], J.body.key_box)


def test_hop_opens_a_key_box() -> None:
    for hop in (HOP, HOP_ABROAD):
        with pytest.raises(MalformedError):
            open_key_box(J.offices[hop].opening, J.statement, J.body.key_box)


def test_parcel_ciphertext_taken_for_a_key_box() -> None:
    """The two domains keep what is sealed for one purpose from opening for another."""
    opening = J.offices[DESK_ABROAD].opening
    box = seal(opening.public.public, b"xref/parcel/v1\0" + J.statement, J.key)
    with pytest.raises(MalformedError):
        open_key_box(opening, J.statement, box)


def test_altered_mask_is_another_release() -> None:
    release = J.across.release(J.statement)
    for bit in range(128):
        altered = replace(J.across, mask=J.across.mask ^ (1 << bit))
        assert altered.release(J.statement) != release


def test_every_part_that_a_hop_could_alter_changes_the_release() -> None:
    parts: tuple[dict[str, Any], ...] = (
        {"header": replace(J.header, flow=2)},
        {"header": replace(J.header, expires_ms=J.header.expires_ms + 1)},
        {"header_salt": bytes(16)},
        {"facts": bytes(32)},
        {"commitments": bytes(32) + J.across.commitments[32:]},
        {"commitments": J.across.commitments[:-32]},
        {"recorded_ms": J.across.recorded_ms + 1},
        {"erase_by_ms": J.across.erase_by_ms + 1},
        {"body": J.across.body + b"\0"},
    )
    release = J.across.release(J.statement)
    for part in parts:
        altered = replace(J.across, **part)
        assert altered.release(altered.statement()) != release


def test_statement_is_the_same_on_every_link() -> None:
    """The desk's signature holds though the facts closed and fields were dropped."""
    assert {leg.statement() for leg in (J.from_desk, J.across, J.to_desk)} == {J.statement}


def test_dropped_fields_leave_no_trace_but_the_mask() -> None:
    """Withheld by a hop or absent from the start: the bytes that go on are the same."""
    field_3 = 1 << FIELD_IDS.index(3)
    kept = J.body.drop(J.from_desk.mask, J.from_desk.mask & ~field_3)
    assert kept == Body.of(J.body.key_box, ((3, dict(J.body.sealed)[3]),)).data
    assert [number for number, _ in parse_body(kept).sealed] == [3]


def test_field_that_the_schema_does_not_have() -> None:
    with pytest.raises(MalformedError):
        mask_of([4], FIELD_IDS)


def test_commitments_of_equal_values_do_not_match() -> None:
    """Not across messages, schemas, fields or salts: nobody can look for a known value."""
    message, schema, salt = J.header.message, J.header.schema, J.salts[3]
    base = field_commitment(commitment_prefix(message, schema), 3, salt, VALUES[3])
    others = {
        field_commitment(commitment_prefix(J.others[0][:16], schema), 3, salt, VALUES[3]),
        field_commitment(commitment_prefix(message, J.others[0]), 3, salt, VALUES[3]),
        field_commitment(commitment_prefix(message, schema), 5, salt, VALUES[3]),
        field_commitment(commitment_prefix(message, schema), 3, J.salts[5], VALUES[3]),
    }
    assert base not in others
    assert len(others) == 4


def test_commitment_count_cannot_be_moved_into_the_commitments() -> None:
    first, second = bytes(32), b"\1" * 32
    arguments = (J.header_salt, J.header.encode(), J.facts_c)
    assert statement_of(*arguments, first + second) != statement_of(*arguments, first)


def test_authorship_of_one_message_for_another() -> None:
    desk = J.offices[DESK].signing(KeyUse.DESK).public.public
    author = J.authors[0]
    claim = batch_claim(DESK, DESK_ABROAD, author.root(J.statement))
    verify(desk, author.signature, claim)
    for statement in J.others:
        other = batch_claim(DESK, DESK_ABROAD, author.root(statement))
        with pytest.raises(UnauthenticError):
            verify(desk, author.signature, other)


def test_filler_presented_as_a_statement() -> None:
    """A filler is a raw leaf hash; to be a statement it would need a preimage."""
    chance = random.Random(1)
    fillers = [chance.randbytes(32) for _ in range(64)]
    key = SigningKey(b"k" * 32)
    (author,) = sign_batch(key, DESK, DESK_ABROAD, [J.statement], [0], fillers)
    forged = replace(author, place=1, path=author.path)
    claim = batch_claim(DESK, DESK_ABROAD, forged.root(fillers[1]))
    with pytest.raises(UnauthenticError):
        verify(key.public.public, author.signature, claim)


def test_every_place_of_a_batch_leads_to_one_root() -> None:
    statements = [bytes([n]) * 32 for n in range(32)]
    key = SigningKey(b"k" * 32)
    for first in (0, 32):
        places = list(range(first, first + 32))
        authors = sign_batch(key, DESK, DESK_ABROAD, statements, places, [bytes(32)] * 64)
        pairs = zip(authors, statements, strict=True)
        assert len({author.root(statement) for author, statement in pairs}) == 1
        assert [parse_author(author.encode()) for author in authors] == authors


@pytest.mark.parametrize(
    ("count", "places", "fillers"),
    [
        (0, [], 64),
        (33, list(range(33)), 64),
        (2, [1, 1], 64),
        (1, [64], 64),
        (1, [-1], 64),
        (1, [0], 63),
        (1, [0, 1], 64),
    ],
)
def test_batch_that_would_tell_its_size_is_the_callers_mistake(
    count: int, places: list[int], fillers: int
) -> None:
    with pytest.raises(RuntimeError):
        sign_batch(
            SigningKey(bytes(32)),
            DESK,
            DESK_ABROAD,
            [bytes(32)] * count,
            places,
            [bytes(32)] * fillers,
        )


def test_one_key_listed_for_two_uses() -> None:
    keyring = J.keyring(DESK, sealing=False)
    line = next(line for line in keyring.keys if line.use is KeyUse.DESK)
    twice = replace(keyring, keys=(line, replace(line, use=KeyUse.PARCEL)), logs=())
    with pytest.raises(MalformedError, match="two key lines"):
        parse_keyring(twice.text())


def test_retired_or_future_key_or_one_of_another_use_is_not_found() -> None:
    """A signature by it is then nobody's; skew is only for times by the receiver's clock."""
    directory = KeyDirectory({"LA": J.keyring(DESK, HOP, sealing=False)})
    key_id = SENDER.public.key_id
    begin, end = CREATED_MS, CREATED_MS + 90 * DAY_MS
    for skew in (0, CLOCK_SKEW_MS):
        for now in (begin - skew, begin, end + skew - 1):
            assert directory.find(HOP, KeyUse.PARCEL, key_id, now, skew) == SENDER.public
        for now in (0, begin - skew - 1, end + skew, WIRE_NUMBER_MAX):
            assert directory.find(HOP, KeyUse.PARCEL, key_id, now, skew) is None
    assert directory.find(HOP, KeyUse.DESK, key_id, begin) is None
    assert directory.find(DESK, KeyUse.PARCEL, key_id, begin) is None


def test_keyring_names_another_partys_office() -> None:
    keyring = replace(J.keyring(HOP_ABROAD, sealing=False), party="LA")
    with pytest.raises(MalformedError, match="another Party"):
        parse_keyring(keyring.text())


def test_keyring_with_half_a_surrogate_pair() -> None:
    with pytest.raises(MalformedError):
        parse_keyring("xref/keyring/v1\nLA\n1\n\udc80\n")


def test_sealing_to_a_key_that_leaves_the_shared_secret_known() -> None:
    weak = PublicKey(2, RECEIVER.public.public[:1184] + bytes(32))
    with pytest.raises(MalformedError):
        check_public(weak)
    with pytest.raises(MalformedError):
        seal(weak.public, b"", b"")


def test_number_that_json_and_sql_would_not_hold() -> None:
    assert Cursor(WIRE_NUMBER_MAX.to_bytes(8), "test").count() == WIRE_NUMBER_MAX
    for number in (WIRE_NUMBER_MAX + 1, 2**63, 2**64 - 1):
        with pytest.raises(MalformedError):
            Cursor(number.to_bytes(8), "test").count()


def test_what_travels_on_a_link_is_bound_to_its_direction() -> None:
    assert len({TO_HOP.link_id, TO_HOP.back.link_id, ACROSS.link_id, TO_DESK.link_id}) == 4
