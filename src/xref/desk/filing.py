"""Filing a received message with its case, and with everything that it will be looked up by."""

from xref.answers import Item
from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.desk.duties import note_owed
from xref.desk.erase import is_withdrawn, note_reference
from xref.desk.onward import note_person
from xref.desk.receive import Opened


def answer_instead(cabinet: Cabinet, opened: Opened) -> Item | None:
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


def file_received(
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
