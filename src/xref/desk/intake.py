"""Taking in: a row of the spool becomes messages, once, and its story is kept with its case."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from xref.answers import Answer
from xref.desk import approval
from xref.desk.acts import Acts
from xref.desk.cabinet import Cabinet
from xref.desk.duties import note_owed
from xref.desk.onward import check_onward
from xref.desk.personal_scope import SEX_FIELD
from xref.desk.publish import ECHOED, Addressed, Asked, Publisher
from xref.desk.read_form import Record
from xref.desk.relay import is_held_elsewhere
from xref.desk.spool import (
    Act,
    Approval,
    AsylumAnswer,
    Correction,
    Done,
    Kept,
    Row,
    Withdrawal,
    record_members,
    record_of,
)
from xref.desk.withdrawing import End, owed_withdrawals, withdrawals
from xref.errors import RecordError
from xref.policy import is_other_ground

_REFUSED: Final = ("refused", "rejected")


class Intake:
    """Takes rows in at one moment (Unix ms)."""

    def __init__(self, cabinet: Cabinet, publisher: Publisher, now_ms: int) -> None:
        """Keep records in `cabinet`; `publisher` makes the messages."""
        self._cabinet, self._publisher, self._now_ms = cabinet, publisher, now_ms
        hop = publisher.bundle.directory.office(publisher.office).hop
        self._acts = Acts(cabinet, publisher, hop, now_ms, notes=[])

    @property
    def notes(self) -> list[tuple[int, Answer]]:
        """What the own hop is to note, each on its shard."""
        return self._acts.notes

    def take(self, row: Row) -> list[Addressed]:
        """Return the messages of a row, remembered as sent; none for what is known or faulty.

        A record that cannot be sent is kept with its problem, which names field and cure.
        """
        if isinstance(row, Act):
            return self._act(row)
        fault = approval.suspension_fault(
            self._publisher.suspended, self._publisher.office, _hands(row)
        )
        if fault:
            return self._leave(row, fault)
        records = [row] if isinstance(row, Record) else self._changed(row)
        return [each for record in records for each in self._take(record)]

    def _act(self, row: Act) -> list[Addressed]:
        """Do what an office may do whoever is suspended: stop, keep by order, say what was done."""
        match row:
            case Withdrawal():
                return self._withdraw(row)
            case AsylumAnswer():
                return self._asylum(row)
            case Kept():
                self._acts.keep(row)
            case Done():
                self._acts.done(row)
        return []

    def _asylum(self, row: AsylumAnswer) -> list[Addressed]:
        """Recall what went to the State of origin, as a withdrawal does, and tell the authority.

        The other side sees a withdrawal like any other, and never why.
        """
        recalled, notice = self._acts.asylum(row)
        case = self._cabinet.find_case(row.case)
        addressed = self._withdraw_sent(case, recalled) if case is not None else []
        return addressed + (self._take(notice) if notice else [])

    def _leave(self, row: Record | Correction | Approval, problem: str) -> list[Addressed]:
        """Do nothing of what a suspended official wants; a new record is kept, to say so."""
        if isinstance(row, Record):
            case, _ = self._case(row)
            key = self._key(case, row)
            if self._cabinet.get("record", key) is None:
                story = {
                    "content": _content_digest(row),
                    "record": record_members(row),
                    "problem": problem,
                    "messages": [],
                    "at_ms": self._now_ms,
                }
                self._cabinet.put("record", key, case, story)
        return []

    def _key(self, case: bytes, row: Record) -> bytes:
        """Return a record's place: its own for each answer, and for what is kept apart."""
        known = self._publisher.bundle.policy.publications.get(row.publication)
        apart = known.apart_by if known else ()
        key = case + row.publication.encode() + (row.reply_to or b"")
        if not apart:
            return key
        said = json.dumps([row.values.get(name) for name in apart], ensure_ascii=False)
        return key + self._cabinet.mark(case, said)

    def _changed(self, row: Correction | Approval) -> list[Record]:
        if isinstance(row, Correction):
            return self._corrected(row)
        approved = self._approved(row)
        return [] if approved is None else [approved]

    def _take(self, row: Record) -> list[Addressed]:
        case, asked = self._case(row)
        key = self._key(case, row)
        known: dict[str, Any] = self._cabinet.get("record", key) or {}
        facts = approval.without_approval(row.facts)
        content = _content_digest(row)
        same = known.get("content") == content
        unchanged = same and known["record"]["facts"] == facts
        if unchanged and not known["problem"]:
            return []
        if unchanged:
            earlier = known["record"].get("prepared_by", ())
            row = replace(row, prepared_by=tuple(dict.fromkeys((*earlier, *row.prepared_by))))
        kept = self._under_way(known["messages"]) if same else {}
        story: dict[str, Any] = {
            "content": content,
            "record": record_members(replace(row, facts=facts)),
            "problem": "",
            "messages": list(kept.values()),
            "at_ms": known["at_ms"] if known and self._is_held(known) else self._now_ms,
        }
        if approval.is_approved(known, content, facts):
            story["approval"] = known["approval"]
        # Kept only where somebody may be beyond an agreement's personal scope.
        if self._publisher.bundle.policy.rulebook.flags and (sex := row.values.get(SEX_FIELD)):
            self._cabinet.put("sex", case, case, sex)
        addressed = self._address(replace(row, facts=facts), case, asked, story)
        addressed = [each for each in addressed if (each.type, each.recipient) not in kept]
        for each in addressed:
            self._remember_sent(each, case, key, story)
            story["messages"].append(each.draft.header.message.hex())
        self._cabinet.put("record", key, case, story)
        return addressed

    def _address(
        self, row: Record, case: bytes, asked: Asked | None, story: dict[str, Any]
    ) -> list[Addressed]:
        """Return a record's messages; none for one that is held, whose story then says why."""
        if approval.is_waiting(story):
            story["problem"] = approval.WAITING
            return []
        if is_other_ground(row.facts):
            row = replace(row, facts=approval.approved(row.facts))
        publisher = self._publisher.following(row.publication, asked)
        try:
            if asked is None:
                check_onward(self._cabinet, publisher.bundle, publisher.office, row)
            return publisher.address(row, case, asked, self._now_ms)
        except RecordError as error:
            story["problem"] = str(error)
            return []

    def _is_held(self, known: dict[str, Any]) -> bool:
        stories = [self._cabinet.get("sent", bytes.fromhex(each)) for each in known["messages"]]
        refused = [story for story in stories if story and story["outcome"] in _REFUSED]
        return bool(known["problem"] or refused)

    def _withdraw(self, row: Withdrawal) -> list[Addressed]:
        case = self._cabinet.find_case(row.case)
        if case is None:
            return []
        self._cabinet.put("withdrawal", case, case, {"at_ms": self._now_ms})
        return self._withdraw_sent(case, dict(self._cabinet.of_case("sent", case)))

    def _withdraw_sent(
        self, case: bytes, sent: Mapping[bytes, Mapping[str, Any]]
    ) -> list[Addressed]:
        """Return a withdrawal for each recipient of these sent messages of a case."""
        ends: dict[End, None] = {}
        for story in sent.values():
            if is_held_elsewhere(story):
                ends[story["to"], story["consent_ref"], story.get("shard", 0)] = None
        addressed = withdrawals(self._publisher, ends, self._now_ms, case)
        for each in addressed:
            self._remember_sent(each, case, b"")
        return addressed

    def take_owed(self) -> list[Addressed]:
        """Return the withdrawals that waited for a recipient's key and need not any more."""
        owed = owed_withdrawals(self._publisher, self._now_ms)
        for case, each in owed:
            if case:  # else what was sent is of a case that is erased
                self._remember_sent(each, case, b"")
        return [each for _, each in owed]

    def _under_way(self, messages: list[str]) -> dict[tuple[str, str], str]:
        """Return the messages that were not refused or rejected, by type and recipient.

        Where only facts have changed, these need not go again.
        """
        stories = {each: self._cabinet.get("sent", bytes.fromhex(each)) for each in messages}
        return {
            (story["type"], story["to"]): message
            for message, story in stories.items()
            if story is not None and story["outcome"] not in _REFUSED
        }

    def _corrected(self, correction: Correction) -> list[Record]:
        """Return the records that a correction is for, with the facts that it gives."""
        case = self._cabinet.find_case(correction.case)
        stories = [] if case is None else self._cabinet.all("record", case)
        records = [
            record_of(story["record"])
            for _, story in stories
            if story["record"]["publication"] == correction.publication
        ]
        return [self._with_facts(record, correction) for record in records]

    def _with_facts(self, record: Record, correction: Correction) -> Record:
        # Who corrects a record has prepared it too; of several, all must be known.
        known = bool(record.prepared_by and correction.by)
        prepared_by = (*record.prepared_by, correction.by) if known else ()
        facts = {**record.facts, **correction.facts}
        return replace(record, facts=facts, prepared_by=prepared_by)

    def _approved(self, row: Approval) -> Record | None:
        """Keep an approval with the record that it is for; none for one that does not count."""
        story = self._cabinet.get("record", row.record)
        case = self._cabinet.case_id("record", row.record)
        if story is None or case is None or not approval.is_waiting(story):
            return None
        record = record_of(story["record"])
        statement = approval.statement_digest(story["content"], story["record"]["facts"])
        if row.statement != statement or approval.approval_fault(record.prepared_by, row.by):
            return None
        story["approval"] = {
            "statement": statement,
            "prepared_by": list(record.prepared_by),
            "by": row.by,
            "at_ms": self._now_ms,
        }
        self._cabinet.put("record", row.record, case, story)
        return record

    def _case(self, record: Record) -> tuple[bytes, Asked | None]:
        """Return the record's case and, for an answer, the received message that it answers."""
        shards = self._publisher.bundle.directory.shards
        if record.reply_to is None:
            return self._cabinet.case_of(record.case, shards), None
        received = self._cabinet.get("inbox", record.reply_to)
        case = self._cabinet.case_id("inbox", record.reply_to)
        # What a court alone has this office keep is there for nobody's use.
        if received is None or case is None or received.get("ended_ms"):
            return self._cabinet.case_of(record.case or record.reply_to.hex(), shards), None
        if record.case:
            self._cabinet.note_known_as(record.case, case)
        asked = Asked(
            record.reply_to,
            bytes.fromhex(received["thread"]),
            received["from"],
            received["type"],
            {name: received["values"].get(name) for name in ECHOED},
            received.get("shard", 0),
            bytes.fromhex(received.get("bundle", "")),
        )
        return case, asked

    def _remember_sent(
        self, each: Addressed, case: bytes, record: bytes, kept: dict[str, Any] | None = None
    ) -> None:
        header = each.draft.header
        story: dict[str, Any] = {
            "type": each.type,
            "to": each.recipient,
            "created_ms": self._now_ms,
            "expires_ms": header.expires_ms,
            "record": record.hex(),
            "fields": list(each.fields),
            "shard": each.shard,
            "consent_ref": header.consent_ref.hex() if record and any(header.consent_ref) else "",
            "cause": each.cause.hex(),
            "outcome": "submitted",
            "fault": "",
            "disclosed": [],
            "withheld": [],
            "reasons": [],
            "receipts": [],
        }
        if kept and kept.get("approval"):
            story["approval"] = kept["approval"]
            bundle, own = self._publisher.bundle, self._publisher.office
            note_owed(self._cabinet.state, header.message, "sent", story, bundle, own)
        if kept and kept["record"]["sharing_consent"]:
            # The record may be replaced by a newer one; what a message went by must stay known.
            story["sharing_consent"] = kept["record"]["sharing_consent"]
        if each.flags:
            story["flags"] = list(each.flags)
        self._cabinet.put("sent", header.message, case, story)


def _hands(row: Record | Correction | Approval) -> tuple[str, ...]:
    """Return who handed a row in, as far as that was said."""
    if isinstance(row, Record):
        return row.prepared_by
    return (row.by,) if row.by else ()


def _content_digest(record: Record) -> str:
    """Return a digest of all that a record says but its facts, to tell a copy from a change."""
    members = record_members(record)
    said = [members[name] for name in ("values", "sharing_consent", "named", "reply_to")]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
