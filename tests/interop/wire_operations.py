"""What a vector of the wire asks of a reader, done with xref's own modules.

An operation takes a case's inputs and returns the values that the case must show, or fails with
an outcome. `tests/vectors/README.md` lists operations and outcomes; the reader in
`tests/interop/go` does the same from the specification alone.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rfc6962 import naive_root
from xref.errors import MalformedError, UnauthenticError
from xref.tlog import checkpoint as checkpoints
from xref.tlog import note as notes
from xref.tlog import proof as proofs
from xref.tlog.note import NoteError, SignatureError
from xref.tlog.tree import ProofError
from xref.wire.author import batch_claim, parse_author
from xref.wire.body import field_cipher, mask_of, open_field, open_key_box, parse_body
from xref.wire.envelope import (
    Envelope,
    OpenFacts,
    Passed,
    Shape,
    Slot,
    parse_envelope,
    parse_slot,
    shape_between,
)
from xref.wire.facts import facts_commitment, parse_facts
from xref.wire.header import Header, parse_header
from xref.wire.key import (
    ED25519,
    XWING,
    OpeningKey,
    PublicKey,
    SigningKey,
    check_public,
    verify,
)
from xref.wire.keyring import Keyring, parse_keyring
from xref.wire.office import cosigner_name, parse_link, parse_office, party_name, trail_name
from xref.wire.parcel import Kind, Parcel, open_parcel, parse_parcel, verify_parcel
from xref.wire.payload import (
    SlotsPayload,
    TakeoverPayload,
    parse_payload,
)
from xref.wire.release import release_leaf, release_of
from xref.wire.statement import commitment_prefix, field_commitment, statement_of

Inputs = Mapping[str, Any]
Shown = dict[str, Any]


class MismatchError(Exception):
    """Two hashes, or a mask and its fields, that should be equal are not."""


def same(*, found: object, expected: object) -> None:
    if found != expected:
        raise MismatchError


def raw(inputs: Inputs, name: str) -> bytes:
    return bytes.fromhex(inputs[name])


def raws(inputs: Inputs, name: str) -> list[bytes]:
    return [bytes.fromhex(item) for item in inputs[name]]


def key_public(inputs: Inputs) -> Shown:
    key = PublicKey(inputs["algorithm"], raw(inputs, "public"))
    check_public(key)
    return {"key_id": key.key_id.hex()}


def key_seed(inputs: Inputs) -> Shown:
    seed = raw(inputs, "seed")
    sealing = inputs["algorithm"] == XWING
    public = OpeningKey(seed).public if sealing else SigningKey(seed).public
    return {"public": public.public.hex(), "key_id": public.key_id.hex()}


def key_verify(inputs: Inputs) -> Shown:
    verify(raw(inputs, "public"), raw(inputs, "signature"), raw(inputs, "message"))
    return {}


def key_open(inputs: Inputs) -> Shown:
    plaintext = OpeningKey(raw(inputs, "seed")).open(raw(inputs, "info"), raw(inputs, "sealed"))
    return {"plaintext": plaintext.hex()}


def show_header(header: Header) -> Shown:
    return {
        "message": header.message.hex(),
        "thread": header.thread.hex(),
        "reply_to": header.reply_to.hex(),
        "flow": header.flow,
        "from": header.sender,
        "to": header.recipient,
        "schema": header.schema.hex(),
        "bundle": header.bundle.hex(),
        "consent_ref": header.consent_ref.hex(),
        "created": header.created_ms,
        "expires": header.expires_ms,
        "desk_key": header.desk_key.hex(),
        "seal_key": header.seal_key.hex(),
    }


def header_parse(inputs: Inputs) -> Shown:
    return show_header(parse_header(raw(inputs, "bytes")))


def facts_parse(inputs: Inputs) -> Shown:
    facts = parse_facts(raw(inputs, "bytes"))
    return {
        "cause": facts.cause.hex(),
        "consent_digest": facts.consent_digest.hex(),
        "consent_mask": f"{facts.consent_mask:032x}",
        "from": facts.from_ms,
        "until": facts.until_ms,
        "codes": facts.codes.hex(),
    }


def facts_commit(inputs: Inputs) -> Shown:
    found = facts_commitment(raw(inputs, "message"), raw(inputs, "salt"), raw(inputs, "facts"))
    same(found=found, expected=raw(inputs, "facts_c"))
    return {}


def statement_field(inputs: Inputs) -> Shown:
    found = field_commitment(
        commitment_prefix(raw(inputs, "message"), raw(inputs, "schema")),
        inputs["field_id"],
        raw(inputs, "salt"),
        raw(inputs, "avro"),
    )
    same(found=found, expected=raw(inputs, "commitment"))
    return {}


def statement_whole(inputs: Inputs) -> Shown:
    found = statement_of(
        raw(inputs, "header_salt"),
        raw(inputs, "header"),
        raw(inputs, "facts_c"),
        b"".join(raws(inputs, "commitments")),
    )
    same(found=found, expected=raw(inputs, "statement"))
    return {}


def author_parse(inputs: Inputs) -> Shown:
    author = parse_author(raw(inputs, "bytes"))
    path = [author.path[at : at + 32].hex() for at in range(0, len(author.path), 32)]
    return {"place": author.place, "path": path, "signature": author.signature.hex()}


def author_verify(inputs: Inputs) -> Shown:
    author = parse_author(raw(inputs, "author"))
    root = author.root(raw(inputs, "statement"))
    claim = batch_claim(inputs["from"], inputs["to"], root)
    verify(raw(inputs, "public"), author.signature, claim)
    return {"root": root.hex()}


def body_parse(inputs: Inputs) -> Shown:
    body = parse_body(raw(inputs, "bytes"))
    fields = [[field_id, hashlib.sha256(sealed).hexdigest()] for field_id, sealed in body.sealed]
    return {"key_box_sha256": hashlib.sha256(body.key_box).hexdigest(), "fields_sha256": fields}


def body_key_box(inputs: Inputs) -> Shown:
    private = OpeningKey(raw(inputs, "seed"))
    return {"key": open_key_box(private, raw(inputs, "statement"), raw(inputs, "key_box")).hex()}


def body_field(inputs: Inputs) -> Shown:
    key, statement = raw(inputs, "key"), raw(inputs, "statement")
    salt, avro = open_field(field_cipher(key), statement, inputs["field_id"], raw(inputs, "sealed"))
    return {"salt": salt.hex(), "avro": avro.hex()}


def body_mask(inputs: Inputs) -> Shown:
    body = parse_body(raw(inputs, "body"))
    mask = mask_of([field_id for field_id, _ in body.sealed], inputs["schema_field_ids"])
    same(found=mask.to_bytes(16), expected=raw(inputs, "mask"))
    return {}


def release_whole(inputs: Inputs) -> Shown:
    release = release_of(
        raw(inputs, "statement"),
        int.from_bytes(raw(inputs, "mask")),
        inputs["recorded"],
        inputs["erase_by"],
        hashlib.sha256(raw(inputs, "body")).digest(),
    )
    same(found=release, expected=raw(inputs, "release"))
    return {"leaf": release_leaf(release).hex()}


def show_passed(passed: Passed | None) -> Shown | None:
    if passed is None:
        return None
    return {
        "mask": f"{passed.mask:032x}",
        "recorded": passed.recorded_ms,
        "erase_by": passed.erase_by_ms,
        "body_sha256": passed.body_hash.hex(),
        "proof": passed.proof.hex(),
    }


def show_envelope(envelope: Envelope) -> Shown:
    statement = envelope.statement()
    facts = envelope.facts
    return {
        "header": show_header(envelope.header),
        "header_salt": envelope.header_salt.hex(),
        "facts": facts.facts.hex() if isinstance(facts, OpenFacts) else None,
        "facts_c": envelope.facts_c.hex(),
        "commitments": [envelope.commitment(n).hex() for n in range(envelope.count)],
        "author_sha256": hashlib.sha256(envelope.author.encode()).hexdigest(),
        "mask": f"{envelope.mask:032x}",
        "recorded": envelope.recorded_ms,
        "erase_by": envelope.erase_by_ms,
        "passed": show_passed(envelope.passed),
        "body_sha256": hashlib.sha256(envelope.body).hexdigest(),
        "statement": statement.hex(),
        "release": envelope.release(statement).hex(),
    }


def shape_in(inputs: Inputs) -> Shape:
    return Shape(facts_open=inputs["facts_open"], has_passed=inputs["has_passed"])


def envelope_parse(inputs: Inputs) -> Shown:
    return show_envelope(parse_envelope(raw(inputs, "bytes"), shape_in(inputs)))


def envelope_shape(inputs: Inputs) -> Shown:
    shape = shape_between(
        sender_is_hop=inputs["sender_is_hop"],
        receiver_is_hop=inputs["receiver_is_hop"],
        two_parties=inputs["two_parties"],
    )
    return {"facts_open": shape.facts_open, "has_passed": shape.has_passed}


def checked_envelope(slot: Slot, shape: Shape) -> Envelope:
    envelope = parse_envelope(slot.envelope, shape)
    same(found=envelope.release(envelope.statement()), expected=slot.release)
    return envelope


def envelope_slot(inputs: Inputs) -> Shown:
    slot = parse_slot(raw(inputs, "bytes"))
    if slot.is_stub:
        return {"release": slot.release.hex(), "stub": True}
    checked_envelope(slot, shape_in(inputs))
    return {"release": slot.release.hex(), "stub": False}


def show_clear(parcel: Parcel) -> Shown:
    clear = parcel.clear
    return {
        "kind": int(clear.kind),
        "link_id": clear.link_id.hex(),
        "generation": clear.generation,
        "sequence": clear.sequence,
        "sender_key": clear.sender_key.hex(),
        "receiver_key": clear.receiver_key.hex(),
    }


def parcel_split(inputs: Inputs) -> Shown:
    return show_clear(parse_parcel(raw(inputs, "bytes")))


def opened(inputs: Inputs) -> tuple[Parcel, bytes]:
    """Verify before opening: nothing unauthenticated reaches a private key."""
    parcel = parse_parcel(raw(inputs, "bytes"))
    sender = PublicKey(ED25519, raw(inputs, "sender"))
    receiver = OpeningKey(raw(inputs, "seed"))
    named = (parcel.clear.sender_key, parcel.clear.receiver_key)
    if named != (sender.key_id, receiver.public.key_id):
        raise UnauthenticError("the parcel names other keys")
    verify_parcel(parcel, sender)
    return parcel, open_parcel(parcel, receiver)


def parcel_open(inputs: Inputs) -> Shown:
    parcel, payload = opened(inputs)
    digest = hashlib.sha256(payload).hexdigest()
    return {**show_clear(parcel), "payload_size": len(payload), "payload_sha256": digest}


def parcel_read(inputs: Inputs) -> Shown:
    """Read a parcel of slots as its receiver does, down to the fields where that is a desk."""
    link = parse_link(inputs["link"])
    if parse_parcel(raw(inputs, "bytes")).clear.link_id != link.link_id:
        raise UnauthenticError("a parcel of another link")
    parcel, data = opened(inputs)
    payload = parse_payload(parcel.clear.kind, data)
    if not isinstance(payload, SlotsPayload):
        raise MalformedError("not a parcel of slots")
    verifier = notes.Verifier(link.name, raw(inputs, "log_key"))
    head = checkpoints.open_checkpoint(payload.checkpoint, verifier)
    mirror = raws(inputs, "mirror")[: payload.first_index]
    same(found=(len(mirror), head.size), expected=(payload.first_index, payload.end))
    leaves = mirror + [release_leaf(slot.release) for slot in payload.slots]
    same(found=naive_root(leaves), expected=head.root)
    read = [_read_slot(slot, inputs) for slot in payload.slots]
    return {"size": head.size, "root": head.root.hex(), "messages": read}


def _read_slot(slot: Slot, inputs: Inputs) -> Shown | None:
    if slot.is_stub:
        return None
    envelope = checked_envelope(slot, shape_in(inputs))
    header, statement = envelope.header, envelope.statement()
    claim = batch_claim(header.sender, header.recipient, envelope.author.root(statement))
    verify(raw(inputs, "desk_key"), envelope.author.signature, claim)
    ids = inputs["schema_field_ids"]
    body = parse_body(envelope.body)
    same(found=len(ids), expected=envelope.count)
    same(found=mask_of([number for number, _ in body.sealed], ids), expected=envelope.mask)
    shown: Shown = {"message": header.message.hex(), "statement": statement.hex()}
    if envelope.passed is not None:
        shown["passed_index"] = _checked_passed(envelope, envelope.passed, inputs)
    if inputs["desk_seed"]:
        key = open_key_box(OpeningKey(raw(inputs, "desk_seed")), statement, body.key_box)
        fields = {}
        for number, sealed in body.sealed:
            salt, avro = open_field(field_cipher(key), statement, number, sealed)
            found = field_commitment(
                commitment_prefix(header.message, header.schema), number, salt, avro
            )
            same(found=found, expected=envelope.commitment(ids.index(number)))
            fields[str(number)] = avro.hex()
        shown["fields"] = fields
    return shown


def _checked_passed(envelope: Envelope, passed: Passed, inputs: Inputs) -> int:
    """The hop before released this statement, and nothing was widened since."""
    same(found=envelope.mask & ~passed.mask, expected=0)
    same(found=envelope.erase_by_ms <= passed.erase_by_ms, expected=True)
    release = release_of(
        envelope.statement(),
        passed.mask,
        passed.recorded_ms,
        passed.erase_by_ms,
        passed.body_hash,
    )
    proof = proofs.parse(passed.proof)
    verifier = notes.Verifier(inputs["passed_link"], raw(inputs, "passed_log_key"))
    proof.verify(release_leaf(release), verifier)
    return proof.index


def payload_parse(inputs: Inputs) -> Shown:
    payload = parse_payload(Kind(inputs["kind"]), raw(inputs, "bytes"))
    if isinstance(payload, SlotsPayload):
        slots = [[slot.release.hex(), len(slot.envelope)] for slot in payload.slots]
        shown = {"first_index": payload.first_index, "checkpoint": payload.checkpoint}
        return {**shown, "slots": slots}
    if isinstance(payload, TakeoverPayload):
        return {"checkpoint": payload.checkpoint}
    return {"note": payload.note}


def show_keyring(keyring: Keyring) -> Shown:
    return {
        "party": keyring.party,
        "version": keyring.version,
        "keys": [
            [line.office, str(line.use), line.key.key_id.hex(), line.from_ms, line.until_ms]
            for line in keyring.keys
        ],
        "logs": [
            [line.link.name, line.key.key_id.hex(), str(line.first_size), str(line.last_size)]
            for line in keyring.logs
        ],
        "subscriptions": [[line.office, line.flow] for line in keyring.subscriptions],
    }


def keyring_parse(inputs: Inputs) -> Shown:
    return show_keyring(parse_keyring(inputs["text"]))


def keyring_open(inputs: Inputs) -> Shown:
    """A keyring has one signature, by its Party, and is read only after that verified."""
    text, lines = notes.split(inputs["note"])
    verifier = notes.Verifier(party_name(inputs["party"]), raw(inputs, "public"))
    if len(lines) != 1 or not lines[0].is_by(verifier):
        raise UnauthenticError("not signed by the Party alone")
    verify(verifier.public, lines[0].signature, text.encode())
    keyring = parse_keyring(text)
    if keyring.party != inputs["party"]:
        raise UnauthenticError("a keyring of another Party")
    return show_keyring(keyring)


def link_office(inputs: Inputs) -> Shown:
    return {"office": parse_office(raw(inputs, "bytes"))}


def link_parse(inputs: Inputs) -> Shown:
    link = parse_link(inputs["name"])
    return {
        "sender": link.sender,
        "receiver": link.receiver,
        "shard": link.shard,
        "link_id": link.link_id.hex(),
        "back": link.back.name,
    }


def link_names(inputs: Inputs) -> Shown:
    office = parse_office(inputs["office"].encode())
    return {
        "trail": trail_name(office, inputs["shard"]),
        "cosigner": cosigner_name(office),
        "party": party_name(office[:2]),
    }


OPERATIONS: dict[str, Callable[[Inputs], Shown]] = {
    "key/public": key_public,
    "key/seed": key_seed,
    "key/verify": key_verify,
    "key/open": key_open,
    "header/parse": header_parse,
    "facts/parse": facts_parse,
    "facts/commit": facts_commit,
    "statement/field": statement_field,
    "statement/statement": statement_whole,
    "author/parse": author_parse,
    "author/verify": author_verify,
    "body/parse": body_parse,
    "body/key_box": body_key_box,
    "body/field": body_field,
    "body/mask": body_mask,
    "release/release": release_whole,
    "envelope/parse": envelope_parse,
    "envelope/shape": envelope_shape,
    "envelope/slot": envelope_slot,
    "parcel/split": parcel_split,
    "parcel/open": parcel_open,
    "parcel/read": parcel_read,
    "payload/parse": payload_parse,
    "keyring/parse": keyring_parse,
    "keyring/open": keyring_open,
    "link/office": link_office,
    "link/parse": link_parse,
    "link/names": link_names,
}

FORMATS = sorted({name.partition("/")[0] for name in OPERATIONS})


def unpack(value: Any, bases: Mapping[str, str]) -> Any:
    """Return an input with a patched base written out in full."""
    if isinstance(value, list):
        return [unpack(item, bases) for item in value]
    if not isinstance(value, dict):
        return value
    data = bytearray.fromhex(bases[value["base"]])
    for offset, patch in value.get("patch", []):
        piece = bytes.fromhex(patch)
        data[offset : offset + len(piece)] = piece
    size = value.get("size", len(data))
    return bytes(data[:size]).ljust(size, b"\0").hex()


def run(operation: str, case: Inputs, bases: Mapping[str, str]) -> tuple[str, Shown]:
    """Return a case's outcome and what it shows."""
    inputs = {name: unpack(value, bases) for name, value in case["inputs"].items()}
    try:
        return "ok", OPERATIONS[operation](inputs)
    except MalformedError:
        return "malformed", {}
    except UnauthenticError:
        return "unauthentic", {}
    except (MismatchError, ProofError):
        return "mismatch", {}
    except SignatureError:
        return "unauthentic", {}
    except NoteError:
        return "malformed", {}


def vector_files(folder: Path) -> list[Path]:
    """Return the wire's vector files below `tests/vectors`, sorted."""
    return sorted(path for name in FORMATS for path in (folder / name).glob("*.json"))


def load(path: Path) -> Any:
    """Return a vector file's content."""
    return json.loads(path.read_text(encoding="utf-8"))
