"""The cases of what a message is, from its keys to its envelope."""

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interop.wire_cases import (
    DESK_KEY,
    OPENING,
    OPENING_SEED,
    Case,
    J,
    Made,
    case,
    flipped,
    patched,
    put,
    sizes,
)
from interop.wire_scenario import (
    CREATED_MS,
    DAY_MS,
    DESK,
    DESK_ABROAD,
    FIELD_IDS,
    HOP,
    VALUES,
    keep,
)
from xref.wire.author import AUTHOR_BYTES
from xref.wire.body import KEY_BOX_BYTES, Body, field_cipher, seal_field, seal_key_box
from xref.wire.envelope import Envelope, Slot
from xref.wire.facts import NO_FACTS
from xref.wire.header import HEADER_BYTES
from xref.wire.key import KeyUse, seal

ORDER = 2**252 + 27742317777372353535851937790883648493  # of the Ed25519 group


def make_key() -> Made:
    signing, public = DESK_KEY.public, OPENING.public
    unreduced = put(public.public, 0, b"\xff\xff\xff")
    small = public.public[:1184] + bytes(32)
    yield (
        "public",
        [
            case("ed25519", "ok", "algorithm 1", algorithm=1, public=signing.public),
            case(
                "x-wing",
                "ok",
                "algorithm 2: ML-KEM-768, then X25519",
                algorithm=2,
                public=public.public,
            ),
            case("short", "malformed", "31 bytes", algorithm=1, public=signing.public[:-1]),
            case("long", "malformed", "33 bytes", algorithm=1, public=signing.public + b"\0"),
            case(
                "algorithm-0",
                "malformed",
                "there is no algorithm 0",
                algorithm=0,
                public=signing.public,
            ),
            case("algorithm-3", "malformed", "not yet", algorithm=3, public=signing.public),
            case(
                "other-algorithm",
                "malformed",
                "an Ed25519 key said to be X-Wing",
                algorithm=2,
                public=signing.public,
            ),
            case(
                "unreduced",
                "malformed",
                "an ML-KEM coefficient of 4095, above 3328",
                algorithm=2,
                public=unreduced,
            ),
            case(
                "small-order",
                "malformed",
                "the X25519 point 0 makes a shared secret of zeros",
                algorithm=2,
                public=small,
            ),
        ],
        {},
    )
    yield (
        "seed",
        [
            case(
                "ed25519",
                "ok",
                "the seed is the private key of RFC 8032",
                algorithm=1,
                seed=bytes(range(32)),
            ),
            case(
                "x-wing",
                "ok",
                "SHAKE256(seed, 96): 64 for ML-KEM-768, 32 for X25519",
                algorithm=2,
                seed=bytes(range(32)),
            ),
        ],
        {},
    )
    message = b"xref/desk-batch/v1\0" + DESK.encode() + DESK_ABROAD.encode() + bytes(32)
    signature = DESK_KEY.sign(message)
    scalar = int.from_bytes(signature[32:], "little")
    malleable = signature[:32] + (scalar + ORDER).to_bytes(32, "little")
    other = J.offices[HOP].signing(KeyUse.DESK).public.public
    off_curve = (2).to_bytes(32, "little")
    named = {"public": signing.public, "message": message}
    yield (
        "verify",
        [
            case("good", "ok", "as signed", **named, signature=signature),
            case(
                "flipped-r", "unauthentic", "a bit of R", **named, signature=flipped(signature, 0)
            ),
            case(
                "flipped-s", "unauthentic", "a bit of S", **named, signature=flipped(signature, 33)
            ),
            case(
                "malleable", "unauthentic", "S plus the group's order", **named, signature=malleable
            ),
            case("zeros", "unauthentic", "64 zeros", **named, signature=bytes(64)),
            case("short", "unauthentic", "63 bytes", **named, signature=signature[:-1]),
            case("long", "unauthentic", "65 bytes", **named, signature=signature + b"\0"),
            case(
                "other-message",
                "unauthentic",
                "a bit of the message",
                public=signing.public,
                message=flipped(message, 40),
                signature=signature,
            ),
            case(
                "other-domain",
                "unauthentic",
                "the same claim under the parcel's domain",
                public=signing.public,
                message=message.replace(b"desk-batch", b"parcel-sig"),
                signature=signature,
            ),
            case(
                "other-key",
                "unauthentic",
                "another office's key",
                public=other,
                message=message,
                signature=signature,
            ),
            case(
                "no-point",
                "unauthentic",
                "a public key that is no point of the curve",
                public=off_curve,
                message=message,
                signature=signature,
            ),
        ],
        {},
    )
    info = b"xref/desk/v1\0" + J.statement
    sealed = seal(public.public, info, b"thirty-two bytes of a plaintext!")
    opening = {"seed": OPENING_SEED, "info": info}
    yield (
        "open",
        [
            case("good", "ok", "as sealed", **opening, sealed=sealed),
            case(
                "empty-plaintext",
                "ok",
                "nothing but enc and tag",
                **opening,
                sealed=seal(public.public, info, b""),
            ),
            case(
                "flipped-kem",
                "malformed",
                "a bit of the ML-KEM ciphertext",
                **opening,
                sealed=flipped(sealed, 5),
            ),
            case(
                "flipped-point",
                "malformed",
                "a bit of the X25519 share",
                **opening,
                sealed=flipped(sealed, 1100),
            ),
            case(
                "zero-point",
                "malformed",
                "an X25519 share of zeros",
                **opening,
                sealed=put(sealed, 1088, bytes(32)),
            ),
            case(
                "flipped-text",
                "malformed",
                "a bit of the ciphertext",
                **opening,
                sealed=flipped(sealed, 1125),
            ),
            case(
                "flipped-tag",
                "malformed",
                "a bit of the tag",
                **opening,
                sealed=flipped(sealed, -1),
            ),
            case(
                "truncated", "malformed", "the last byte is missing", **opening, sealed=sealed[:-1]
            ),
            case("enc-only", "malformed", "1120 bytes", **opening, sealed=sealed[:1120]),
            case("empty", "malformed", "no bytes", **opening, sealed=b""),
            case(
                "other-info",
                "malformed",
                "sealed for another statement",
                seed=OPENING_SEED,
                info=flipped(info, -1),
                sealed=sealed,
            ),
            case(
                "other-key",
                "malformed",
                "sealed to another office",
                seed=J.offices[HOP].secret(KeyUse.SEAL),
                info=info,
                sealed=sealed,
            ),
        ],
        {},
    )


