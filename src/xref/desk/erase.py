"""Erasing at a desk: the case's key and every row that it sealed, answered message by message.

Without the key nothing of the case can be read, in the file or in a backup of it.
"""

from typing import Any

from xref.answers import RECEIPT, Answer, Item
from xref.desk.cabinet import Cabinet
from xref.state import State
from xref.wire.header import Header

_SEALED = ("record", "sent", "inbox", "withdrawal")


def note_reference(state: State, header: Header) -> None:
    """Remember that a received message came under a sharing consent's reference."""
    if any(header.consent_ref):
        state.put("inbox_ref", header.consent_ref + header.message, b"")


def is_withdrawn(state: State, header: Header) -> bool:
    """Return whether the sender has withdrawn the reference that a message came under."""
    withdrawn = state.get("withdrawn", header.consent_ref) if any(header.consent_ref) else None
    return withdrawn == header.sender.encode()


def concerned(state: State, cabinet: Cabinet, withdrawal: Header) -> list[bytes]:
    """Remember a withdrawal; return the received messages that it ends."""
    state.put("withdrawn", withdrawal.consent_ref, withdrawal.sender.encode())
    found = [key[16:] for key, _ in state.scan("inbox_ref", withdrawal.consent_ref)]
    return [each for each in found if _sender(cabinet, each) == withdrawal.sender]


def _sender(cabinet: Cabinet, message: bytes) -> str:
    content: dict[str, Any] | None = cabinet.get("inbox", message)
    return str(content["from"]) if content else ""


def erase(
    state: State, cabinet: Cabinet, messages: list[bytes], now_ms: int
) -> list[tuple[int, Answer]]:
    """Erase the cases of received messages; return the answer for each message that is gone.

    Each answer goes on the shard that its message came on.
    """
    answers: list[tuple[int, Answer]] = []
    for case in {cabinet.case_id("inbox", message): None for message in messages}:
        if case is None:
            continue
        own = any(value == case for _, value in state.scan("case_index"))
        for message, content in cabinet.all("inbox"):
            # What another office sent into a case of one's own goes alone: it ends nothing else.
            gone = message in messages if own else cabinet.case_id("inbox", message) == case
            if gone:
                state.put_json("erased", message, _tombstone(content, now_ms))
                state.put("removal", message, b"")
                state.delete("handoff", message)
                state.delete("inbox", message)
                item = Item("ERASED", message)
                answer = Answer(content["from"], RECEIPT, item)
                answers.append((content.get("shard", 0), answer))
        if not own:
            _forget(state, cabinet, case)
    return answers


def _tombstone(content: dict[str, Any], now_ms: int) -> dict[str, Any]:
    return {"type": content["type"], "from": content["from"], "erased_ms": now_ms}


def _forget(state: State, cabinet: Cabinet, case: bytes) -> None:
    for space in _SEALED:
        for key, _ in state.scan(space):
            if cabinet.case_id(space, key) == case:
                state.delete(space, key)
    for space in ("thread_case", "case_known_as"):
        for key, value in state.scan(space):
            if value == case:
                state.delete(space, key)
    state.delete("case", case)
