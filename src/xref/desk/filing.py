"""Filing a received message with its case, and with everything that it will be looked up by."""

from xref.answers import Item
from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.desk.duties import note_owed
from xref.desk.erase import is_withdrawn, note_reference
from xref.desk.onward import note_person
from xref.desk.receive import Opened


def _answer_instead(cabinet: Cabinet, opened: Opened) -> Item | None:
    """Return what is said of a message that is not to be filed; None for one that is."""
    header, state = opened.header, cabinet.state
    if is_withdrawn(state, header):
        return Item("ERASED", header.message)
    if any(state.get(space, header.message) is not None for space in ("inbox", "erased")):
        return Item("REJECTED", header.message, fault="duplicate")
    asked = cabinet.get("sent", header.reply_to)
    if opened.flow.nature == "answer" and (asked is None or asked["to"] != header.sender):
        return Item("REJECTED", header.message, fault="wrong-reply")
    return None


def take_content(cabinet: Cabinet, opened: Opened, shard: int, bundle: Bundle, now_ms: int) -> Item:
    """File what was opened, an answer with what it answers; return what its sender is told."""
    header = opened.header
    instead = _answer_instead(cabinet, opened)
    if instead is not None:
        return instead
    replied = cabinet.case_id("sent", header.reply_to)
    if replied and opened.flow.nature == "answer":
        asked = cabinet.get("sent", header.reply_to)
        answered = {"by": opened.flow.name, "at_ms": now_ms, "said": opened.outcomes}
        cabinet.put("sent", header.reply_to, replied, {**asked, "answered": answered})
    case = replied or cabinet.case_for_thread(header.own_thread, bundle.directory.shards)
    _file(cabinet, opened, case, shard, bundle, now_ms)
    return Item("OPENED", header.message)


def _file(
    cabinet: Cabinet, opened: Opened, case: bytes, shard: int, bundle: Bundle, now_ms: int
) -> None:
    """Keep it until its time of erasure, for handing over and to see what is owed for it."""
    header, state = opened.header, cabinet.state
    content = opened.as_record(shard, now_ms)
    cabinet.put("inbox", header.message, case, content)
    state.put("handoff", header.message, b"")
    note_reference(state, header, opened.erase_by_ms)
    note_person(cabinet, header.message, opened.values)
    note_owed(state, header.message, "inbox", content, bundle, header.recipient)