def make_header() -> Made:
    header = J.header
    data = header.encode()
    receipt = replace(header, consent_ref=bytes(16), reply_to=J.others[0][:16])
    limit = replace(header, expires_ms=2**53 - 1)
    bad = {
        "version-0": (0, b"\0", "version 0"),
        "version-2": (0, b"\2", "version 2"),
        "no-message": (1, bytes(16), "a message identifier of zeros"),
        "no-thread": (17, bytes(16), "a thread identifier of zeros"),
        "lower-case-office": (51, b"laNRM001", "an office in small letters"),
        "digit-in-party": (51, b"L1NRM001", "a digit in the Party's code"),
        "space-in-office": (59, b"VNNRM 01", "a space in the recipient's code"),
        "newline-in-office": (59, b"VNNRM01\n", "a newline that a careless pattern lets through"),
        "zero-in-office": (59, b"VNNRM01\0", "a zero byte"),
        "not-ascii-office": (59, "VNNRM0é".encode(), "UTF-8 in an office"),
        "created-too-large": (147, (2**53).to_bytes(8), "a time of 2^53"),
        "expires-too-large": (155, b"\xff" * 8, "a time of 2^64 - 1"),
    }
    yield (
        "parse",
        [
            case("referral", "ok", "a message", bytes_=data),
            case(
                "answer", "ok", "reply_to set, no sharing-consent record", bytes_=receipt.encode()
            ),
            case("largest-time", "ok", "2^53 - 1", bytes_=limit.encode()),
            *sizes(data),
            *(
                case(name, "malformed", why, bytes_=put(data, at, piece))
                for name, (at, piece, why) in bad.items()
            ),
        ],
        {},
    )


