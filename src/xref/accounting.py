"""Accounting: what the trail says of each outcome, and who is told what. Used by `xref.steps.seal`.

Abroad an outcome has one code; at home a desk learns every reason. Entries and answers gather here
in the order of what they are about.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from xref.answers import DECISION, RECEIPT, STOPS, Answer, Item, Said
from xref.bundle import Bundle
from xref.disclose import open_message
from xref.endpoint import Acknowledged, Endpoint
from xref.errors import MessageError
from xref.knowledge import Knowledge
from xref.limits import DECISIONS_CACHED_MAX
from xref.message import Message, Minimised, Refused, Rejected, Stubbed, Submitted
from xref.overlay import SUSPENDED
from xref.policy import (
    GROUND_FACT,
    NOTED_EVENTS,
    FactTable,
    Permit,
    Policy,
    is_other_ground,
)
from xref.trail import Entry, EntryForm, encode_entry, is_noted
from xref.wire.header import NO_ID, Header
from xref.wire.office import Link, party_of
from xref.wire.schema import Schema

_named = lru_cache(maxsize=DECISIONS_CACHED_MAX)(FactTable.decode)


_NO_SHARING_CONSENT: Final = bytes(32)
_VARYING: Final = {
    "at_ms": int,
    "consent_digest": bytes,
    "erase_by_ms": int,
    "facts_c": bytes,
    "index": int,
    "message": bytes,
    "out_index": int,
    "release": bytes,
}


@dataclass(frozen=True, slots=True)
class _Alike:
    """What entries and decisions of messages that were released alike have in common."""

    entry: EntryForm
    said: Said
    ground: str
    """Another ground than the sharing consent, which an entry of its own tells; else empty."""


@lru_cache(maxsize=DECISIONS_CACHED_MAX)
def _alike_of(
    policy: Policy,
    schema: Schema,
    common: tuple[tuple[str, object], ...],
    out_link: str,
    mask: int,
    codes: bytes,
    permit: Permit,
) -> _Alike:
    disclosed, facts = schema.names_of(mask), policy.facts.decode(codes) if codes else {}
    fixed = {
        "kind": "released",
        **dict(common),
        "out_link": out_link,
        "facts": facts,
        "disclosed": disclosed,
        "withheld": [{"field": each.field, "rules": each.rules} for each in permit.withheld],
        "rules": permit.rules,
        "obligations": permit.obligations,
    }
    ground = facts[GROUND_FACT] if is_other_ground(facts) else ""
    return _Alike(EntryForm(fixed, _VARYING), Said(disclosed, permit.withheld), ground)


class Accounting:
    """The entries and answers of one batch at one moment (Unix ms)."""

    def __init__(
        self, endpoint: Endpoint, knowledge: Knowledge, bundle: Bundle, now_ms: int
    ) -> None:
        """Begin with none; `bundle` says which flows are answered."""
        self.entries: list[bytes] = []
        self.answers: list[Answer] = []
        self._endpoint, self._knowledge = endpoint, knowledge
        self._bundle, self._now_ms = bundle, now_ms
        self._known: dict[tuple[object, ...], _Alike] = {}
        self.stopped: dict[bytes, tuple[str, str]] = {}
        """Messages that a peer wants stopped before they are delivered: its Party, and why."""

    def add(self, entry: Entry) -> None:
        """Put an entry on the trail."""
        self.entries.append(encode_entry(entry))

    def events(self, submitted: Submitted) -> None:
        """Account for keyrings and acknowledgements."""
        for keyring in submitted.keyrings:
            entry = {"kind": "keyring", "at_ms": self._now_ms, "party": keyring.party}
            self.add({**entry, "version": keyring.version})
        for done in submitted.acknowledged:
            self.acknowledged(done)

    def released(self, item: Minimised, link: Link, index: int, release: bytes) -> None:
        """Account for a message that goes on; tell its own desk what went and what stayed."""
        message = item.permitted.message
        alike = self._alike(item, link)
        entry = alike.entry.fill(
            self._now_ms,
            message.facts.consent_digest if message.facts else _NO_SHARING_CONSENT,
            item.erase_by_ms,
            message.facts_c,
            message.received.index,
            message.header.message,
            index,
            release,
        )
        self.entries.append(entry)
        if alike.ground:
            event = {"kind": "ground", "at_ms": self._now_ms, "flow": message.header.flow}
            ground = {"message": message.header.message.hex(), "ground": alike.ground}
            self.add({**event, **ground})
        if message.facts is not None and message.flow.receipted:
            said = Item("FORWARDED", message.header.message, "", link.name, index, alike.said)
            self.answers.append(Answer(message.header.sender, DECISION, said))

    def _alike(self, item: Minimised, link: Link) -> "_Alike":
        """Return what all messages have in common that were released alike."""
        message, permit = item.permitted.message, item.permitted.permit
        codes = message.facts.codes if message.facts else b""
        # A permit lives as long as the batch's messages do, so its id names it here.
        key = (message.route, message.header.flow, item.mask, codes, id(permit))
        alike = self._known.get(key)
        if alike is None:
            alike = self._known[key] = _alike_of(
                message.bundle.policy,
                message.schema,
                tuple(_common(message).items()),
                link.name,
                item.mask,
                codes,
                permit,
            )
        return alike

    def refused(self, refused: Refused) -> None:
        """Record a refusal with its reasons; answer at home with them, abroad with one code."""
        message = refused.message
        entry = {
            **_common(message),
            "kind": "refused",
            "at_ms": self._now_ms,
            "message": message.header.message.hex(),
            "index": message.received.index,
            "facts": _facts(message),
            "facts_c": message.facts_c.hex(),
            "reasons": [reason.rule for reason in refused.reasons],
        }
        self.add(entry)
        if not message.flow.receipted:
            return
        message_id, sender = message.header.message, message.header.sender
        if message.facts is not None:
            said = Said(reasons=tuple(reason.rule for reason in refused.reasons))
            item = Item("REFUSED", message_id, said=said)
            self.answers.append(Answer(sender, DECISION, item))
        else:
            self.answers.append(Answer(sender, RECEIPT, Item("REFUSED", message_id)))

    def rejected(self, rejected: Rejected) -> None:
        """Record a faulty slot and answer whoever put it on the link, by link and index."""
        received, header = rejected.received, rejected.header
        entry = {
            "kind": "rejected",
            "at_ms": self._now_ms,
            "link": received.link.name,
            "index": received.index,
            "fault": rejected.fault,
        }
        self.add(entry)
        flow = self._bundle.policy.flows.get(header.flow) if header else None
        if flow is not None and not flow.receipted:
            return
        message_id = header.message if header else NO_ID
        item = Item("REJECTED", message_id, rejected.fault, received.link.name, received.index)
        self.answers.append(Answer(received.link.sender, RECEIPT, item))

    def emptied(self, link: Link, index: int, header: Header, fault: str) -> None:
        """Account for content dropped before delivery, for one of the reasons to stop it."""
        self._knowledge.silence(link, index)
        entry = {"kind": "emptied", "at_ms": self._now_ms, "message": header.message.hex()}
        self.add({**entry, "out_link": link.name, "out_index": index})
        item = Item("REJECTED", header.message, fault=fault)
        self.answers.append(Answer(header.sender, RECEIPT, item))

    def stop_at(self, header: Header, fault: str) -> None:
        """Ask the own desk to open no more what it may have read and not handed over yet."""
        item = Item("REJECTED", header.message, fault=fault)
        self.answers.append(Answer(header.recipient, RECEIPT, item))

    def stop_abroad(self, message: bytes, fault: str) -> None:
        """Ask the hop of a message's recipient to deliver it no more, if it is another's."""
        released = self._knowledge.question(message)
        office = self._bundle.directory.find(released.recipient) if released else None
        if office is not None and office.hop not in ("", self._endpoint.office):
            item = Item("REJECTED", message, fault=fault)
            self.answers.append(Answer(office.hop, RECEIPT, item))

    def suspended(self, link: Link, index: int, header: Header) -> None:
        """Account for content dropped before delivery, as one of its ends was suspended."""
        self._knowledge.silence(link, index)
        entry = {"kind": "emptied", "at_ms": self._now_ms, "message": header.message.hex()}
        self.add({**entry, "out_link": link.name, "out_index": index})
        if party_of(header.sender) == party_of(self._endpoint.office):
            item = Item("REFUSED", header.message, said=Said(reasons=(SUSPENDED,)))
            self.answers.append(Answer(header.sender, DECISION, item))
        else:
            item = Item("REFUSED", header.message)
            self.answers.append(Answer(header.sender, RECEIPT, item))

    def stubbed(self, stubbed: Stubbed) -> None:
        """Record a slot whose content was gone."""
        received = stubbed.received
        self.add(
            {
                "kind": "stubbed",
                "at_ms": self._now_ms,
                "link": received.link.name,
                "index": received.index,
            }
        )

    def acknowledged(self, done: Acknowledged) -> None:
        """Record a countersigned head; tell senders what an own desk now has."""
        if not done.slots:
            return
        entry = {"kind": "acknowledged", "at_ms": self._now_ms, "link": done.link.name}
        self.add({**entry, "size": done.size})
        office = self._bundle.directory.find(done.link.receiver)
        at_desk = office is not None and office.role != "hop"
        told = {index: is_stub for index, is_stub in done.slots.items() if is_stub or at_desk}
        if not told:
            return
        known = self._knowledge.released(done.link, min(told), max(told) + 1)
        for index, is_stub in told.items():
            released = known.get(index)
            if released is None or released.silent:
                continue
            outcome = "REJECTED" if is_stub else "DELIVERED"
            fault = "expired" if is_stub else ""
            item = Item(outcome, released.message, fault)
            self.answers.append(Answer(released.sender, RECEIPT, item))

    def read_receipt(self, item: Minimised) -> None:
        """Open a receipt that is addressed to this hop; tell the desks whose messages it names."""
        message = item.permitted.message
        items = self._items(message)
        entry = {
            "kind": "read",
            "at_ms": self._now_ms,
            "message": message.header.message.hex(),
            "from": message.header.sender,
            "link": message.received.link.name,
            "index": message.received.index,
            "items": len(items),
        }
        self.add(entry)
        for each in items:
            if each["outcome"] == "NOTED":
                self._note(each, message.header.sender)
            elif each["outcome"] == "REJECTED" and each["fault"] in STOPS:
                self._stop(each["message"], message.header.sender, each["fault"])
            elif each["outcome"] == "REJECTED":
                self._pass_on_rejection(each, message.header.sender)

    def _stop(self, message: bytes, reporter: str, fault: str) -> None:
        office = self._bundle.directory.find(reporter)
        if office is not None and office.role == "hop":
            self.stopped[message] = office.party, fault

    def _note(self, item: dict[str, Any], reporter: str) -> None:
        """Put on the trail what an own desk did about a message: a code and a digest, no more."""
        own = party_of(reporter) == party_of(self._endpoint.office)
        known = item["fault"] in (*NOTED_EVENTS, *self._bundle.policy.obligations)
        if own and known and is_noted(item["digest"], item["until_ms"]):
            entry = {"kind": "noted", "at_ms": self._now_ms, "from": reporter}
            noted = {"code": item["fault"], "digest": item["digest"]}
            until = {"message": item["message"].hex(), "until_ms": item["until_ms"]}
            self.add({**entry, **noted, **until})

    def _items(self, message: Message) -> list[dict[str, Any]]:
        """Return the items of a receipt to this hop, none for one that does not open."""
        opening = self._endpoint.keychain.opening(message.header.seal_key)
        if opening is None:
            return []
        try:
            values = open_message(
                message.envelope, message.body, message.statement, message.schema, opening
            )
        except MessageError:
            return []
        items = values.get("items")
        return items if isinstance(items, list) else []

    def _pass_on_rejection(self, item: dict[str, Any], reporter: str) -> None:
        """Tell the own desk whose message stands where a receiver found a faulty slot."""
        link = next(
            (
                own
                for own in self._endpoint.outgoing
                if own.name == item["link"] and own.receiver == reporter
            ),
            None,
        )
        index = item["index"]
        if link is None or not isinstance(index, int) or not 0 <= index < 2**63:
            return
        released = self._knowledge.released(link, index, index + 1).get(index)
        if released is None or released.silent:
            return
        if party_of(released.sender) == party_of(self._endpoint.office):
            answer = Item(
                "REJECTED",
                released.message,
                fault="rejected-on-the-way",
                link=link.name,
                index=index,
            )
            self.answers.append(Answer(released.sender, DECISION, answer))
        else:
            answer = Item("REJECTED", released.message, fault="rejected-on-the-way")
            self.answers.append(Answer(released.sender, RECEIPT, answer))


def _common(message: Message) -> dict[str, object]:
    header = message.header
    return {
        "flow": header.flow,
        "from": header.sender,
        "to": header.recipient,
        "bundle": header.bundle.hex(),
        "link": message.received.link.name,
    }


def _facts(message: Message) -> dict[str, str]:
    """Return the facts by name for the own trail, or nothing where they stayed with the sender."""
    facts = message.facts
    codes = facts.codes if facts is not None else b""
    return _named(message.bundle.policy.facts, codes) if codes else {}
