"""One message on its whole way, LA to VN, made from a seed: what vectors and tests are cut from.

Every salt, id and key follows from the seed. What is sealed does not: HPKE takes its randomness
from the library.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from functools import cached_property

from rfc6962 import naive_root
from xref.tlog import checkpoint as checkpoints
from xref.tlog import note as notes
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.proof import InclusionProof
from xref.tlog.tree import Tree
from xref.wire.author import sign_batch
from xref.wire.body import Body, field_cipher, mask_of, parse_body, seal_field, seal_key_box
from xref.wire.envelope import Envelope, OpenFacts, Passed, Slot
from xref.wire.facts import Facts, facts_commitment
from xref.wire.header import Header
from xref.wire.key import KeyUse, OpeningKey, SigningKey
from xref.wire.keyring import KeyLine, Keyring, LogLine, SubscribeLine
from xref.wire.office import Link, party_name, party_of
from xref.wire.parcel import Clear, Kind, close_parcel
from xref.wire.payload import encode_slots
from xref.wire.release import release_leaf
from xref.wire.statement import commitment_prefix, field_commitment, statement_of

DESK, HOP = "LANRM001", "LAHOP001"
HOP_ABROAD, DESK_ABROAD = "VNHOP001", "VNNRM001"
TO_HOP = Link(DESK, HOP)
ACROSS = Link(HOP, HOP_ABROAD)
TO_DESK = Link(HOP_ABROAD, DESK_ABROAD)

CREATED_MS = 1_760_000_000_000
DAY_MS = 86_400_000
VALUES = {
    1: b"\x02\x18Khamphouvong",
    2: b"\x00",  # absent: committed, never sealed
    3: b"\x02\x0eSomchai",
    5: b"\x02" + b"\x50" + b"n" * 40,
    8: b"\x02\x02",
    13: b"\x02\x04\x04la\x04lo\x00",
}
FIELD_IDS = tuple(VALUES)


def keep(body: Body, field_ids: set[int]) -> Body:
    """Return the body with those sealed fields alone."""
    return Body.of(body.key_box, tuple(item for item in body.sealed if item[0] in field_ids))


@dataclass(frozen=True)
class Office:
    """An office's keys, one of each use, made from a seed and the office's name."""

    name: str
    seed: int

    def secret(self, use: KeyUse) -> bytes:
        """Return the seed of the office's key of that use."""
        return hashlib.sha256(f"{self.seed} {self.name} {use}".encode()).digest()

    def signing(self, use: KeyUse) -> SigningKey:
        """Return the office's signing key of that use."""
        return SigningKey(self.secret(use))

    @cached_property
    def opening(self) -> OpeningKey:
        """Return the office's opening key."""
        return OpeningKey(self.secret(KeyUse.SEAL))