def make_facts() -> Made:
    facts = J.facts
    data = facts.encode()
    caused = replace(NO_FACTS, cause=J.others[0][:16])
    most = replace(facts, codes=bytes(255))
    yield (
        "parse",
        [
            case("five", "ok", "five facts, the fourth unknown", bytes_=data),
            case("none", "ok", "a receipt has no facts", bytes_=NO_FACTS.encode()),
            case("cause", "ok", "another message's facts count", bytes_=caused.encode()),
            case("most", "ok", "255 facts", bytes_=most.encode()),
            *sizes(data),
            case(
                "count-too-large",
                "malformed",
                "n says six, five follow",
                bytes_=put(data, 80, b"\6"),
            ),
            case(
                "count-too-small",
                "malformed",
                "n says four, five follow",
                bytes_=put(data, 80, b"\4"),
            ),
            case(
                "cause-and-codes",
                "malformed",
                "own facts beside a cause",
                bytes_=put(data, 0, b"\1"),
            ),
            case(
                "from-too-large",
                "malformed",
                "a time of 2^53",
                bytes_=put(data, 64, (2**53).to_bytes(8)),
            ),
            case(
                "until-too-large",
                "malformed",
                "a time of 2^64 - 1",
                bytes_=put(data, 72, b"\xff" * 8),
            ),
        ],
        {},
    )
    message, salt = J.header.message, J.facts_salt
    good = {"message": message, "salt": salt, "facts": data, "facts_c": J.facts_c}
    yield (
        "commit",
        [
            case("good", "ok", "facts_c of the facts above", **good),
            case(
                "other-message",
                "mismatch",
                "facts moved to another message",
                **{**good, "message": flipped(message, 0)},
            ),
            case("other-salt", "mismatch", "another salt", **{**good, "salt": flipped(salt, 0)}),
            case(
                "other-code",
                "mismatch",
                "one answer changed",
                **{**good, "facts": flipped(data, -1)},
            ),
            case(
                "widened-mask",
                "mismatch",
                "one more field in the sharing consent",
                **{**good, "facts": flipped(data, 63, 2)},
            ),
        ],
        {},
    )


def make_statement() -> Made:
    number, avro = 3, VALUES[3]
    good = {
        "message": J.header.message,
        "schema": J.header.schema,
        "field_id": number,
        "salt": J.salts[number],
        "avro": avro,
        "commitment": J.commitments[FIELD_IDS.index(number)],
    }
    absent = {
        **good,
        "field_id": 2,
        "salt": J.salts[2],
        "avro": b"\0",
        "commitment": J.commitments[1],
    }
    yield (
        "field",
        [
            case("present", "ok", "branch 1, then the value", **good),
            case("absent", "ok", "null is committed too, under its own salt", **absent),
            case(
                "other-value",
                "mismatch",
                "a bit of the value",
                **{**good, "avro": flipped(avro, -1)},
            ),
            case(
                "without-branch",
                "mismatch",
                "the value without its union branch",
                **{**good, "avro": avro[1:]},
            ),
            case(
                "other-field",
                "mismatch",
                "the same value and salt at field 5",
                **{**good, "field_id": 5},
            ),
            case(
                "other-message",
                "mismatch",
                "moved to another message",
                **{**good, "message": flipped(J.header.message, 0)},
            ),
            case(
                "other-schema",
                "mismatch",
                "moved to another schema",
                **{**good, "schema": flipped(J.header.schema, 0)},
            ),
            case(
                "other-salt", "mismatch", "another salt", **{**good, "salt": flipped(J.salts[3], 0)}
            ),
        ],
        {},
    )
    commitments = [item.hex() for item in J.commitments]
    swapped = [commitments[1], commitments[0], *commitments[2:]]
    whole = {
        "header_salt": J.header_salt,
        "header": J.header.encode(),
        "facts_c": J.facts_c,
        "commitments": commitments,
        "statement": J.statement,
    }
    yield (
        "statement",
        [
            case("good", "ok", "everything the message says", **whole),
            case(
                "swapped",
                "mismatch",
                "two commitments change places",
                **{**whole, "commitments": swapped},
            ),
            case(
                "one-less",
                "mismatch",
                "the last commitment left out",
                **{**whole, "commitments": commitments[:-1]},
            ),
            case(
                "one-more",
                "mismatch",
                "a commitment added",
                **{**whole, "commitments": [*commitments, "00" * 32]},
            ),
            case(
                "other-header",
                "mismatch",
                "a bit of expires",
                **{**whole, "header": flipped(J.header.encode(), 162)},
            ),
            case(
                "other-facts",
                "mismatch",
                "other facts",
                **{**whole, "facts_c": flipped(J.facts_c, 0)},
            ),
            case(
                "other-salt",
                "mismatch",
                "another header salt",
                **{**whole, "header_salt": flipped(J.header_salt, 0)},
            ),
        ],
        {},
    )


