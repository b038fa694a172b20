"""Alerts: what an office waits for in vain. Pure: records and the moment (Unix ms) come in.

Silence is never taken for an answer. A message whose answer is due and not there is an alert at the
office that sent it, delivered or not; so is a record that the desk has held for too long.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from xref.desk.derive import over_ms
from xref.desk.story import GONE
from xref.limits import DAY_MS
from xref.policy import Expected, Policy

NO_ANSWER: Final = "no-answer"
ALARMING: Final = "alarming-answer"
HELD: Final = "held"
NOT_ERASED: Final = "not-erased"
KEPT: Final = "kept-by-order"


_TELL_KEPT: Final = (
    "Tell the person that a court has that office keep it, or one that it passed it on to, until "
    "when, and how to object; it is used for nothing else, and erased then."
)


@dataclass(frozen=True, slots=True)
class Alert:
    """What is missing, since when and until when it was due (Unix ms), and what to do.

    `id` is a message's id, or of a held record the desk's own random id of the case, in
    hexadecimal; `case` is the office's own number and stays with it.
    """

    kind: str
    id: str
    type: str
    to: str
    case: str
    since_ms: int
    due_ms: int
    duty: str

    def code(self) -> str:
        """Return the alert for a log: ids and codes only."""
        to = f" to {self.to}" if self.to else ""
        return f"{self.kind}: {self.type} {self.id}{to}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sent message as alerts need it: its case at the desk, its story, its record's members."""

    id: str
    case_id: bytes
    story: Mapping[str, Any]
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A held record as alerts need it; `duty` is what helps."""

    id: str
    publication: str
    case: str
    since_ms: int
    duty: str


def unanswered(
    sent: Iterable[Waiting], roles: Mapping[str, str], policy: Policy, now_ms: int
) -> list[Alert]:
    """Return an alert for each message whose answer is overdue; `roles` has those of offices."""
    messages = list(sent)
    flows = {flow.name: flow for flow in policy.flows.values()}
    heard = _heard(messages)
    found = []
    for each in messages:
        flow, to = flows.get(each.story["type"]), each.story["to"]
        if flow is None or flow.expects is None or each.story["outcome"] in GONE:
            continue
        answers = {name for name, other in flows.items() if flow.name in other.answers}
        answer = _answer_to(each, answers, heard)
        since_ms, due_ms = each.story["created_ms"], _due_ms(flow.expects, each)
        kind = NO_ANSWER
        if answer is not None:
            kind, since_ms, due_ms = ALARMING, answer["at_ms"], answer["at_ms"]
            raised = not set(answer["said"]).isdisjoint(flow.expects.alarming)
        else:
            can_answer = any(roles.get(to) in flows[name].from_roles for name in answers)
            raised = can_answer and due_ms <= now_ms
        if raised:
            case, duty = each.record["case"], flow.expects.if_silent
            found.append(Alert(kind, each.id, flow.name, to, case, since_ms, due_ms, duty))
    return sorted(found, key=_order)


def not_erased(
    withdrawn: Iterable[tuple[Waiting, int]], policy: Policy, now_ms: int
) -> list[Alert]:
    """Return an alert for each message that was withdrawn and whose erasure nobody confirmed.

    With each message comes when it was withdrawn. What a court has an office keep is an alert at
    once, as the person is told of it, until it is erased.
    """
    expected = next(f.expects for f in policy.flows.values() if f.nature == "withdrawal")
    found = []
    for each, withdrawn_ms in withdrawn:
        outcome, to = each.story["outcome"], each.story["to"]
        case, flow = each.record["case"], each.story["type"]
        if outcome == "kept":
            kept = [r for r in each.story["receipts"] if r["outcome"] == "kept"]
            until_ms = max(r.get("until_ms", 0) for r in kept)
            found.append(
                Alert(KEPT, each.id, flow, to, case, kept[-1]["at_ms"], until_ms, _TELL_KEPT)
            )
        elif outcome not in GONE and expected is not None:
            due_ms = withdrawn_ms + expected.within_days * DAY_MS
            if due_ms <= now_ms:
                found.append(
                    Alert(
                        NOT_ERASED,
                        each.id,
                        flow,
                        to,
                        case,
                        withdrawn_ms,
                        due_ms,
                        expected.if_silent,
                    )
                )
    return sorted(found, key=_order)


def held_too_long(held: Iterable[Held], policy: Policy, now_ms: int) -> list[Alert]:
    """Return an alert for each record that is held for longer than its publication allows."""
    found = []
    for each in held:
        publication = policy.publications.get(each.publication)
        days = publication.held_days_max if publication else 0
        due_ms = each.since_ms + days * DAY_MS
        if due_ms <= now_ms:
            alert = Alert(
                HELD, each.id, each.publication, "", each.case, each.since_ms, due_ms, each.duty
            )
            found.append(alert)
    return sorted(found, key=_order)


def _order(alert: Alert) -> tuple[int, str]:
    return alert.due_ms, alert.id


_Heard = Mapping[tuple[bytes, str], list[tuple[str, Mapping[str, Any]]]]
"""By case and office: the flow of what was answered, and its newest answer."""


def _heard(messages: Iterable[Waiting]) -> _Heard:
    heard: dict[tuple[bytes, str], list[tuple[str, Mapping[str, Any]]]] = {}
    for each in messages:
        if answer := each.story.get("answered"):
            known = heard.setdefault((each.case_id, each.story["to"]), [])
            known.append((each.story["type"], answer))
    return heard


def _answer_to(
    message: Waiting, answers: Collection[str], heard: _Heard
) -> Mapping[str, Any] | None:
    """Return the newest answer to this message, or to another that the same answer settles.

    A safe receipt settles the departure, whether it names that or the notice before. To the same
    question asked twice each has an answer of its own.
    """
    found = [
        answer
        for kind, answer in heard.get((message.case_id, message.story["to"]), ())
        if kind != message.story["type"]
        and answer["by"] in answers
        and answer["at_ms"] >= message.story["created_ms"]
    ]
    if own := message.story.get("answered"):
        found.append(own)
    return max(found, key=lambda answer: int(answer["at_ms"]), default=None)


def _due_ms(expected: Expected, message: Waiting) -> int:
    """Return when an answer is due; a day that is named counts to its end, in UTC."""
    named = over_ms(message.record["values"].get(expected.counted_from))
    begins_ms: int = message.story["created_ms"] if named is None else named
    return begins_ms + expected.within_days * DAY_MS
