"""What an office can tell of its messages: read from its records, with rules put into words."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from xref.bundle import Bundle
from xref.desk.act_alerts import act_alerts
from xref.desk.alerts import Alert, Held, Waiting, held_too_long, unanswered
from xref.desk.approval import is_waiting, statement_digest
from xref.desk.cabinet import CASE_BYTES, Cabinet
from xref.errors import ConfigError
from xref.policy import Rule
from xref.ports import Store
from xref.state import State
from xref.steps.decide import HOP_REASONS

_STAGES: Final = ("forwarded", "delivered", "opened", "erased")
_NUMBER_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that an office sent, and what it knows of it; times in Unix ms."""

    id: str
    type: str
    sender: str
    recipient: str
    case: str
    created_ms: int
    outcome: str
    fault: str
    disclosed: tuple[str, ...]
    withheld: Mapping[str, tuple[str, ...]]
    """Field names, each with the ids of the rules that keep it."""
    reasons: tuple[str, ...]
    """Ids of the rules that refused the whole message."""
    rules: tuple[str, ...]
    """All of these rules, once each."""
    receipts: tuple[Mapping[str, Any], ...]
    flags: tuple[str, ...] = ()
    """Ids of the rules that flag it for oversight; they keep nothing."""
    mismatch: tuple[str, ...] = ()
    """Fields in which the recipient has no equal for the sender's term."""

    def as_json(self, bundle: Bundle) -> dict[str, Any]:
        """Return the message for scripts; the office's own case number is not in it."""
        return {
            "id": self.id,
            "type": self.type,
            "from": self.sender,
            "to": self.recipient,
            "outcome": "delivered" if self.outcome == "opened" else self.outcome,
            "opened": self.outcome == "opened",
            "fault": self.fault,
            "disclosed": list(self.disclosed),
            "withheld": list(self.withheld),
            "withheld_by": {name: list(rules) for name, rules in self.withheld.items()},
            "rules": list(self.rules),
            "explained": [rule_as_json(bundle, rule) for rule in self.rules],
            "flags": [rule_as_json(bundle, rule) for rule in self.flags],
            "receipts": [dict(receipt) for receipt in self.receipts],
            "definition_mismatch": list(self.mismatch),
            "created_ms": self.created_ms,
        }


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record that its desk holds: why, what to do, since when (Unix ms).

    One that is `waiting` goes once a second person approves its `statement`, who did not prepare
    it; `key` is its place in the desk's records.
    """

    case: str
    publication: str
    problem: str
    reasons: tuple[str, ...]
    since_ms: int
    key: bytes
    waiting: bool
    statement: str
    prepared_by: tuple[str, ...]

    @property
    def number(self) -> str:
        """What a person calls it to approve just this: short, and another after any change."""
        return hashlib.sha256(self.key + self.statement.encode()).hexdigest()[:_NUMBER_DIGITS]


def find_rule(bundle: Bundle, rule_id: str) -> Rule | None:
    """Return the rule of an id, None for the hop's own reasons."""
    try:
        return bundle.policy.rule(rule_id)
    except ConfigError:
        return None


def rule_as_json(bundle: Bundle, rule_id: str) -> dict[str, Any]:
    """Return a rule, or a reason of the hop's own, with its sentence, citation, weight and cure."""
    rule = find_rule(bundle, rule_id) or HOP_REASONS.get(rule_id)
    if rule is None:
        return {"rule": rule_id, "explain": "", "cite": [], "weight": "", "cure": ""}
    return {
        "rule": rule_id,
        "explain": rule.explain,
        "cite": list(rule.cite),
        "weight": rule.weight,
        "cure": rule.cure,
    }


def sent_messages(store: Store, office: str, bundle: Bundle) -> list[SentMessage]:
    """Return the messages that an office sent, the oldest first."""
    cabinet = cabinet_of(store)
    records = dict(cabinet.all("record"))
    found = []
    for message, story in cabinet.all("sent"):
        record = records.get(bytes.fromhex(story["record"]), {})
        withheld = {each["field"]: tuple(each["rules"]) for each in story["withheld"]}
        if story["outcome"] == "refused":
            withheld = dict.fromkeys(story["fields"], ())
        rules = [rule for names in withheld.values() for rule in names] + story["reasons"]
        found.append(
            SentMessage(
                id=message.hex(),
                type=story["type"],
                sender=office,
                recipient=story["to"],
                case=record.get("record", {}).get("case", ""),
                created_ms=story["created_ms"],
                outcome=story["outcome"],
                fault=story["fault"],
                disclosed=tuple(story["disclosed"]),
                withheld=withheld,
                reasons=tuple(story["reasons"]),
                rules=tuple(dict.fromkeys(rules)),
                receipts=tuple(sorted(story["receipts"], key=_stage)),
                flags=tuple(story.get("flags", ())),
                mismatch=tuple(story.get("mismatch", {}).get("terms", ())),
            )
        )
    order = {flow.name: code for code, flow in bundle.policy.flows.items()}
    return sorted(found, key=lambda each: (each.created_ms, each.case, order.get(each.type, 0)))


