"""Receipts: what became of messages, one envelope a batch and receiver. See docs/spec/receipt.md.

Abroad an outcome has one code and no reason. At home a desk learns from its own hop what was
disclosed, what was withheld and by which rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from xref.bundle import Bundle
from xref.compose import Draft, draft_encoded, sign_drafts
from xref.errors import ConfigError
from xref.keychain import Keychain, KeyDirectory
from xref.limits import ANSWER_BYTES_MAX, ANSWER_ITEMS_MAX, DAY_MS
from xref.policy import Flow, Withheld
from xref.ports import Entropy
from xref.value import value
from xref.wire.avro import block
from xref.wire.avro_lane import varint
from xref.wire.envelope import Envelope
from xref.wire.facts import NO_FACTS
from xref.wire.header import NO_ID, Header
from xref.wire.key import KeyUse
from xref.wire.schema import Schema

RECEIPT: Final = "receipt"
WITHDRAWN: Final = "withdrawn"
"""The fault of what is stopped before it was delivered, as its sharing consent was withdrawn."""
REPLACED: Final = "replaced"
"""Of what is stopped as the office that asked for it has asked anew."""
STOPS: Final = (WITHDRAWN, REPLACED)
MISMATCH: Final = "definition-mismatch"
DECISION: Final = "decision"
_ITEMS_CACHED_MAX: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a decision says beside its outcome; one value serves all messages decided alike."""

    disclosed: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    reasons: tuple[str, ...] = ()


NOTHING_SAID: Final = Said()


@value(frozen=True, slots=True)
class Item:
    """What became of one message: by its id, or by link and index where no id is sure.

    `said` goes into a decision; a receipt has no place for it, nor a decision for what follows it.
    """

    outcome: str
    message: bytes = NO_ID
    fault: str = ""
    link: str = ""
    index: int = 0
    said: Said = NOTHING_SAID
    digest: str = ""
    until_ms: int = 0

    def encode(self, schema: Schema) -> bytes:
        """Return the item's Avro bytes in a `receipt` or a `decision`.

        They begin with the message and end with the index; what lies between is encoded once for
        all items that are alike.
        """
        between = _between(
            schema, self.outcome, self.fault, self.link, self.said, self.digest, self.until_ms
        )
        return self.message + between + varint(self.index)


@lru_cache(maxsize=_ITEMS_CACHED_MAX)
def _between(
    schema: Schema, outcome: str, fault: str, link: str, said: Said, digest: str, until_ms: int
) -> bytes:
    members: dict[str, object] = {
        "message": NO_ID,
        "outcome": outcome,
        "fault": fault,
        "disclosed": list(said.disclosed),
        "withheld": [{"field": w.field, "rules": list(w.rules)} for w in said.withheld],
        "reasons": list(said.reasons),
        "link": link,
        "digest": digest,
        "until_ms": until_ms,
        "index": 0,
    }
    items = schema.by_name["items"]
    item = {each["name"]: members[each["name"]] for each in items.type["items"]["fields"]}
    first, *_, last = item
    if (first, last) != ("message", "index"):
        raise ConfigError(f"schema {schema.name}: an item begins with message, ends with index")
    head, tail = block([NO_ID]).partition(NO_ID)[::2]
    encoded = items.encode([item]).removeprefix(head).removesuffix(tail)
    return encoded.removeprefix(NO_ID).removesuffix(varint(0))


@value(frozen=True, slots=True)
class Mismatch:
    """The terms of a received message for which this office has no equal: names of its fields."""

    message: bytes
    terms: tuple[str, ...]

    def encode(self, schema: Schema) -> bytes:
        """Return the item's Avro bytes in a `definition_mismatch`."""
        item = {"message": self.message, "terms": [term.upper() for term in self.terms]}
        before, after = block([b""])[:-1], block([b""])[-1:]
        encoded = schema.by_name["items"].encode([item])
        return encoded.removeprefix(before).removesuffix(after)


@value(frozen=True, slots=True)
class Answer:
    """One item for one receiver, in a flow (`receipt`, `decision` or `definition-mismatch`)."""

    receiver: str
    flow: str
    item: Item | Mismatch


@dataclass(frozen=True, slots=True)
class Composed:
    """A signed receipt with the outcomes it lists, as counts for the trail."""

    receiver: str
    flow: str
    envelope: Envelope
    items: int
    expires_ms: int


def compose_answers(
    answers: Sequence[Answer],
    bundle: Bundle,
    keychain: Keychain,
    directory: KeyDirectory,
    now_ms: int,
    entropy: Entropy,
) -> list[Composed]:
    """Return one receipt for each receiver and flow; receivers without a sealing key get none.

    Nothing is lost by that: what is not answered is asked for by the sender's overdue list.
    """
    grouped: dict[tuple[str, str], list[Item | Mismatch]] = {}
    for answer in answers:
        grouped.setdefault((answer.receiver, answer.flow), []).append(answer.item)
    signer = keychain.signing(KeyUse.DESK, now_ms)
    composed: list[Composed] = []
    for (receiver, flow_name), items in grouped.items():
        flow = bundle.policy.flow_named(flow_name)
        schema = bundle.policy.schema_for(flow)
        for some in _that_fit([item.encode(schema) for item in items]):
            draft = _draft(receiver, flow, some, bundle, keychain, directory, now_ms, entropy)
            if draft is not None:
                envelope = sign_drafts([draft], signer, entropy, now_ms)[0]
                expires_ms = draft.header.expires_ms
                composed.append(Composed(receiver, flow_name, envelope, len(some), expires_ms))
    return composed


def _that_fit(items: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield runs of encoded items that fit one receipt's field, whatever their names' lengths."""
    some: list[bytes] = []
    size = 0
    for item in items:
        if some and (len(some) == ANSWER_ITEMS_MAX or size + len(item) > ANSWER_BYTES_MAX):
            yield some
            some, size = [], 0
        some.append(item)
        size += len(item)
    if some:
        yield some


def _draft(
    receiver: str,
    flow: Flow,
    items: list[bytes],
    bundle: Bundle,
    keychain: Keychain,
    directory: KeyDirectory,
    now_ms: int,
    entropy: Entropy,
) -> Draft | None:
    schema = bundle.policy.schema_for(flow)
    recipient_key = directory.newest(receiver, KeyUse.SEAL, now_ms)
    if recipient_key is None:
        return None
    header = Header(
        message=entropy(16),
        thread=entropy(16),
        reply_to=NO_ID,
        flow=flow.code,
        sender=keychain.office,
        recipient=receiver,
        schema=schema.digest32,
        bundle=bundle.digest32,
        consent_ref=NO_ID,
        created_ms=now_ms,
        expires_ms=now_ms + flow.life_days * DAY_MS,
        desk_key=keychain.signing(KeyUse.DESK, now_ms).public.key_id,
        seal_key=recipient_key.key_id,
    )
    encoded = {"items": block(items)}
    return draft_encoded(schema, encoded, header, NO_FACTS, recipient_key, entropy)
