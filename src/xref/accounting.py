"""Accounting: what the trail says of each outcome, and who is told what. Used by `xref.steps.seal`.

Abroad an outcome has one code; at home a desk learns every reason. Entries and answers gather here
in the order of what they are about.
"""

from functools import lru_cache
from typing import Any

from xref.answers import DECISION, RECEIPT, Answer, decision_item, receipt_item
from xref.bundle import Bundle
from xref.disclose import open_message
from xref.endpoint import Acknowledged, Endpoint
from xref.errors import MessageError
from xref.knowledge import Knowledge
from xref.limits import DECISIONS_CACHED_MAX
from xref.message import Message, Minimised, Refused, Rejected, Stubbed, Submitted
from xref.policy import GROUND_FACT, FactTable, is_other_ground
from xref.trail import Entry
from xref.wire.header import Header
from xref.wire.office import Link, party_of

_named = lru_cache(maxsize=DECISIONS_CACHED_MAX)(FactTable.decode)


class Accounting:
    """The entries and answers of one batch at one moment (Unix ms)."""

    def __init__(
        self, endpoint: Endpoint, knowledge: Knowledge, bundle: Bundle, now_ms: int
    ) -> None:
        """Begin with none; `bundle` says which flows are answered."""
        self.entries: list[Entry] = []
        self.answers: list[Answer] = []
        self._endpoint, self._knowledge = endpoint, knowledge
        self._bundle, self._now_ms = bundle, now_ms

    def events(self, submitted: Submitted) -> None:
        """Account for keyrings and acknowledgements."""
        for keyring in submitted.keyrings:
            entry = {"kind": "keyring", "at_ms": self._now_ms, "party": keyring.party}
            self.entries.append({**entry, "version": keyring.version})
        for done in submitted.acknowledged:
            self.acknowledged(done)

    def released(self, item: Minimised, link: Link, index: int, release: bytes) -> None:
        """Account for a message that goes on; tell its own desk what went and what stayed."""
        message, permit = item.permitted.message, item.permitted.permit
        self._knowledge.remember_release(item, link, index)
        disclosed, facts = list(message.schema.names_of(item.mask)), _facts(message)
        withheld = [{"field": each.field, "rules": list(each.rules)} for each in permit.withheld]
        entry = {
            **_common(message, "released", self._now_ms),
            "out_link": link.name,
            "out_index": index,
            "release": release.hex(),
            "facts": facts,
            "facts_c": message.envelope.facts_c.hex(),
            "disclosed": disclosed,
            "withheld": withheld,
            "rules": list(permit.rules),
            "obligations": list(permit.obligations),
            "erase_by_ms": item.erase_by_ms,
        }
        self.entries.append(entry)
        if is_other_ground(facts):
            ground = {"message": entry["message"], "ground": facts[GROUND_FACT]}
            event = {"kind": "ground", "at_ms": self._now_ms, "flow": message.header.flow}
            self.entries.append({**event, **ground})
        if message.facts is not None and message.flow.receipted:
            item_ = decision_item(
                "FORWARDED",
                message.header.message,
                disclosed=disclosed,
                permit=permit,
                link=link,
                index=index,
            )
            self.answers.append(Answer(message.header.sender, DECISION, item_))

    def refused(self, refused: Refused) -> None:
        """Record a refusal with its reasons; answer at home with them, abroad with one code."""
        message = refused.message
        entry = {
            **_common(message, "refused", self._now_ms),
            "facts": _facts(message),
            "facts_c": message.envelope.facts_c.hex(),
            "reasons": [reason.rule for reason in refused.reasons],
        }
        self.entries.append(entry)
        if not message.flow.receipted:
            return
        message_id, sender = message.header.message, message.header.sender
        if message.facts is not None:
            item = decision_item("REFUSED", message_id, reasons=refused.reasons)
            self.answers.append(Answer(sender, DECISION, item))
        else:
            self.answers.append(Answer(sender, RECEIPT, receipt_item("REFUSED", message_id)))

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
        self.entries.append(entry)
        flow = self._bundle.policy.flows.get(header.flow) if header else None
        if flow is not None and not flow.receipted:
            return
        message_id = header.message if header else bytes(16)
        item = receipt_item(
            "REJECTED",
            message_id,
            fault=rejected.fault,
            link=received.link,
            index=received.index,
        )
        self.answers.append(Answer(received.link.sender, RECEIPT, item))

    def emptied(self, link: Link, index: int, header: Header) -> None:
        """Account for content dropped before delivery, as its sharing consent was withdrawn."""
        self._knowledge.silence(link, index)
        entry = {"kind": "emptied", "at_ms": self._now_ms, "message": header.message.hex()}
        self.entries.append({**entry, "out_link": link.name, "out_index": index})
        item = receipt_item("REJECTED", header.message, fault="withdrawn")
        self.answers.append(Answer(header.sender, RECEIPT, item))

    def stubbed(self, stubbed: Stubbed) -> None:
        """Record a slot whose content was gone."""
        received = stubbed.received
        self.entries.append(
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
        self.entries.append({**entry, "size": done.size})
        office = self._bundle.directory.find(done.link.receiver)
        at_desk = office is not None and office.role != "hop"
        for index, slot in done.slots:
            released = self._knowledge.released(done.link, index)
            if released is None or released.silent or not (slot.is_stub or at_desk):
                continue
            outcome = "REJECTED" if slot.is_stub else "DELIVERED"
            fault = "expired" if slot.is_stub else ""
            item = receipt_item(outcome, released.message, fault=fault)
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
        self.entries.append(entry)
        for each in items:
            self._pass_on_rejection(each, message.header.sender)

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
        released = self._knowledge.released(link, index)
        if released is None or released.silent:
            return
        if party_of(released.sender) == party_of(self._endpoint.office):
            answer = decision_item(
                "REJECTED", released.message, fault="rejected-on-the-way", link=link, index=index
            )
            self.answers.append(Answer(released.sender, DECISION, answer))
        else:
            answer = receipt_item("REJECTED", released.message, fault="rejected-on-the-way")
            self.answers.append(Answer(released.sender, RECEIPT, answer))


def _common(message: Message, kind: str, now_ms: int) -> dict[str, object]:
    header, received = message.header, message.received
    return {
        "kind": kind,
        "at_ms": now_ms,
        "message": header.message.hex(),
        "flow": header.flow,
        "from": header.sender,
        "to": header.recipient,
        "bundle": header.bundle.hex(),
        "link": received.link.name,
        "index": received.index,
    }


def _facts(message: Message) -> dict[str, str]:
    """Return the facts by name for the own trail, or nothing where they stayed with the sender."""
    facts = message.facts
    codes = facts.codes if facts is not None else b""
    return _named(message.bundle.policy.facts, codes) if codes else {}