def _stage(receipt: Mapping[str, Any]) -> int:
    """Return where a receipt stands on a message's way; they may arrive in another order."""
    outcome = receipt["outcome"]
    return _STAGES.index(outcome) if outcome in _STAGES else len(_STAGES)


def received_messages(store: Store) -> list[tuple[str, dict[str, Any]]]:
    """Return (message id, content) of what an office opened, the oldest first."""
    found = [(message.hex(), content) for message, content in cabinet_of(store).all("inbox")]
    return sorted(found, key=lambda pair: (pair[1]["received_ms"], pair[0]))


def held_records(store: Store) -> list[HeldRecord]:
    """Return the records that the desk holds: some of their newest messages may not go."""
    cabinet = cabinet_of(store)
    return _held(dict(cabinet.all("record")), dict(cabinet.all("sent")))


def _held(
    records: Mapping[bytes, dict[str, Any]], sent: Mapping[bytes, dict[str, Any]]
) -> list[HeldRecord]:
    held = []
    for key, story in records.items():
        messages = [sent[bytes.fromhex(m)] for m in story["messages"] if bytes.fromhex(m) in sent]
        refused = [
            each
            for each in messages
            if each["outcome"] in ("refused", "rejected") and each["fault"] != "withdrawn"
        ]
        if not story["problem"] and not refused:
            continue
        reasons = [rule for each in refused for rule in (each["reasons"] or [each["fault"]])]
        held.append(
            HeldRecord(
                case=story["record"]["case"],
                publication=story["record"]["publication"],
                problem=story["problem"],
                reasons=tuple(dict.fromkeys(reasons)),
                since_ms=story["at_ms"],
                key=key,
                waiting=is_waiting(story),
                statement=statement_digest(story["content"], story["record"]["facts"]),
                prepared_by=tuple(story["record"].get("prepared_by", ())),
            )
        )
    return held


def alerts_of(store: Store, bundle: Bundle, now_ms: int) -> list[Alert]:
    """Return what an office waits for in vain at `now_ms`, the longest overdue first."""
    cabinet = cabinet_of(store)
    records, sent = dict(cabinet.all("record")), dict(cabinet.all("sent"))
    waiting = alerts_among(records, sent, bundle, now_ms)
    return waiting + act_alerts(cabinet, bundle, now_ms)


def alerts_among(
    records: Mapping[bytes, dict[str, Any]],
    sent: Mapping[bytes, dict[str, Any]],
    bundle: Bundle,
    now_ms: int,
) -> list[Alert]:
    """Return the alerts of some cases, of which these are all records and sent messages."""
    policy = bundle.policy
    waiting = [
        Waiting(message.hex(), key[:CASE_BYTES], story, records[key]["record"])
        for message, story in sent.items()
        if (key := bytes.fromhex(story["record"])) in records
    ]
    roles = {office.code: office.role for office in bundle.directory.offices.values()}
    held = [
        Held(
            each.key[:CASE_BYTES].hex(),
            each.publication,
            each.case,
            each.since_ms,
            _duty(each, bundle),
        )
        for each in _held(records, sent)
    ]
    return unanswered(waiting, roles, policy, now_ms) + held_too_long(held, policy, now_ms)


def _duty(held: HeldRecord, bundle: Bundle) -> str:
    rules = [find_rule(bundle, rule) for rule in held.reasons]
    cures = [rule.cure for rule in rules if rule is not None and rule.cure]
    return " ".join(cures) or held.problem or "See why it is held with `xref desk status`."


def cabinet_of(store: Store) -> Cabinet:
    """Return an office's sealed records, to be read."""
    return Cabinet(State(store), _no_entropy)


def _no_entropy(size: int) -> bytes:
    message = f"a reader of records makes nothing new ({size} bytes were asked for)"
    raise RuntimeError(message)