def make_author() -> Made:
    author = J.authors[0]
    data = author.encode()
    yield (
        "parse",
        [
            case("place-37", "ok", "place, six hashes, signature", bytes_=data),
            case("place-0", "ok", "the first place", bytes_=J.authors[1].encode()),
            case("place-63", "ok", "the last place", bytes_=J.authors[2].encode()),
            *sizes(data),
            case(
                "place-64", "malformed", "there are 64 places, from 0", bytes_=put(data, 0, b"\x40")
            ),
            case("place-255", "malformed", "far outside", bytes_=put(data, 0, b"\xff")),
        ],
        {},
    )
    good = {
        "author": data,
        "statement": J.statement,
        "from_": DESK,
        "to": DESK_ABROAD,
        "public": DESK_KEY.public.public,
    }

    def verify_case(name: str, why: str, **changed: object) -> Case:
        return case(name, "unauthentic", why, **{**good, **changed})

    reversed_path = (
        data[:1]
        + b"".join(data[1 + 32 * level : 33 + 32 * level] for level in reversed(range(6)))
        + data[-64:]
    )
    yield (
        "verify",
        [
            case("place-37", "ok", "one of five statements", **good),
            case(
                "place-0",
                "ok",
                "another of the same batch",
                **{**good, "author": J.authors[1].encode(), "statement": J.others[0]},
            ),
            case(
                "place-63",
                "ok",
                "the last place",
                **{**good, "author": J.authors[2].encode(), "statement": J.others[1]},
            ),
            verify_case(
                "other-statement", "another message under this author", statement=J.others[0]
            ),
            verify_case("other-place", "the right path at place 36", author=put(data, 0, b"\x24")),
            verify_case("flipped-path", "a bit of the path", author=flipped(data, 100)),
            verify_case("path-from-root", "the path in the wrong order", author=reversed_path),
            verify_case("flipped-signature", "a bit of the signature", author=flipped(data, -1)),
            verify_case("other-recipient", "a batch for another office", to="VNSVC001"),
            verify_case("other-sender", "in another office's name", from_="LANRM002"),
            verify_case("ends-swapped", "from and to change places", from_=DESK_ABROAD, to=DESK),
            verify_case(
                "parcel-key",
                "the office's parcel key",
                public=J.offices[DESK].signing(KeyUse.PARCEL).public.public,
            ),
            case("short", "malformed", "a byte is missing", **{**good, "author": data[:-1]}),
        ],
        {},
    )


def field_item(number: int, sealed: bytes, length: int | None = None) -> bytes:
    return number.to_bytes(2) + (len(sealed) if length is None else length).to_bytes(4) + sealed


