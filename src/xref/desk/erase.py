"""Erasing at a desk: the case's key and every row that it sealed, answered message by message.

Without the key nothing of the case can be read, in the file or in a backup of it. What a court has
an office keep is kept sealed and used no more; it is erased when the order ends.
"""

from typing import Any, Final

from xref.answers import RECEIPT, Answer, Item
from xref.desk.cabinet import Cabinet
from xref.desk.duties import forget_owed
from xref.desk.onward import forget_person
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
    state: State, cabinet: Cabinet, messages: list[bytes], now_ms: int
) -> list[tuple[int, Answer]]:
    """Erase the cases of received messages; return the answer for each message that is gone.

    Each answer goes on the shard that its message came on. A message that a court has this office
    keep is answered so, and the rest of its case is erased.
    """
    answers: list[tuple[int, Answer]] = []
    for case in {cabinet.case_id("inbox", message): None for message in messages}:
        if case is None:
            continue
        own = _is_own(state, case)
        # What another office sent into a case of one's own goes alone: it ends nothing else.
        gone = [key for key, of in cabinet.case_ids("inbox") if of == case]
        gone = [key for key in gone if not own or key in messages]
        remember_relayed(cabinet, case, gone)
        for message in gone:
            content = cabinet.get("inbox", message)
            if content is not None:
                answers.append(_end(state, cabinet, message, content, now_ms))
        if not own:
            _forget(state, cabinet, case)
    return answers


def erase_due(state: State, cabinet: Cabinet, now_ms: int) -> list[tuple[int, Answer]]:
    """Erase the received messages whose time of keeping is over, some at once; answer each."""
    answers = []
    past = (now_ms + 1).to_bytes(_TIME_BYTES)
    for key, _ in state.scan("inbox_due", stop=past, limit=ERASED_AT_ONCE_MAX):
        state.delete("inbox_due", key)
        message = key[_TIME_BYTES:]
        content, case = cabinet.get("inbox", message), cabinet.case_id("inbox", message)
        if content is None or case is None:
            continue
        remember_relayed(cabinet, case, [message])
        answers.append(_end(state, cabinet, message, content, now_ms))
        is_last = all(cabinet.case_id("inbox", key) != case for key, _ in state.scan("inbox"))
        if is_last and not _is_own(state, case):
            _forget(state, cabinet, case)
    return answers


def _is_own(state: State, case: bytes) -> bool:
    return any(value == case for _, value in state.scan("case_index"))


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
        forget_owed(state, message)
        state.delete("inbox", message)
        state.delete("hold", message)
        item = Item("ERASED", message)
    return content.get("shard", 0), Answer(content["from"], RECEIPT, item)


def _forget(state: State, cabinet: Cabinet, case: bytes) -> None:
    """Erase a case, but for what a court has this office keep of it, which nothing leads to."""
    held = [key for key, _ in state.scan("hold") if cabinet.case_id("hold", key) == case]
    for space in _SEALED:
        for key, _ in state.scan(space):
            kept = held and space in _KEPT_UNDER_AN_ORDER
            if cabinet.case_id(space, key) == case and not kept:
                state.delete(space, key)
    for space in ("thread_case", "case_known_as"):
        for key, value in state.scan(space):
            if value == case:
                state.delete(space, key)
    if not held:
        state.delete("case", case)
