"""A case's journey as one office's records tell it: what it sent, received, withdrew and holds.

Times are Unix ms. No value of any field is told: types, offices, field names, rules, outcomes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.errors import ConfigError
from xref.ports import Store
from xref.state import State
from xref.story import (
    HeldRecord,
    SentMessage,
    cabinet_of,
    held_records,
    rule_as_json,
    sent_messages,
)

_MESSAGE_HEX = 32


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that the office opened, or has erased since; `answers` is the type it answers."""

    id: str
    type: str
    sender: str
    at_ms: int
    answers: str
    fields: tuple[str, ...]
    is_erased: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the message for scripts."""
        return {
            "id": self.id,
            "type": self.type,
            "from": self.sender,
            "answers": self.answers,
            "fields": list(self.fields),
            "erased": self.is_erased,
        }


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The person withdrew the sharing consent at this office."""

    at_ms: int


Event = SentMessage | ReceivedMessage | Withdrawn


@dataclass(frozen=True, slots=True)
class Journey:
    """All that an office knows of one case, the oldest event first, and what it holds now."""

    case: str
    office: str
    events: tuple[Event, ...]
    held: tuple[HeldRecord, ...]

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of all rules that withheld, refused, hold or flag something, once each."""
        sent = [each for each in self.events if isinstance(each, SentMessage)]
        told = [
            r for each in sent if each.outcome != "rejected" for r in (*each.rules, *each.flags)
        ]
        return tuple(dict.fromkeys([*told, *(r for each in self.held for r in each.reasons)]))

    def as_json(self, bundle: Bundle) -> dict[str, Any]:
        """Return the journey for scripts."""
        return {
            "case": self.case,
            "office": self.office,
            "events": [_event_as_json(each, bundle) for each in self.events],
            "held": [
                {
                    "publication": each.publication,
                    "problem": each.problem,
                    "since_ms": each.since_ms,
                    "reasons": [rule_as_json(bundle, rule) for rule in each.reasons],
                }
                for each in self.held
            ],
        }


def at_ms(event: Event) -> int:
    """Return when an event happened."""
    return event.created_ms if isinstance(event, SentMessage) else event.at_ms


def _order(event: Event) -> tuple[int, bool]:
    return at_ms(event), not isinstance(event, Withdrawn)  # first the cause, then what it causes


def _event_as_json(event: Event, bundle: Bundle) -> dict[str, Any]:
    if isinstance(event, Withdrawn):
        return {"event": "sharing-consent-withdrawn", "at_ms": event.at_ms}
    if isinstance(event, ReceivedMessage):
        return {"event": "received", "at_ms": event.at_ms, **event.as_json()}
    return {"event": "sent", "at_ms": event.created_ms, **event.as_json(bundle)}


def case_journey(store: Store, office: str, bundle: Bundle, case: str) -> Journey:
    """Return the journey of a case, by the office's own number or by a message's number.

    Raises `ConfigError` for a number that the office does not know.
    """
    cabinet = cabinet_of(store)
    erased = _erased(store, case)
    if erased is not None:
        return Journey(case, office, (erased,), ())
    cases = _find(cabinet, case)
    if not cases:
        message = f"{office} knows no case or message of that number; see `xref desk status`"
        raise ConfigError(message)
    sent = [
        each
        for each in sent_messages(store, office, bundle)
        if cabinet.case_id("sent", bytes.fromhex(each.id)) in cases
    ]
    events: list[Event] = [*sent, *_received(cabinet, cases, sent)]
    withdrawals = [cabinet.get("withdrawal", each) for each in cases]
    events += [Withdrawn(each["at_ms"]) for each in withdrawals if each is not None]
    numbers = {each.case for each in sent} | {case}
    held = [each for each in held_records(store) if each.case in numbers]
    return Journey(case, office, tuple(sorted(events, key=_order)), tuple(held))


def _message_id(number: str) -> bytes | None:
    try:
        return bytes.fromhex(number) if len(number) == _MESSAGE_HEX else None
    except ValueError:
        return None


def _find(cabinet: Cabinet, number: str) -> list[bytes]:
    message = _message_id(number)
    if message is None:
        own = cabinet.find_case(number)
        return [*cabinet.known_as(number), *([own] if own else [])]
    found = cabinet.case_id("inbox", message) or cabinet.case_id("sent", message)
    return [found] if found else []


def _erased(store: Store, number: str) -> ReceivedMessage | None:
    message = _message_id(number)
    found = None if message is None else State(store).get_json("erased", message)
    if found is None:
        return None
    return ReceivedMessage(
        number, found["type"], found["from"], found["erased_ms"], "", (), is_erased=True
    )


def _received(
    cabinet: Cabinet, cases: Sequence[bytes], sent: Sequence[SentMessage]
) -> list[ReceivedMessage]:
    types: Mapping[str, str] = {each.id: each.type for each in sent}
    return [
        ReceivedMessage(
            message.hex(),
            content["type"],
            content["from"],
            content["received_ms"],
            types.get(content["reply_to"] or "", ""),
            tuple(name for name, value in content["values"].items() if value is not None),
        )
        for message, content in cabinet.all("inbox")
        if cabinet.case_id("inbox", message) in cases
    ]