def make_body() -> Made:
    body = J.body
    data, box = body.data, body.key_box
    sealed = dict(body.sealed)
    many = b"".join(field_item(number, bytes(48)) for number in range(1, 130))
    bad = {
        "box-only-short": (box[:-1], "the key box lacks a byte"),
        "twice": (box + field_item(3, sealed[3]) * 2, "field 3 twice"),
        "descending": (
            box + field_item(5, sealed[5]) + field_item(3, sealed[3]),
            "field 5 before 3",
        ),
        "no-length": (box + b"\0\3\0\0", "ends inside a length"),
        "length-too-large": (
            box + field_item(3, sealed[3], len(sealed[3]) + 1),
            "a length beyond the end",
        ),
        "length-too-small": (box + field_item(3, sealed[3], 16), "only a tag, then leftovers"),
        "tag-only": (box + field_item(3, bytes(16)), "no plaintext at all"),
        "not-in-steps": (box + field_item(3, bytes(16 + 33)), "33 bytes of plaintext"),
        "length-huge": (box + b"\0\3\xff\xff\xff\xff", "a length of 4 GiB"),
        "129-fields": (box + many, "more fields than a schema can have"),
    }
    yield (
        "parse",
        [
            case("five-fields", "ok", "field 2 is absent", bytes_=data),
            case("no-fields", "ok", "everything was withheld", bytes_=box),
            case("128-fields", "ok", "as many as a schema can have", bytes_=box + many[: 128 * 54]),
            case("empty", "malformed", "no bytes at all", bytes_=b""),
            case("truncated", "malformed", "the last byte is missing", bytes_=data[:-1]),
            case("trailing", "malformed", "a byte too many", bytes_=data + b"\0"),
            *(case(name, "malformed", why, bytes_=item) for name, (item, why) in bad.items()),
        ],
        {},
    )
    opening = {"seed": OPENING_SEED, "statement": J.statement}
    public = OPENING.public.public
    yield (
        "key_box",
        [
            case("good", "ok", "the message's key", **opening, key_box=box),
            case("flipped-enc", "malformed", "a bit of enc", **opening, key_box=flipped(box, 600)),
            case(
                "flipped-key",
                "malformed",
                "a bit of the sealed key",
                **opening,
                key_box=flipped(box, 1130),
            ),
            case(
                "other-statement",
                "malformed",
                "a box moved to another message",
                seed=OPENING_SEED,
                statement=J.others[0],
                key_box=box,
            ),
            case(
                "other-office",
                "malformed",
                "a box for another office",
                seed=J.offices[HOP].secret(KeyUse.SEAL),
                statement=J.statement,
                key_box=box,
            ),
            case(
                "short-key",
                "malformed",
                "a key of 31 bytes, well sealed",
                **opening,
                key_box=seal_key_box(public, J.statement, J.key[:31]),
            ),
            case(
                "long-key",
                "malformed",
                "a key of 33 bytes, well sealed",
                **opening,
                key_box=seal_key_box(public, J.statement, J.key + b"\0"),
            ),
            case(
                "parcel-info",
                "malformed",
                "sealed under the parcel's domain",
                **opening,
                key_box=seal(public, b"xref/parcel/v1\0" + J.statement, J.key),
            ),
        ],
        {},
    )
    salt, avro = J.salts[3], VALUES[3]

    def crooked(plaintext: bytes, number: int = 3) -> bytes:
        return AESGCM(J.key).encrypt(number.to_bytes(12), plaintext, J.statement)

    straight = salt + len(avro).to_bytes(4) + avro
    exact = b"\x02" + b"\x14" + b"a" * 10  # 20 + 12 fills one step
    good = {"key": J.key, "statement": J.statement, "field_id": 3}
    bad = {
        "swapped-field": (sealed[5], "field 5's bytes in field 3's place"),
        "flipped": (flipped(sealed[3], 4), "a bit of the ciphertext"),
        "flipped-tag": (flipped(sealed[3], -1), "a bit of the tag"),
        "truncated": (sealed[3][:-1], "the last byte is missing"),
        "empty": (b"", "no bytes"),
        "padding-not-zero": (
            crooked(straight.ljust(31, b"\0") + b"\1"),
            "the last byte of padding is 1",
        ),
        "padding-missing": (crooked(straight), "not padded to 32"),
        "padding-too-long": (crooked(straight.ljust(64, b"\0")), "padded to the second step"),
        "length-too-large": (
            crooked((salt + (13).to_bytes(4) + avro).ljust(32, b"\0")),
            "a length beyond the plaintext",
        ),
        "length-too-small": (
            crooked((salt + (8).to_bytes(4) + avro).ljust(32, b"\0")),
            "a byte of the value in the padding",
        ),
        "null-sealed": (
            crooked((salt + (1).to_bytes(4) + b"\0").ljust(32, b"\0")),
            "an absent field carries no sealed bytes",
        ),
        "no-value": (crooked(salt.ljust(32, b"\0")), "a value of no bytes"),
        "branch-2": (
            crooked((salt + (2).to_bytes(4) + b"\4\0").ljust(32, b"\0")),
            "a union has two branches",
        ),
    }
    yield (
        "field",
        [
            case("string", "ok", "salt, length, value, zeros", **good, sealed=sealed[3]),
            case(
                "exact",
                "ok",
                "fills one step without padding",
                **good,
                sealed=seal_field(field_cipher(J.key), J.statement, 3, salt, exact),
            ),
            case(
                "two-steps",
                "ok",
                "one byte more takes a second step",
                **good,
                sealed=seal_field(field_cipher(J.key), J.statement, 3, salt, exact + b"\0"),
            ),
            case(
                "other-field-id",
                "malformed",
                "opened as field 5",
                **{**good, "field_id": 5},
                sealed=sealed[3],
            ),
            case(
                "other-statement",
                "malformed",
                "moved to another message",
                **{**good, "statement": J.others[0]},
                sealed=sealed[3],
            ),
            case(
                "other-key",
                "malformed",
                "another message's key",
                **{**good, "key": flipped(J.key, 0)},
                sealed=sealed[3],
            ),
            *(
                case(name, "malformed", why, **good, sealed=item)
                for name, (item, why) in bad.items()
            ),
        ],
        {},
    )
    ids = list(FIELD_IDS)
    wide = Body.of(box, ((7, bytes(48)),)).data
    mask = J.from_desk.mask

    def mask_case(name: str, expect: str, why: str, body: bytes, value: int) -> Case:
        return case(name, expect, why, body=body, mask=value.to_bytes(16), schema_field_ids=ids)

    yield (
        "mask",
        [
            mask_case("all-present", "ok", "bits 1, 3, 4, 5 and 6", data, mask),
            mask_case("nothing", "ok", "no field, no bit", box, 0),
            mask_case(
                "one-withheld",
                "ok",
                "field 13 dropped",
                keep(body, {1, 3, 5, 8}).data,
                0b011101,
            ),
            mask_case(
                "bit-too-many", "mismatch", "the mask promises the absent field", data, mask | 2
            ),
            mask_case(
                "bit-missing",
                "mismatch",
                "a field is carried that the mask does not name",
                data,
                mask & ~1,
            ),
            mask_case(
                "by-field-id",
                "mismatch",
                "bits by field id instead of rank",
                data,
                sum(1 << number for number in (1, 3, 5, 8, 13)),
            ),
            mask_case(
                "reversed", "mismatch", "bits from the most significant end", data, 0b101111 << 122
            ),
            mask_case(
                "unknown-field", "malformed", "a field that the schema does not have", wide, 1
            ),
        ],
        {},
    )


