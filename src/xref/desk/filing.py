"""Filing a received message with its case, and with everything that it will be looked up by."""

from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.desk.duties import note_owed
from xref.desk.erase import note_reference
from xref.desk.onward import note_person
from xref.desk.receive import Opened


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
