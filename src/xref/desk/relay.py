"""Relaying: an office says that something is erased once all whom it passed it on to have said so.

What an office sent because of a received message outlives that message here. The first office knows
none of those recipients, so its withdrawal goes on from here, and the answer that it waits for is
given when theirs have come: it learns that everything is gone, and not who had it. What is kept
until then are ids, offices, kinds of message and moments, as the case itself is erased.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from xref.answers import RECEIPT, Answer, Item
from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.desk.publish import Addressed, Publisher
from xref.desk.receive import Opened
from xref.desk.story import GONE, OPENED, may_say
from xref.desk.withdrawing import End, withdrawals
from xref.policy import KEPT_BY_ORDER
from xref.state import State

_RELAYED: Final = "relayed"
_OWED: Final = "relay_owed"


def is_held_elsewhere(story: Mapping[str, Any]) -> bool:
    """Return whether a sent message's recipient may hold it, so that it has to be taken back."""
    return bool(story["consent_ref"]) and story["outcome"] not in GONE


def remember_relayed(cabinet: Cabinet, received: Collection[bytes]) -> None:
    """Remember what went on from here because of received messages, before their cases are erased.

    What was sent is looked through once, and only that of their cases opened.
    """
    causes = {message.hex() for message in received}
    cases = {cabinet.case_id("inbox", message) for message in received}
    known = {message for message, _ in cabinet.state.scan(_RELAYED)}
    for message, case in cabinet.case_ids("sent"):
        is_new = case in cases and message not in known
        story = cabinet.get("sent", message) if is_new else None
        if story and story["cause"] in causes and is_held_elsewhere(story):
            row = {
                "cause": story["cause"],
                "type": story["type"],
                "to": story["to"],
                "reference": story["consent_ref"],
                "shard": story.get("shard", 0),
                "opened": story["outcome"] in OPENED,
                "withdrawn_ms": 0,
                "kept_until_ms": 0,
            }
            cabinet.state.put_json(_RELAYED, message, row)


def withdraw_relayed(
    state: State, ended: Collection[bytes], publisher: Publisher, now_ms: int
) -> list[Addressed]:
    """Return a withdrawal for each recipient of what went on because of these received messages."""
    ends: dict[End, None] = {}
    for message, row in relayed(state):
        if bytes.fromhex(row["cause"]) in ended and not row["withdrawn_ms"]:
            state.put_json(_RELAYED, message, {**row, "withdrawn_ms": now_ms})
            ends[row["to"], row["reference"], row["shard"]] = None
    return withdrawals(publisher, ends, now_ms)


def hold_back(state: State, answers: Sequence[tuple[int, Answer]]) -> list[tuple[int, Answer]]:
    """Return the answers, less each `ERASED` of what others have from here: it is owed until then.

    Each answer comes and goes with the shard on which it is given.
    """
    erased = [each for _, each in answers if _is_erasure(each)]
    causes = {row["cause"] for _, row in relayed(state)} if erased else ()
    given = []
    for shard, answer in answers:
        if _is_erasure(answer) and answer.item.message.hex() in causes:
            owed = {"to": answer.receiver, "shard": shard, "kept": False}
            state.put_json(_OWED, answer.item.message, owed)
        else:
            given.append((shard, answer))
    return given


def _is_erasure(answer: Answer) -> bool:
    return isinstance(answer.item, Item) and answer.item.outcome == "ERASED"


def note_relayed(
    state: State, receipt: Opened, bundle: Bundle, own_hop: str
) -> list[tuple[int, Answer]]:
    """Take what a receipt says of relayed messages; return the owed answers that it settles."""
    if not state.scan(_RELAYED, limit=1):
        return []
    found = receipt.values.get("items")
    settled: dict[str, None] = {}
    for item in found if isinstance(found, list) else []:
        row: dict[str, Any] | None = state.get_json(_RELAYED, item["message"])
        if row is None or not may_say(item["outcome"], receipt, row["to"], bundle, own_hop):
            continue
        settled[row["cause"]] = None
        match item["outcome"]:
            case "ERASED":
                state.delete(_RELAYED, item["message"])
            case "REFUSED" | "REJECTED" if not row["opened"]:
                state.delete(_RELAYED, item["message"])
            case "OPENED":
                state.put_json(_RELAYED, item["message"], {**row, "opened": True})
            case "KEPT":
                kept = {**row, "opened": True, "kept_until_ms": item["until_ms"]}
                state.put_json(_RELAYED, item["message"], kept)
    answers = [_owed_answer(state, bytes.fromhex(cause)) for cause in settled]
    return [answer for answer in answers if answer is not None]


def relayed(state: State) -> list[tuple[bytes, dict[str, Any]]]:
    """Return what went on from here, is not known to be gone, and whose case is erased here."""
    return [(message, state.get_json(_RELAYED, message)) for message, _ in state.scan(_RELAYED)]


def _owed_answer(state: State, received: bytes) -> tuple[int, Answer] | None:
    """Return what can be said of a received message now: all erased, or all left kept by order."""
    owed: dict[str, Any] | None = state.get_json(_OWED, received)
    if owed is None:
        return None
    until_ms = [row["kept_until_ms"] for _, row in relayed(state) if row["cause"] == received.hex()]
    if not until_ms:
        state.delete(_OWED, received)
        item = Item("ERASED", received)
    elif all(until_ms) and not owed["kept"]:
        state.put_json(_OWED, received, {**owed, "kept": True})
        item = Item("KEPT", received, KEPT_BY_ORDER, until_ms=max(until_ms))
    else:
        return None
    return owed["shard"], Answer(owed["to"], RECEIPT, item)