def make_release() -> Made:
    envelope = J.across
    good = {
        "statement": J.statement,
        "mask": envelope.mask.to_bytes(16),
        "recorded": envelope.recorded_ms,
        "erase_by": envelope.erase_by_ms,
        "body": envelope.body,
        "release": envelope.release(J.statement),
    }
    desk = {
        **good,
        "mask": J.from_desk.mask.to_bytes(16),
        "recorded": J.from_desk.recorded_ms,
        "erase_by": 0,
        "body": J.from_desk.body,
        "release": J.from_desk.release(J.statement),
    }
    body = bytes.fromhex(envelope.body.hex())
    yield (
        "release",
        [
            case("hop", "ok", "what a hop releases", **good),
            case("desk", "ok", "what a desk releases: nothing withheld, erase_by 0", **desk),
            case(
                "altered-mask",
                "mismatch",
                "one more bit",
                **{**good, "mask": (envelope.mask | 2).to_bytes(16)},
            ),
            case(
                "shrunk-mask",
                "mismatch",
                "one bit less",
                **{**good, "mask": (envelope.mask & ~1).to_bytes(16)},
            ),
            case(
                "later",
                "mismatch",
                "recorded a millisecond later",
                **{**good, "recorded": envelope.recorded_ms + 1},
            ),
            case(
                "kept-longer",
                "mismatch",
                "erased a day later",
                **{**good, "erase_by": envelope.erase_by_ms + DAY_MS},
            ),
            case(
                "times-swapped",
                "mismatch",
                "recorded and erase_by change places",
                **{**good, "recorded": envelope.erase_by_ms, "erase_by": envelope.recorded_ms},
            ),
            case(
                "field-dropped",
                "mismatch",
                "the last field cut off",
                **{**good, "body": body[:-54]},
            ),
            case(
                "other-body", "mismatch", "a bit of the body", **{**good, "body": flipped(body, -1)}
            ),
            case(
                "other-statement",
                "mismatch",
                "another message",
                **{**good, "statement": J.others[0]},
            ),
        ],
        {},
    )


