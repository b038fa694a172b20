"""The cases of what carries messages: parcel, payload, keyring, link."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from interop.wire_cases import (
    Case,
    J,
    Made,
    case,
    flipped,
    patched,
    put,
    shown,
)
from interop.wire_scenario import (
    ACROSS,
    DESK,
    DESK_ABROAD,
    HOP,
    HOP_ABROAD,
    TO_DESK,
    TO_HOP,
)
from xref.tlog import note as notes
from xref.wire.body import Body, field_cipher, seal_field
from xref.wire.envelope import Envelope, Slot
from xref.wire.key import KeyUse, SigningKey, seal
from xref.wire.keyring import Keyring
from xref.wire.office import Link, party_name
from xref.wire.parcel import CLEAR_BYTES, Kind
from xref.wire.payload import encode_note, encode_slots
from xref.wire.release import release_leaf


def make_parcel() -> Made:
    payload = J.payload(ACROSS, J.across)
    data = J.parcel(ACROSS, payload)
    good = {
        "sender": J.offices[HOP].signing(KeyUse.PARCEL).public.public,
        "seed": J.offices[HOP_ABROAD].secret(KeyUse.SEAL),
    }

    def split_case(
        name: str, expect: str, why: str, *pieces: tuple[int, bytes], size: int | None = None
    ) -> Case:
        return case(name, expect, why, bytes_=patched("parcel", data, *pieces, size=size))

    yield (
        "split",
        [
            split_case("slots", "ok", "46 clear bytes; nothing verified yet"),
            split_case("kind-2", "ok", "an acknowledgement", (1, b"\2")),
            split_case("kind-3", "ok", "a takeover", (1, b"\3")),
            split_case("kind-4", "ok", "a keyring", (1, b"\4")),
            split_case("largest-sequence", "ok", "2^53 - 1", (22, (2**53 - 1).to_bytes(8))),
            split_case("empty", "unauthentic", "no bytes", size=0),
            split_case("clear-only", "unauthentic", "46 bytes", size=CLEAR_BYTES),
            split_case("truncated", "unauthentic", "the last byte is missing", size=len(data) - 1),
            split_case("trailing", "unauthentic", "a byte too many", size=len(data) + 1),
            split_case("no-such-size", "unauthentic", "24 KiB is no bucket", size=24 * 1024 + 1246),
            split_case("version-0", "unauthentic", "version 0", (0, b"\0")),
            split_case("version-2", "unauthentic", "version 2", (0, b"\2")),
            split_case("kind-0", "unauthentic", "there is no kind 0", (1, b"\0")),
            split_case("kind-5", "unauthentic", "there is no kind 5", (1, b"\5")),
            split_case("generation-0", "unauthentic", "generations start at 1", (18, bytes(4))),
            split_case("sequence-0", "unauthentic", "sequences start at 1", (22, bytes(8))),
            split_case("sequence-too-large", "unauthentic", "2^53", (22, (2**53).to_bytes(8))),
        ],
        {"parcel": data.hex()},
    )
    sender = J.offices[HOP].signing(KeyUse.PARCEL)
    receiver = J.offices[HOP_ABROAD].opening.public
    clear = J.clear(ACROSS).encode()

    def crooked(inside: bytes, info: bytes = b"") -> bytes:
        """A parcel that its sender signed in earnest over an inside that breaks the format."""
        sealed = seal(receiver.public, info or b"xref/parcel/v1\0" + clear, inside)
        digest = hashlib.sha256(sealed).digest()
        return clear + sealed + sender.sign(b"xref/parcel-sig/v1\0" + clear + digest)

    inside = len(payload).to_bytes(4) + payload
    room = 8 * 1024
    retired = SigningKey(hashlib.sha256(b"retired").digest()).public.public
    resigned = data[:-64] + J.offices[HOP].signing(KeyUse.LOG).sign(
        b"xref/parcel-sig/v1\0" + clear + hashlib.sha256(data[CLEAR_BYTES:-64]).digest()
    )
    whole_signed = data[:-64] + sender.sign(b"xref/parcel-sig/v1\0" + data[:-64])
    full = J.parcel(ACROSS, bytes(room - 4))
    bad = {
        "length-too-large": (
            crooked((b"\0\0\x20\0" + payload).ljust(room, b"\0")),
            "a length beyond the inside",
        ),
        "padding-not-zero": (
            crooked(inside.ljust(room - 1, b"\0") + b"\1"),
            "the last byte of padding is 1",
        ),
        "second-bucket": (crooked(inside.ljust(2 * room, b"\0")), "16 KiB where 8 would do"),
        "length-too-small": (
            crooked(((len(payload) - 1).to_bytes(4) + payload).ljust(room, b"\1")),
            "the payload's last byte in the padding",
        ),
        "other-info": (
            crooked(inside.ljust(room, b"\0"), b"xref/parcel/v1\0" + flipped(clear, 25)),
            "sealed for another sequence",
        ),
        "desk-domain": (
            crooked(inside.ljust(room, b"\0"), b"xref/desk/v1\0" + clear),
            "sealed under the key box's domain",
        ),
        "not-sealed": (
            clear
            + inside.ljust(room + 1136, b"\0")
            + sender.sign(
                b"xref/parcel-sig/v1\0"
                + clear
                + hashlib.sha256(inside.ljust(room + 1136, b"\0")).digest()
            ),
            "the payload in clear, signed",
        ),
    }
    bases = {"parcel": data.hex(), "full": full.hex()}
    for name, (item, _) in bad.items():
        bases[name] = item.hex()

    def flip_case(name: str, why: str, at: int) -> Case:
        piece = flipped(data, at)[at % len(data) :][:1]
        return case(name, "unauthentic", why, bytes_=patched("parcel", data, (at, piece)), **good)

    yield (
        "open",
        [
            case("good", "ok", "verified, then opened", bytes_=patched("parcel", data), **good),
            case(
                "full-bucket",
                "ok",
                "8188 bytes leave no padding",
                bytes_=patched("full", full),
                **good,
            ),
            flip_case("flipped-kind", "an acknowledgement after all", 1),
            flip_case("flipped-link", "a bit of link16", 5),
            flip_case("flipped-generation", "a bit of the generation", 20),
            flip_case("flipped-sequence", "a bit of the sequence", 28),
            flip_case("flipped-sender-key", "a bit of sender_key", 30),
            flip_case("flipped-receiver-key", "a bit of receiver_key", 38),
            flip_case("flipped-enc", "a bit of enc", 500),
            flip_case("flipped-ciphertext", "a bit of the ciphertext", 5000),
            flip_case("flipped-tag", "a bit of the tag", len(data) - 65),
            flip_case("flipped-signature", "a bit of the signature", -1),
            case(
                "other-receiver",
                "unauthentic",
                "the receiver has another key",
                bytes_=patched("parcel", data),
                sender=good["sender"],
                seed=J.offices[DESK_ABROAD].secret(KeyUse.SEAL),
            ),
            case(
                "other-sender",
                "unauthentic",
                "the sender has another key",
                bytes_=patched("parcel", data),
                sender=retired,
                seed=good["seed"],
            ),
            case(
                "log-key-used",
                "unauthentic",
                "signed with the sender's log key",
                bytes_=patched("parcel", data, (-64, resigned[-64:])),
                **good,
            ),
            case(
                "ciphertext-not-hashed",
                "unauthentic",
                "signed over the ciphertext itself",
                bytes_=patched("parcel", data, (-64, whole_signed[-64:])),
                **good,
            ),
            *(
                case(
                    name,
                    "malformed",
                    f"{why}: evidence, for it is signed",
                    bytes_=patched(name, item),
                    **good,
                )
                for name, (item, why) in bad.items()
            ),
        ],
        bases,
    )
    yield make_read()


def make_read() -> tuple[str, list[Case], dict[str, str]]:
    """Whole journeys: parcel, payload, checkpoint, tree, envelope, author, key box, fields."""
    bases: dict[str, str] = {}
    cases: list[Case] = []

    def add(
        name: str, expect: str, why: str, link: Link, envelope: Envelope, /, **changed: object
    ) -> None:
        inputs = {**J.read_inputs(link, envelope), **changed}
        bases[name] = str(inputs["bytes"])
        inputs["bytes"] = {"base": name}
        cases.append(
            case(name, expect, why, **{key: shown(value) for key, value in inputs.items()})
        )

    add("desk-to-hop", "ok", "open facts", TO_HOP, J.from_desk)
    add("hop-to-hop", "ok", "field 5 withheld", ACROSS, J.across)
    add("hop-to-desk", "ok", "fields 5 and 8 withheld, and opened", TO_DESK, J.to_desk)
    last = J.to_desk
    body = J.body
    sealed = dict(body.sealed)
    swapped = Body.of(body.key_box, ((1, sealed[3]), (3, sealed[1]), (13, sealed[13]))).data
    dishonest = seal_field(field_cipher(J.key), J.statement, 3, J.salts[3], b"\x02\x0eSomchat")
    forged = Body.of(body.key_box, ((1, sealed[1]), (3, dishonest), (13, sealed[13]))).data
    add(
        "swapped-fields",
        "malformed",
        "fields 1 and 3 change places",
        TO_DESK,
        replace(last, body=swapped),
    )
    add(
        "dishonest-field",
        "mismatch",
        "a value that was not committed, well sealed",
        TO_DESK,
        replace(last, body=forged),
    )
    add(
        "mask-without-field",
        "mismatch",
        "the mask promises field 8, the body lacks it",
        TO_DESK,
        replace(last, mask=last.mask | 16),
    )
    add(
        "field-without-mask",
        "mismatch",
        "field 13 is carried, the mask denies it",
        TO_DESK,
        replace(last, mask=last.mask & ~32),
    )
    passed = last.passed
    if passed is None:
        raise RuntimeError("the last link carries what the hop before released")
    add(
        "passed-altered",
        "mismatch",
        "another body than the hop before released",
        TO_DESK,
        replace(last, passed=replace(passed, body_hash=bytes(32))),
    )
    add(
        "kept-longer",
        "mismatch",
        "erase_by grew on the way",
        TO_DESK,
        replace(last, erase_by_ms=passed.erase_by_ms + 1),
    )
    add(
        "other-author",
        "unauthentic",
        "another statement's place in the batch",
        ACROSS,
        replace(J.across, author=J.authors[1]),
    )
    other_log = J.offices[HOP].signing(KeyUse.PARCEL).public.public
    add(
        "wrong-log-key",
        "unauthentic",
        "the checkpoint against the parcel key",
        ACROSS,
        J.across,
        log_key=other_log,
    )
    add("other-link", "unauthentic", "of another link", ACROSS, J.across, link=TO_DESK.name)
    mirror = [release_leaf(item).hex() for item in J.earlier]
    add(
        "other-mirror",
        "mismatch",
        "a leaf of the mirror differs",
        ACROSS,
        J.across,
        mirror=[*mirror[:4], "00" * 32],
    )
    add("gap", "mismatch", "the mirror lacks the leaf before", ACROSS, J.across, mirror=mirror[:4])
    return "read", cases, bases


def make_payload() -> Made:
    slots = [J.slot(J.across), Slot(J.others[0], b"")]
    releases = [*J.earlier, *(slot.release for slot in slots)]
    head = J.checkpoint(ACROSS, [release_leaf(item) for item in releases])
    data = encode_slots(5, head, slots)
    count_at = 10 + len(head.encode())
    stub = Slot(J.others[1], b"")
    signed = head + "— xref/office/v1/VNHOP001 " + base64.b64encode(bytes(76)).decode() + "\n"
    two, three = encode_note(Kind.ACKNOWLEDGEMENT, signed), encode_note(Kind.TAKEOVER, head)
    keyring = J.signed_keyring(J.keyring(DESK, sealing=False))
    four = encode_note(Kind.KEYRING, keyring)

    def of_slots(
        name: str, expect: str, why: str, *pieces: tuple[int, bytes], size: int | None = None
    ) -> Case:
        return case(name, expect, why, kind=1, bytes_=patched("slots", data, *pieces, size=size))

    def of(kind: int, name: str, expect: str, why: str, item: bytes) -> Case:
        return case(name, expect, why, kind=kind, bytes_=item)

    most = encode_slots(0, head, [stub] * 256)
    yield (
        "parse",
        [
            of_slots("slots", "ok", "an envelope and a stub from index 5"),
            of(1, "256-slots", "ok", "as many as a parcel may have", most),
            of(
                1,
                "last-index",
                "ok",
                "the slot ends at 2^53 - 1",
                encode_slots(2**53 - 2, head, [stub]),
            ),
            of_slots("empty", "malformed", "no bytes", size=0),
            of_slots("truncated", "malformed", "the last byte is missing", size=len(data) - 1),
            of_slots("trailing", "malformed", "a byte too many", size=len(data) + 1),
            of_slots("no-slots", "malformed", "count is 0", (count_at, b"\0\0"), size=count_at + 2),
            of_slots("count-too-large", "malformed", "count says three", (count_at, b"\0\3")),
            of_slots("count-too-small", "malformed", "count says one", (count_at, b"\0\1")),
            of(
                1, "257-slots", "ok", "only the bytes limit it", encode_slots(0, head, [stub] * 257)
            ),
            of(
                1,
                "index-too-large",
                "malformed",
                "the slot would end at 2^53",
                encode_slots(2**53 - 1, head, [stub]),
            ),
            of_slots("index-huge", "malformed", "2^64 - 1", (0, b"\xff" * 8)),
            of_slots(
                "checkpoint-not-utf8", "malformed", "a byte ff in the checkpoint", (12, b"\xff")
            ),
            of_slots("checkpoint-too-long", "malformed", "4 KiB and a byte", (8, b"\x10\x01")),
            of(2, "acknowledgement", "ok", "a note of two signatures, not verified here", two),
            of(2, "acknowledgement-trailing", "malformed", "a byte too many", two + b"\0"),
            of(2, "acknowledgement-truncated", "malformed", "the last byte is missing", two[:-1]),
            of(
                2,
                "acknowledgement-overlong",
                "malformed",
                "an overlong UTF-8 slash",
                put(two, 6, b"\xc0\xaf"),
            ),
            of(3, "takeover", "ok", "a signed head", three),
            of(3, "takeover-trailing", "malformed", "a byte too many", three + b"\0"),
            of(
                3,
                "takeover-surrogate",
                "malformed",
                "half a surrogate pair in UTF-8",
                put(three, 6, b"\xed\xa0\x80"),
            ),
            of(4, "keyring", "ok", "a Party's note", four),
            of(
                4,
                "keyring-length-of-2",
                "malformed",
                "the length of the other kinds",
                encode_note(Kind.TAKEOVER, keyring),
            ),
            of(
                4,
                "keyring-too-long",
                "malformed",
                "900 KiB and a byte",
                (900 * 1024 + 1).to_bytes(4),
            ),
            of(3, "keyring-as-takeover", "malformed", "the length of kind 4", four),
        ],
        {"slots": data.hex()},
    )


def make_keyring() -> Made:
    keyring = J.keyring(HOP, DESK, sealing=False)
    text = keyring.text()
    lines = text.splitlines()
    whole = J.keyring(HOP, sealing=True)
    bare = Keyring("LA", 1, (), (), ())
    key_line = next(line for line in lines if " desk " in line and DESK in line)
    log_line = next(line for line in lines if line.startswith("log"))
    words = key_line.split(" ")
    sealing = J.offices[DESK].opening.public
    sealed_to = base64.b64encode(b"\2" + sealing.public).decode()
    spare = sealed_to[:-2] + chr(ord(sealed_to[-2]) + 1) + "="
    low = base64.b64encode(b"\2" + sealing.public[:1184] + bytes(32)).decode()

    def rebuilt(body: Sequence[str], head: Sequence[str] = ("xref/keyring/v1", "LA", "7")) -> str:
        return "\n".join([*head, *sorted(body)]) + "\n"

    def with_line(line: str) -> str:
        return rebuilt([line])

    def of_words(at: int, word: str) -> str:
        return with_line(" ".join([*words[:at], word, *words[at + 1 :]]))

    def of_log(at: int, word: str) -> str:
        split = log_line.split(" ")
        return with_line(" ".join([*split[:at], word, *split[at + 1 :]]))

    key = words[3]
    bad = {
        "empty": ("", "no text"),
        "no-final-newline": (text[:-1], "the last line does not end"),
        "empty-last-line": (text + "\n", "an empty line at the end"),
        "crlf": (text.replace("\n", "\r\n"), "carriage returns"),
        "other-title": (text.replace("/v1", "/v2", 1), "version 2"),
        "no-version": ("xref/keyring/v1\nLA\n", "two lines"),
        "version-0": (text.replace("\n7\n", "\n0\n"), "versions start at 1"),
        "version-leading-zero": (text.replace("\n7\n", "\n07\n"), "a leading zero"),
        "version-signed": (text.replace("\n7\n", "\n+7\n"), "a sign"),
        "version-other-digits": (text.replace("\n7\n", "\n٧\n"), "an Arabic digit"),
        "version-too-large": (text.replace("\n7\n", f"\n{2**53}\n"), "2^53"),
        "party-lower-case": (text.replace("\nLA\n", "\nla\n"), "a Party in small letters"),
        "party-three-letters": (text.replace("\nLA\n", "\nLAO\n"), "alpha-3"),
        "other-party": (text.replace("\nLA\n", "\nVN\n"), "offices of another Party"),
        "unsorted": ("\n".join([*lines[:3], *lines[:2:-1]]) + "\n", "lines in descending order"),
        "twice": (rebuilt([key_line, key_line]), "a line twice"),
        "subscribe-twice": (rebuilt(["subscribe LANRM001 3"] * 2), "a line twice, of no key"),
        "unknown-kind": (with_line("revoke LANRM001"), "a line of a kind that is not known"),
        "blank-line": (rebuilt(["", key_line]), "an empty line"),
        "two-spaces": (with_line(key_line.replace(" ", "  ", 1)), "two spaces"),
        "trailing-space": (with_line(key_line + " "), "a space at the end"),
        "tab": (with_line(key_line.replace(" ", "\t", 1)), "a tab for a space"),
        "unknown-use": (of_words(2, "sign"), "no such use"),
        "use-upper-case": (of_words(2, "DESK"), "a use in capitals"),
        "office-short": (of_words(1, "LANRM01"), "seven characters"),
        "office-of-other-party": (of_words(1, "VNNRM001"), "another Party's office"),
        "key-not-base64": (of_words(3, key[:-1] + "!"), "not base64"),
        "key-url-base64": (
            of_words(3, base64.urlsafe_b64encode(b"\1" + b"\xff" * 32).decode()),
            "the other alphabet",
        ),
        "key-not-canonical": (
            with_line(f"key LANRM001 seal {spare} {words[4]} {words[5]}"),
            "a spare bit after the last byte",
        ),
        "key-without-padding": (
            with_line(f"key LANRM001 seal {sealed_to.rstrip('=')} {words[4]} {words[5]}"),
            "base64 without padding",
        ),
        "key-short": (of_words(3, base64.b64encode(b"\1" + bytes(31)).decode()), "31 bytes"),
        "key-algorithm-only": (of_words(3, base64.b64encode(b"\1").decode()), "no key"),
        "key-of-other-algorithm": (of_words(2, "seal"), "an Ed25519 key to seal with"),
        "desk-key-x-wing": (
            of_words(3, base64.b64encode(b"\2" + sealing.public).decode()),
            "an X-Wing key to sign with",
        ),
        "seal-key-small-order": (
            with_line(f"key LANRM001 seal {low} {words[4]} {words[5]}"),
            "nothing can be sealed to it",
        ),
        "ends-at-start": (of_words(5, words[4]), "from equals until"),
        "ends-before-start": (of_words(5, "1"), "until before from"),
        "until-too-large": (of_words(5, str(2**53)), "2^53"),
        "from-negative": (of_words(4, "-1"), "a negative time"),
        "word-missing": (with_line(" ".join(words[:-1])), "no until"),
        "word-added": (with_line(key_line + " 1"), "a word too many"),
        "key-twice": (
            rebuilt([key_line, " ".join([*words[:5], str(int(words[5]) + 1)])]),
            "one key with two validities",
        ),
        "key-of-two-uses": (
            rebuilt([key_line, key_line.replace(" desk ", " parcel ")]),
            "one key to sign batches and parcels",
        ),
        "key-of-two-offices": (
            rebuilt([key_line, key_line.replace("LANRM001", "LANRM002")]),
            "one key of two offices",
        ),
        "log-key-is-desk-key": (
            rebuilt([key_line, f"log xref/link/v1/LANRM001/LAHOP001/0 {key} 0 9"]),
            "one key for a log and for batches",
        ),
        "log-of-other-party": (
            of_log(1, "xref/link/v1/VNHOP001/LAHOP001/0"),
            "a link that the Party does not send on",
        ),
        "log-to-itself": (
            of_log(1, "xref/link/v1/LANRM001/LANRM001/0"),
            "a link joins two offices",
        ),
        "log-shard-leading-zero": (
            of_log(1, "xref/link/v1/LANRM001/LAHOP001/00"),
            "a leading zero",
        ),
        "log-not-a-link": (of_log(1, "xref/trail/v1/LAHOP001/0"), "a trail is no link"),
        "log-range-empty": (
            rebuilt([" ".join([*log_line.split(" ")[:3], "5", "4"])]),
            "last size below first",
        ),
        "log-size-too-large": (of_log(4, str(2**63)), "2^63"),
        "subscribe-flow-0": (with_line("subscribe LANRM001 0"), "flows start at 1"),
        "subscribe-flow-too-large": (
            with_line("subscribe LANRM001 65536"),
            "a flow of three bytes",
        ),
        "subscribe-hex": (with_line("subscribe LANRM001 0x3"), "not decimal"),
        "subscribe-other-party": (with_line("subscribe VNNRM001 3"), "another Party's office"),
        "subscribe-name": (with_line("subscribe LANRM001 referral"), "a flow's name"),
    }
    yield (
        "parse",
        [
            case("two-offices", "ok", "keys, logs and a subscription", text=text),
            case("one-office", "ok", "with its X-Wing key", text=whole.text()),
            case("no-lines", "ok", "a Party that has nothing yet", text=bare.text()),
            case(
                "log-ends",
                "ok",
                "a retired log key",
                text=rebuilt([" ".join([*log_line.split(" ")[:3], "0", "41"])]),
            ),
            *(case(name, "malformed", why, text=item) for name, (item, why) in bad.items()),
        ],
        {},
    )
    note = J.signed_keyring(keyring)
    public = J.party_key("LA").public.public
    other = J.party_key("VN")
    named = {"party": "LA", "public": public}
    signature_line = note.splitlines()[-1]
    later = note.replace("\n7\n", "\n8\n", 1)
    by_other = notes.sign(text, [notes.Signer(party_name("LA"), other.private)])
    as_other = notes.sign(text, [notes.Signer(party_name("VN"), J.party_key("LA").private)])
    twice = note + signature_line + "\n"
    crooked = text.replace(" desk ", " sign ", 1)
    signed_bad = notes.sign(crooked, [notes.Signer(party_name("LA"), J.party_key("LA").private)])
    foreign = J.keyring(HOP_ABROAD, sealing=False)
    signed_foreign = notes.sign(
        foreign.text(), [notes.Signer(party_name("LA"), J.party_key("LA").private)]
    )
    yield (
        "open",
        [
            case("good", "ok", "signed by its Party", note=note, **named),
            case(
                "version-raised",
                "unauthentic",
                "the text changed after signing",
                note=later,
                **named,
            ),
            case(
                "by-another",
                "unauthentic",
                "another key under the Party's name",
                note=by_other,
                **named,
            ),
            case(
                "under-another-name",
                "unauthentic",
                "the Party's key under another name",
                note=as_other,
                **named,
            ),
            case("signed-twice", "unauthentic", "one signature, no more", note=twice, **named),
            case(
                "of-another-party",
                "unauthentic",
                "a Party signs another's keyring",
                note=signed_foreign,
                **named,
            ),
            case(
                "signed-but-malformed",
                "malformed",
                "an unknown use, well signed",
                note=signed_bad,
                **named,
            ),
            case("no-signature", "malformed", "the text alone", note=text, **named),
            case(
                "signature-without-padding",
                "malformed",
                "no padding",
                note=note.rstrip("\n=") + "\n",
                **named,
            ),
            case(
                "trailing-text",
                "malformed",
                "a line after the signature",
                note=note + "x\n",
                **named,
            ),
        ],
        {},
    )


def make_link() -> Made:
    offices = {
        "letters": (b"LANRMABC", "ok", "letters alone"),
        "digits": (b"VN000001", "ok", "digits after the Party"),
        "seven": (b"LANRM01", "malformed", "seven bytes"),
        "nine": (b"LANRM0001", "malformed", "nine bytes"),
        "lower-case": (b"LANRM00a", "malformed", "a small letter"),
        "digit-first": (b"1ANRM001", "malformed", "a digit in the Party"),
        "hyphen": (b"LA-NRM01", "malformed", "a hyphen"),
        "newline": (b"LANRM00\n", "malformed", "a newline"),
        "not-ascii": (b"LANRM0\xc3\x89", "malformed", "UTF-8"),
        "full-width": ("LANRＭ".encode(), "malformed", "a letter that looks like M"),
        "zeros": (bytes(8), "malformed", "zeros"),
    }
    yield (
        "office",
        [case(name, expect, why, bytes_=item) for name, (item, expect, why) in offices.items()],
        {},
    )
    good = "xref/link/v1/LAHOP001/VNHOP001/"
    links = {
        "shard-0": (good + "0", "ok", "the first shard"),
        "shard-12": (good + "12", "ok", "another shard is another link"),
        "shard-largest": (good + "99999", "ok", "five digits"),
        "desk-to-hop": (TO_HOP.name, "ok", "an office's own link"),
        "shard-six-digits": (good + "100000", "malformed", "six digits"),
        "shard-leading-zero": (good + "01", "malformed", "a leading zero"),
        "shard-missing": (good, "malformed", "no shard"),
        "shard-negative": (good + "-1", "malformed", "a sign"),
        "shard-other-digits": (good + "٣", "malformed", "an Arabic digit"),
        "shard-newline": (good + "0\n", "malformed", "a newline"),
        "no-shard": (good[:-1], "malformed", "two parts"),
        "part-added": (good + "0/0", "malformed", "four parts"),
        "other-prefix": (good.replace("link", "trail") + "0", "malformed", "a trail"),
        "other-version": (good.replace("v1", "v2") + "0", "malformed", "version 2"),
        "no-prefix": ("LAHOP001/VNHOP001/0", "malformed", "offices alone"),
        "lower-case": (
            "xref/link/v1/lahop001/VNHOP001/0",
            "malformed",
            "a sender in small letters",
        ),
        "empty-receiver": ("xref/link/v1/LAHOP001//0", "malformed", "no receiver"),
        "to-itself": ("xref/link/v1/LAHOP001/LAHOP001/0", "malformed", "a link joins two offices"),
        "empty": ("", "malformed", "no name"),
    }
    yield (
        "parse",
        [case(name, expect, why, name=item) for name, (item, expect, why) in links.items()],
        {},
    )
    yield (
        "names",
        [
            case("hop", "ok", "the names that notes are signed under", office=HOP, shard=0),
            case("shard-7", "ok", "a trail a shard", office=HOP_ABROAD, shard=7),
        ],
        {},
    )
