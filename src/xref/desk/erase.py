"""Erasing at a desk: the case's key and every row that it sealed, answered message by message.

Without the key nothing of the case can be read, in the file or in a backup of it. What a court has
an office keep is kept sealed and used no more; it is erased when the order ends.
"""

from collections.abc import Collection
from typing import Any, Final

from xref.answers import RECEIPT, STOPS, Answer, Item
from xref.desk.cabinet import Cabinet
from xref.desk.duties import forget_owed
from xref.desk.onward import forget_person
from xref.desk.receive import Opened
from xref.desk.relay import remember_relayed
from xref.limits import ERASED_AT_ONCE_MAX
from xref.policy import KEPT_BY_ORDER
from xref.state import State
from xref.wire.header import Header

_SEALED: Final = ("record", "sent", "inbox", "withdrawal", "asylum", "hold", "noted")
_KEPT_UNDER_AN_ORDER: Final = ("inbox", "hold", "noted")
_TIME_BYTES: Final = 8


def note_reference(state: State, header: Header, erase_by_ms: int) -> None:
    """Remember a received message by its sharing consent's reference and its time of erasure."""
    if any(header.consent_ref):
        state.put("inbox_ref", header.consent_ref + header.message, b"")
    note_due(state, header.message, erase_by_ms)


def note_due(state: State, message: bytes, at_ms: int) -> None:
    """Remember when a received message is to be erased; of several times the first counts."""
    state.put("inbox_due", at_ms.to_bytes(_TIME_BYTES) + message, b"")


def is_withdrawn(state: State, header: Header) -> bool:
    """Return whether the sender has withdrawn the reference that a message came under."""
    named = any(header.consent_ref)
    return named and state.get("withdrawn", header.taken_reference) is not None


def concerned(state: State, cabinet: Cabinet, withdrawal: Header) -> list[bytes]:
    """Remember a withdrawal; return the received messages that it ends, erased here or not."""
    state.put("withdrawn", withdrawal.taken_reference, b"")
    found = [key[16:] for key, _ in state.scan("inbox_ref", withdrawal.consent_ref)]
    return [each for each in found if _sender(cabinet, each) == withdrawal.sender]


def _sender(cabinet: Cabinet, message: bytes) -> str:
    known = cabinet.get("inbox", message) or cabinet.state.get_json("erased", message)
    return str(known["from"]) if known else ""


def erase(
    state: State, cabinet: Cabinet, messages: Collection[bytes], now_ms: int
) -> list[tuple[int, Answer]]:
    """Erase the cases of received messages; return the answer for each message that is gone.

    Each answer goes on the shard that its message came on. A message that a court has this office
    keep is answered so, and the rest of its case is erased.
    """
    cases = {case for each in messages if (case := cabinet.case_id("inbox", each)) is not None}
    if not cases:
        return []
    own = _own_cases(state)
    # What another office sent into a case of one's own goes alone: it ends nothing else.
    gone = [
        key
        for key, case in cabinet.case_ids("inbox")
        if case in cases and (case not in own or key in messages)
    ]
    answers = _end_all(state, cabinet, gone, now_ms)
    _forget(state, cabinet, cases - own)
    return answers


def erase_due(state: State, cabinet: Cabinet, now_ms: int) -> list[tuple[int, Answer]]:
    """Erase the received messages whose time of keeping is over, some at once; answer each.

    However many they are, what the desk holds is looked through once.
    """
    past = (now_ms + 1).to_bytes(_TIME_BYTES)
    due = [key for key, _ in state.scan("inbox_due", stop=past, limit=ERASED_AT_ONCE_MAX)]
    if not due:
        return []
    for key in due:
        state.delete("inbox_due", key)
    return _end_alone(state, cabinet, dict.fromkeys(key[_TIME_BYTES:] for key in due), now_ms)


def end_stopped(
    state: State, cabinet: Cabinet, receipt: Opened, own_hop: str, now_ms: int
) -> list[tuple[int, Answer]]:
    """Erase what the own hop stopped before the office was handed it; answer each.

    So much a hop can do to whatever passes it. What the office has, its sender's withdrawal ends.
    """
    items = receipt.values.get("items")
    if receipt.header.sender != own_hop or not isinstance(items, list):
        return []
    gone = [
        item["message"]
        for item in items
        if item["outcome"] == "REJECTED"
        and item["fault"] in STOPS
        and state.get("handoff", item["message"]) is not None
    ]
    return _end_alone(state, cabinet, gone, now_ms) if gone else []


def _end_alone(
    state: State, cabinet: Cabinet, messages: Collection[bytes], now_ms: int
) -> list[tuple[int, Answer]]:
    """End received messages, and those of their cases of which nothing else is held."""
    cases = {case for each in messages if (case := cabinet.case_id("inbox", each)) is not None}
    answers = _end_all(state, cabinet, messages, now_ms)
    left = {case for _, case in cabinet.case_ids("inbox")}
    _forget(state, cabinet, cases - left - _own_cases(state))
    return answers


def _own_cases(state: State) -> set[bytes]:
    return {case for _, case in state.scan("case_index")}


def _end_all(
    state: State, cabinet: Cabinet, messages: Collection[bytes], now_ms: int
) -> list[tuple[int, Answer]]:
    """End the use of received messages, after a look at what went on from here because of them."""
    remember_relayed(cabinet, messages)
    found = ((message, cabinet.get("inbox", message)) for message in messages)
    answers = [_end(state, cabinet, message, held, now_ms) for message, held in found if held]
    forget_owed(state, {each for each in messages if state.get("inbox", each) is None})
    return answers


def _end(
    state: State, cabinet: Cabinet, message: bytes, content: dict[str, Any], now_ms: int
) -> tuple[int, Answer]:
    """End the use of a received message: erase it, or seal it away while a court has it kept."""
    case, hold = cabinet.case_id("inbox", message), cabinet.get("hold", message)
    state.put("removal", message, b"")
    state.delete("handoff", message)
    if case is not None and hold is not None and hold["until_ms"] > now_ms:
        cabinet.put("inbox", message, case, {**content, "ended_ms": now_ms})
        note_due(state, message, hold["until_ms"])
        item = Item("KEPT", message, KEPT_BY_ORDER, until_ms=hold["until_ms"])
    else:
        tombstone = {"type": content["type"], "from": content["from"], "erased_ms": now_ms}
        state.put_json("erased", message, tombstone)
        forget_person(cabinet, message, content["values"])
        state.delete("inbox", message)
        state.delete("hold", message)
        item = Item("ERASED", message)
    return content.get("shard", 0), Answer(content["from"], RECEIPT, item)


def _forget(state: State, cabinet: Cabinet, cases: Collection[bytes]) -> None:
    """Erase cases, but for what a court has this office keep of them, which nothing leads to."""
    if not cases:
        return
    held = {case for _, case in cabinet.case_ids("hold")}
    for space in _SEALED:
        for key, case in cabinet.case_ids(space):
            kept = case in held and space in _KEPT_UNDER_AN_ORDER
            if case in cases and not kept:
                state.delete(space, key)
    for space in ("thread_case", "case_known_as"):
        for key, case in state.scan(space):
            if case in cases:
                state.delete(space, key)
    for case in cases:
        if case not in held:
            state.delete("case", case)