def make_envelope() -> Made:
    desk, across, last = J.from_desk, J.across, J.to_desk
    bases = {
        "desk": desk.encode().hex(),
        "across": across.encode().hex(),
        "last": last.encode().hex(),
    }
    open_ = {"facts_open": True, "has_passed": False}
    closed = {"facts_open": False, "has_passed": False}
    proved = {"facts_open": False, "has_passed": True}

    def other(envelope: Envelope, **changed: Any) -> bytes:
        return replace(envelope, **changed).encode()

    count_at = HEADER_BYTES + 16 + 32
    after = count_at + 2 + 32 * len(FIELD_IDS) + AUTHOR_BYTES
    data = across.encode()
    facts_at = HEADER_BYTES + 16 + 16
    passed = last.passed
    if passed is None:
        raise RuntimeError("the last link carries what the hop before released")

    def cut(name: str, why: str, size: int) -> Case:
        return case(name, "malformed", why, bytes_=patched("across", data, size=size), **closed)

    yield (
        "parse",
        [
            case(
                "from-desk",
                "ok",
                "desk to hop: the facts are open",
                bytes_=patched("desk", desk.encode()),
                **open_,
            ),
            case(
                "across",
                "ok",
                "hop to hop: facts_c alone",
                bytes_=patched("across", data),
                **closed,
            ),
            case(
                "to-desk",
                "ok",
                "hop to desk abroad: with what the hop before released",
                bytes_=patched("last", last.encode()),
                **proved,
            ),
            case(
                "one-commitment",
                "ok",
                "a schema of one field",
                bytes_=other(across, commitments=across.commitments[:32], mask=1),
                **closed,
            ),
            case(
                "no-sealed-field",
                "ok",
                "a body of a key box alone",
                bytes_=other(across, mask=0, body=across.body[:KEY_BOX_BYTES]),
                **closed,
            ),
            case("empty", "malformed", "no bytes", bytes_=b"", **closed),
            cut("header-only", "ends after the header", HEADER_BYTES),
            cut("in-commitments", "ends inside a commitment", count_at + 40),
            cut("before-body", "ends before the body", after + 32),
            cut("box-too-short", "a body shorter than a key box", after + 32 + KEY_BOX_BYTES - 1),
            case(
                "no-commitments",
                "malformed",
                "n is 0",
                bytes_=other(across, commitments=b"", mask=0),
                **closed,
            ),
            case(
                "129-commitments",
                "malformed",
                "n is 129",
                bytes_=other(across, commitments=bytes(32 * 129)),
                **closed,
            ),
            case(
                "count-too-large",
                "malformed",
                "n says 65535",
                bytes_=patched("across", data, (count_at, b"\xff\xff")),
                **closed,
            ),
            case(
                "mask-beyond-fields",
                "malformed",
                "bit 7 of six fields",
                bytes_=other(across, mask=across.mask | 64),
                **closed,
            ),
            case(
                "mask-highest-bit",
                "malformed",
                "bit 128",
                bytes_=other(across, mask=1 << 127),
                **closed,
            ),
            case(
                "recorded-too-large",
                "malformed",
                "a time of 2^53",
                bytes_=other(across, recorded_ms=2**53),
                **closed,
            ),
            case(
                "erase-by-too-large",
                "malformed",
                "a time of 2^64 - 1",
                bytes_=other(across, erase_by_ms=2**64 - 1),
                **closed,
            ),
            case(
                "desk-sets-erase-by",
                "malformed",
                "erase_by is the hops' to set",
                bytes_=other(desk, erase_by_ms=CREATED_MS),
                **open_,
            ),
            case(
                "hop-without-erase-by",
                "malformed",
                "a hop must set erase_by",
                bytes_=other(across, erase_by_ms=0),
                **closed,
            ),
            case(
                "bad-version",
                "malformed",
                "the header's version",
                bytes_=patched("across", data, (0, b"\2")),
                **closed,
            ),
            case(
                "bad-office",
                "malformed",
                "the header's recipient",
                bytes_=patched("across", data, (59, b"v")),
                **closed,
            ),
            case(
                "bad-place",
                "malformed",
                "the author's place",
                bytes_=patched("across", data, (after - AUTHOR_BYTES, b"\x40")),
                **closed,
            ),
            case(
                "facts-too-long",
                "malformed",
                "facts of more than 336 bytes",
                bytes_=patched("desk", desk.encode(), (facts_at, b"\x01\x51")),
                **open_,
            ),
            case(
                "passed-mask-beyond-fields",
                "malformed",
                "bit 7 of six fields, in passed",
                bytes_=other(last, passed=replace(passed, mask=64)),
                **proved,
            ),
            case(
                "passed-without-erase-by",
                "malformed",
                "a hop must set erase_by",
                bytes_=other(last, passed=replace(passed, erase_by_ms=0)),
                **proved,
            ),
            case(
                "passed-too-late",
                "malformed",
                "a time of 2^53, in passed",
                bytes_=other(last, passed=replace(passed, recorded_ms=2**53)),
                **proved,
            ),
            case(
                "proof-too-long",
                "malformed",
                "a proof of 16 KiB and a byte",
                bytes_=other(last, passed=replace(passed, proof=bytes(16 * 1024 + 1))),
                **proved,
            ),
            case(
                "facts-where-closed",
                "malformed",
                "a desk's envelope sent between hops",
                bytes_=patched("desk", desk.encode()),
                **closed,
            ),
            case(
                "passed-left-out",
                "malformed",
                "a hop's envelope sent to a desk abroad",
                bytes_=patched("across", data),
                **proved,
            ),
        ],
        bases,
    )
    ends = [(False, True), (True, True), (True, False)]
    end, parties = ("desk", "hop"), ("one-party", "two-parties")
    yield (
        "shape",
        [
            case(
                f"{end[sender]}-to-{end[receiver]}-{parties[two]}",
                "ok",
                "open facts come from a desk; passed goes to a desk, of two Parties",
                sender_is_hop=sender,
                receiver_is_hop=receiver,
                two_parties=two,
            )
            for sender, receiver in ends
            for two in (True, False)
        ],
        {},
    )
    slot = J.slot(across).encode()

    def slot_case(
        name: str, expect: str, why: str, *pieces: tuple[int, bytes], size: int | None = None
    ) -> Case:
        return case(name, expect, why, bytes_=patched("slot", slot, *pieces, size=size), **closed)

    at = 36 + after
    yield (
        "slot",
        [
            slot_case("good", "ok", "the envelope's own release"),
            case("stub", "ok", "length 0", bytes_=Slot(J.others[0], b"").encode(), **closed),
            slot_case(
                "other-release", "mismatch", "a bit of the release", (0, flipped(slot, 0)[:1])
            ),
            slot_case(
                "altered-mask",
                "mismatch",
                "a bit of the mask removed",
                (at + 15, bytes([across.mask & 0xFE])),
            ),
            slot_case(
                "altered-body", "mismatch", "a bit of the last field", (-1, flipped(slot, -1)[-1:])
            ),
            slot_case(
                "altered-commitment",
                "mismatch",
                "a bit of a commitment",
                (36 + count_at + 2, flipped(slot, 36 + count_at + 2)[36 + count_at + 2 :][:1]),
            ),
            slot_case(
                "altered-expiry",
                "mismatch",
                "the header's expires",
                (36 + 162, flipped(slot, 198)[198:199]),
            ),
            slot_case("in-release", "malformed", "ends inside the release", size=31),
            slot_case("in-length", "malformed", "ends inside the length", size=34),
            slot_case("truncated", "malformed", "the last byte is missing", size=len(slot) - 1),
            slot_case("trailing", "malformed", "a byte too many", size=len(slot) + 1),
            slot_case("length-huge", "malformed", "a length of 4 GiB", (32, b"\xff" * 4)),
            slot_case(
                "length-over-limit",
                "malformed",
                "480 KiB and a byte",
                (32, (480 * 1024 + 1).to_bytes(4)),
            ),
        ],
        {"slot": slot.hex()},
    )
