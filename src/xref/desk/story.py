"""What became of a sent message, from the receipts that may say so."""

from typing import Any

from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.desk.receive import Opened
from xref.wire.office import party_of

_RANK = {"submitted": 0, "forwarded": 1, "delivered": 2, "opened": 3, "kept": 4, "erased": 5}
_FINAL = ("refused", "rejected")
OPENED = ("opened", "kept", "erased")
"""What only the recipient can say."""
GONE = ("refused", "rejected", "erased")
"""After these the recipient holds nothing."""


def note_receipt(
    cabinet: Cabinet, opened: Opened, bundle: Bundle, own_hop: str, now_ms: int
) -> int:
    """Add a receipt's items to the messages they name; return how many counted.

    An item counts only from an office that can know it: the own hop, the recipient's hop, or the
    recipient. What does not count is left out and changes nothing.
    """
    found = opened.values.get("items")
    items = found if isinstance(found, list) else []
    cabinet.expect("sent", [item["message"] for item in items])
    counted = 0
    for item in items:
        message = item["message"]
        story = cabinet.get("sent", message)
        case = cabinet.case_id("sent", message)
        if story is None or case is None:
            continue
        if not may_say(item["outcome"], opened, story["to"], bundle, own_hop):
            continue
        _apply(
            story, item, opened.header.sender, now_ms, is_decision=opened.flow.nature == "decision"
        )
        cabinet.put("sent", message, case, story)
        counted += 1
    return counted


def may_say(outcome: str, opened: Opened, to: str, bundle: Bundle, own_hop: str) -> bool:
    """Return whether the sender of a receipt can know this of a message that went to `to`."""
    reporter = opened.header.sender
    recipient = bundle.directory.find(to)
    if opened.flow.nature == "decision":
        return reporter == own_hop and outcome in ("FORWARDED", "REFUSED", "REJECTED")
    if outcome in ("OPENED", "KEPT", "ERASED"):
        return reporter == to
    hops = {own_hop, recipient.hop if recipient else own_hop}
    if outcome in ("DELIVERED", "REFUSED"):
        return reporter in hops
    return outcome == "REJECTED" and reporter in hops | {to}


def _apply(
    story: dict[str, Any], item: dict[str, Any], reporter: str, now_ms: int, *, is_decision: bool
) -> None:
    outcome = item["outcome"].lower()
    receipt = {"outcome": outcome, "from": reporter, "party": party_of(reporter), "at_ms": now_ms}
    if item["fault"]:
        receipt["fault"] = item["fault"]
    if item.get("until_ms"):  # a decision has none
        receipt["until_ms"] = item["until_ms"]
    if any(
        all(receipt[k] == known.get(k) for k in ("outcome", "from")) for known in story["receipts"]
    ):
        return  # said before: a repetition changes nothing and takes no room
    story["receipts"].append(receipt)
    if is_decision and outcome != "rejected":
        story["disclosed"] = list(item["disclosed"])
        story["withheld"] = [dict(each) for each in item["withheld"]]
        story["reasons"] = list(item["reasons"])
        story["link"], story["index"] = item["link"], item["index"]
    known = story["outcome"]
    if outcome in OPENED:
        # Only the recipient can say so: no hop's word stands against it, before or after.
        if _RANK.get(known, 0) < _RANK[outcome]:
            story["outcome"], story["fault"] = outcome, ""
    elif outcome in _FINAL:
        if known not in OPENED:
            story["outcome"], story["fault"] = outcome, item["fault"]
    elif known not in _FINAL and _RANK[outcome] > _RANK[known]:
        story["outcome"] = outcome
