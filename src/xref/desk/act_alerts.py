"""Alerts about what was taken back and not erased, and about what the office owes and has not done.

Read from the desk's records, beside `xref.story`'s alerts about answers and held records.
"""

from collections.abc import Mapping
from typing import Any, Final

from xref.bundle import Bundle
from xref.desk.acts import ASYLUM_OPENS
from xref.desk.alerts import Alert, Waiting, not_erased
from xref.desk.cabinet import Cabinet
from xref.desk.duties import due_at
from xref.desk.noting import noted_key
from xref.desk.relay import relayed

SETTLED_BY_ANSWER: Final = ("answer-in-time", "confirm-arrival", "check-welfare", "act-on-signal")


def act_alerts(cabinet: Cabinet, bundle: Bundle, now_ms: int) -> list[Alert]:
    """Return these alerts at `now_ms` (Unix ms); opens what they are about and nothing else."""
    ended = _ended(cabinet)
    withdrawn = [
        (Waiting(message.hex(), case, story, {"case": _case_number(cabinet, story)}), ended[case])
        for message, case in (cabinet.case_ids("sent") if ended else ())
        if case in ended and (story := cabinet.get("sent", message)) and story["record"]
        if ended[case] >= story["created_ms"] and story["consent_ref"]
    ]
    withdrawn += [
        (Waiting(message.hex(), b"", {**row, "outcome": "opened"}, {"case": ""}), at_ms)
        for message, row in relayed(cabinet.state)
        if (at_ms := row["withdrawn_ms"]) and not row["kept_until_ms"]
    ]
    owed = []
    for due_ms, message, name, space in due_at(cabinet.state, now_ms):
        if not _is_done(cabinet, message, name, space):
            content = cabinet.get(space, message)
            # What a court alone has kept is for nobody's use: nothing can be owed for it.
            if content is not None and not content.get("ended_ms"):
                owed.append(_alert(cabinet, due_ms, message, name, content, bundle))
    return [*not_erased(withdrawn, bundle.policy, now_ms), *owed]


def _ended(cabinet: Cabinet) -> dict[bytes, int]:
    """Return the cases of which something was taken back, each with the newest such moment."""
    moments: dict[bytes, int] = {}
    for space in ("withdrawal", "asylum"):
        for case, end in cabinet.all(space):
            if end.get("answer") not in ASYLUM_OPENS:
                moments[case] = max(end["at_ms"], moments.get(case, 0))
    return moments


def _case_number(cabinet: Cabinet, story: Mapping[str, Any]) -> str:
    record = cabinet.get("record", bytes.fromhex(story["record"])) if story["record"] else None
    return str(record["record"]["case"]) if record else ""


def _is_done(cabinet: Cabinet, message: bytes, name: str, space: str) -> bool:
    if cabinet.state.get("noted", noted_key(message, name)) is not None:
        return True
    if name not in SETTLED_BY_ANSWER or space != "inbox":
        return False
    case = cabinet.case_id("inbox", message) or b""
    return any(key.endswith(message) for key, _ in cabinet.state.scan("record", case))


def _alert(
    cabinet: Cabinet,
    due_ms: int,
    message: bytes,
    name: str,
    content: Mapping[str, Any],
    bundle: Bundle,
) -> Alert:
    """Return the alert; only what an office sent is of a case by its own number."""
    to = content.get("from") or content["to"]
    case = _case_number(cabinet, content) if "record" in content else ""
    since_ms = content.get("received_ms") or content["created_ms"]
    explain = bundle.policy.obligations.get(name, "")
    return Alert(name, message.hex(), content["type"], to, case, since_ms, due_ms, explain)