class Journey:
    """The message, its envelope on each of the three links, and the parcels that carry it."""

    def __init__(self, seed: int) -> None:
        """Make everything but the parcels."""
        self.random = random.Random(seed)
        names = (DESK, HOP, HOP_ABROAD, DESK_ABROAD)
        self.offices = {name: Office(name, seed) for name in names}
        self.header = Header(
            message=self.random.randbytes(16),
            thread=self.random.randbytes(16),
            reply_to=bytes(16),
            flow=1,
            sender=DESK,
            recipient=DESK_ABROAD,
            schema=self.random.randbytes(32),
            bundle=self.random.randbytes(32),
            consent_ref=self.random.randbytes(16),
            created_ms=CREATED_MS,
            expires_ms=CREATED_MS + 30 * DAY_MS,
            desk_key=self.offices[DESK].signing(KeyUse.DESK).public.key_id,
            seal_key=self.offices[DESK_ABROAD].opening.public.key_id,
        )
        self.header_salt = self.random.randbytes(16)
        self.salts = {number: self.random.randbytes(16) for number in FIELD_IDS}
        self.commitments = tuple(
            field_commitment(
                commitment_prefix(self.header.message, self.header.schema),
                number,
                self.salts[number],
                VALUES[number],
            )
            for number in FIELD_IDS
        )
        self.facts = Facts(
            cause=bytes(16),
            consent_digest=self.random.randbytes(32),
            consent_mask=0b111101,
            from_ms=CREATED_MS - DAY_MS,
            until_ms=CREATED_MS + 300 * DAY_MS,
            codes=bytes([9, 2, 3, 0, 1]),
        )
        self.facts_salt = self.random.randbytes(16)
        self.facts_c = facts_commitment(self.header.message, self.facts_salt, self.facts.encode())
        self.statement = statement_of(
            self.header_salt, self.header.encode(), self.facts_c, b"".join(self.commitments)
        )
        self.others = [self.random.randbytes(32) for _ in range(4)]
        self.authors = sign_batch(
            self.offices[DESK].signing(KeyUse.DESK),
            DESK,
            DESK_ABROAD,
            [self.statement, *self.others],
            [37, 0, 63, 5, 20],
            [self.random.randbytes(32) for _ in range(64)],
        )
        self.key = self.random.randbytes(32)
        self.earlier = [self.random.randbytes(32) for _ in range(5)]

    @cached_property
    def body(self) -> Body:
        """Return the whole body, as the desk sends it."""
        box = seal_key_box(
            self.offices[DESK_ABROAD].opening.public.public, self.statement, self.key
        )
        sealed = tuple(
            (
                number,
                seal_field(
                    field_cipher(self.key), self.statement, number, self.salts[number], avro
                ),
            )
            for number, avro in VALUES.items()
            if avro != b"\0"
        )
        return Body.of(box, sealed)

    @cached_property
    def from_desk(self) -> Envelope:
        """Return the envelope on the desk's own link."""
        return Envelope(
            header=self.header,
            header_salt=self.header_salt,
            facts=OpenFacts(self.facts_salt, self.facts.encode()),
            commitments=b"".join(self.commitments),
            author=self.authors[0],
            mask=mask_of([number for number, _ in self.body.sealed], FIELD_IDS),
            recorded_ms=CREATED_MS + 1_000,
            erase_by_ms=0,
            passed=None,
            body=self.body.data,
        )

    @cached_property
    def across(self) -> Envelope:
        """Return the envelope between the hops: facts closed, field 5 withheld."""
        body = keep(self.body, {1, 3, 8, 13})
        return replace(
            self.from_desk,
            facts=self.facts_c,
            mask=mask_of([1, 3, 8, 13], FIELD_IDS),
            recorded_ms=CREATED_MS + 2_000,
            erase_by_ms=CREATED_MS + 200 * DAY_MS,
            body=body.data,
        )

    @cached_property
    def to_desk(self) -> Envelope:
        """Return the envelope to the receiving desk: field 8 withheld too, with the proof."""
        across = self.across
        release = across.release(self.statement)
        tree = Tree(lambda _level, _index: None, 0)
        leaves = [*map(release_leaf, self.earlier), release_leaf(release)]
        tree.append(leaves)
        place = len(self.earlier)
        proof = InclusionProof(place, tuple(tree.inclusion(place)), self.checkpoint(ACROSS, leaves))
        body = keep(parse_body(across.body), {1, 3, 13})
        return replace(
            across,
            mask=mask_of([1, 3, 13], FIELD_IDS),
            recorded_ms=CREATED_MS + 3_000,
            erase_by_ms=CREATED_MS + 100 * DAY_MS,
            passed=Passed(
                across.mask,
                across.recorded_ms,
                across.erase_by_ms,
                hashlib.sha256(across.body).digest(),
                proof.encode(),
            ),
            body=body.data,
        )

    def checkpoint(self, link: Link, leaves: list[bytes]) -> str:
        """Return the link's signed head over `leaves`."""
        key = self.offices[link.sender].signing(KeyUse.LOG).private
        head = Checkpoint(link.name, len(leaves), naive_root(leaves))
        return checkpoints.sign(head, notes.Signer(link.name, key))

    def slot(self, envelope: Envelope) -> Slot:
        """Return the slot that carries `envelope`."""
        return Slot(envelope.release(envelope.statement()), envelope.encode())

    def payload(self, link: Link, envelope: Envelope) -> bytes:
        """Return the payload: the envelope, and a stub behind it, after five earlier leaves."""
        slots = [self.slot(envelope), Slot(self.others[0], b"")]
        leaves = [release_leaf(item) for item in (*self.earlier, *(s.release for s in slots))]
        return encode_slots(len(self.earlier), self.checkpoint(link, leaves), slots)

    def clear(self, link: Link, kind: Kind = Kind.SLOTS) -> Clear:
        """Return the clear part of a parcel on `link`."""
        return Clear(
            kind,
            link.link_id,
            generation=2,
            sequence=41,
            sender_key=self.offices[link.sender].signing(KeyUse.PARCEL).public.key_id,
            receiver_key=self.offices[link.receiver].opening.public.key_id,
        )

    def parcel(self, link: Link, payload: bytes, kind: Kind = Kind.SLOTS) -> bytes:
        """Return the parcel on `link` that carries `payload`."""
        return close_parcel(
            self.clear(link, kind),
            payload,
            self.offices[link.receiver].opening.public,
            self.offices[link.sender].signing(KeyUse.PARCEL),
        )

    def keyring(self, *offices: str, sealing: bool = True) -> Keyring:
        """Return a keyring of these offices of one Party."""
        lines, logs = [], []
        for name in offices:
            office = self.offices[name]
            for use in KeyUse:
                if use is KeyUse.SEAL and not sealing:
                    continue
                public = office.opening.public if use is KeyUse.SEAL else office.signing(use).public
                lines.append(KeyLine(name, use, public, CREATED_MS, CREATED_MS + 90 * DAY_MS))
        for link in (TO_HOP, ACROSS, TO_DESK):
            if link.sender in offices:
                key = self.offices[link.sender].signing(KeyUse.LOG).public
                logs.append(LogLine(link, key, 0, 2**63 - 1))
        subscriptions = (SubscribeLine(offices[-1], 3),)
        ordered = sorted(lines, key=KeyLine.text), sorted(logs, key=LogLine.text)
        return Keyring(party_of(offices[0]), 7, tuple(ordered[0]), tuple(ordered[1]), subscriptions)

    def party_key(self, party: str) -> SigningKey:
        """Return a Party's own key."""
        return SigningKey(hashlib.sha256(f"party {party}".encode()).digest())

    def signed_keyring(self, keyring: Keyring) -> str:
        """Return the keyring as its Party's note."""
        signer = notes.Signer(party_name(keyring.party), self.party_key(keyring.party).private)
        return notes.sign(keyring.text(), [signer])

    def read_inputs(self, link: Link, envelope: Envelope) -> dict[str, object]:
        """Return the inputs of `parcel/read` for the parcel on `link` with `envelope`."""
        at_desk = link.receiver == DESK_ABROAD
        return {
            "bytes": self.parcel(link, self.payload(link, envelope)).hex(),
            "sender": self.offices[link.sender].signing(KeyUse.PARCEL).public.public.hex(),
            "seed": self.offices[link.receiver].secret(KeyUse.SEAL).hex(),
            "link": link.name,
            "log_key": self.offices[link.sender].signing(KeyUse.LOG).public.public.hex(),
            "mirror": [release_leaf(item).hex() for item in self.earlier],
            "facts_open": link == TO_HOP,
            "has_passed": at_desk,
            "desk_key": self.offices[DESK].signing(KeyUse.DESK).public.public.hex(),
            "schema_field_ids": list(FIELD_IDS),
            "passed_link": ACROSS.name,
            "passed_log_key": self.offices[HOP].signing(KeyUse.LOG).public.public.hex(),
            "desk_seed": self.offices[DESK_ABROAD].secret(KeyUse.SEAL).hex() if at_desk else "",
        }
