"""Receipts: what became of messages, one envelope a batch and receiver. See docs/spec/receipt.md.

Abroad an outcome has one code and no reason. At home a desk learns from its own hop what was
disclosed, what was withheld and by which rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xref.bundle import Bundle
from xref.compose import Draft, draft_message, sign_drafts
from xref.keychain import Keychain, KeyDirectory
from xref.limits import ANSWER_BYTES_MAX, ANSWER_ITEMS_MAX
from xref.policy import Permit, Reason, Withheld
from xref.ports import Entropy
from xref.wire.envelope import Envelope
from xref.wire.facts import NO_FACTS
from xref.wire.header import NO_ID, Header
from xref.wire.key import KeyUse
from xref.wire.office import Link

RECEIPT: Final = "receipt"
DECISION: Final = "decision"
_DAY_MS: Final = 86_400_000
Item = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """One item for one receiver, in a flow (`receipt` or `decision`)."""

    receiver: str
    flow: str
    item: Item


def receipt_item(
    outcome: str,
    message: bytes = NO_ID,
    *,
    fault: str = "",
    link: Link | None = None,
    index: int = 0,
) -> Item:
    """Return an item of a receipt: by message id, or by link and index where no id is sure."""
    return {
        "message": message,
        "outcome": outcome,
        "fault": fault,
        "link": link.name if link else "",
        "index": index,
    }


def decision_item(
    outcome: str,
    message: bytes,
    *,
    fault: str = "",
    disclosed: Sequence[str] = (),
    permit: Permit | None = None,
    reasons: Sequence[Reason] = (),
    link: Link | None = None,
    index: int = 0,
) -> Item:
    """Return an item of a decision: all that the hop knows of it."""
    withheld: Sequence[Withheld] = permit.withheld if permit else ()
    return {
        **receipt_item(outcome, message, fault=fault, link=link, index=index),
        "disclosed": list(disclosed),
        "withheld": [{"field": each.field, "rules": list(each.rules)} for each in withheld],
        "reasons": [reason.rule for reason in reasons],
    }


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
    grouped: dict[tuple[str, str], list[Item]] = {}
    for answer in answers:
        grouped.setdefault((answer.receiver, answer.flow), []).append(answer.item)
    signer = keychain.signing(KeyUse.DESK, now_ms)
    composed: list[Composed] = []
    for (receiver, flow), items in grouped.items():
        for some in _that_fit(items):
            draft = _draft(receiver, flow, some, bundle, keychain, directory, now_ms, entropy)
            if draft is not None:
                envelope = sign_drafts([draft], signer, entropy, now_ms)[0]
                expires_ms = draft.header.expires_ms
                composed.append(Composed(receiver, flow, envelope, len(some), expires_ms))
    return composed


def _that_fit(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield runs of items that fit one receipt's field, whatever their names' lengths."""
    some: list[Item] = []
    size = 0
    for item in items:
        item_bytes = len(str(item))  # more than its encoding takes
        if some and (len(some) == ANSWER_ITEMS_MAX or size + item_bytes > ANSWER_BYTES_MAX):
            yield some
            some, size = [], 0
        some.append(item)
        size += item_bytes
    if some:
        yield some


def _draft(
    receiver: str,
    flow_name: str,
    items: list[Item],
    bundle: Bundle,
    keychain: Keychain,
    directory: KeyDirectory,
    now_ms: int,
    entropy: Entropy,
) -> Draft | None:
    flow = bundle.policy.flow_named(flow_name)
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
        expires_ms=now_ms + flow.life_days * _DAY_MS,
        desk_key=keychain.signing(KeyUse.DESK, now_ms).public.key_id,
        seal_key=recipient_key.key_id,
    )
    return draft_message(schema, {"items": items}, header, NO_FACTS, recipient_key, entropy)
