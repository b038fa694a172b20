"""Withdrawals that go out: one for each reference to each recipient.

A recipient without a sealing key that is good now cannot be told yet: its withdrawal is owed, and
goes in a later turn. Nothing that an office or a received message ends may stop a desk.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from xref.desk.publish import Addressed, Publisher
from xref.errors import RecordError

End: TypeAlias = tuple[str, str, int]
"""To whom it is told, by which reference (hex), and on which shard."""

WITHDRAWALS_OWED: Final = "withdrawal_owed"


def withdrawals(
    publisher: Publisher, ends: Iterable[End], now_ms: int, case: bytes = b""
) -> list[Addressed]:
    """Return the withdrawals that can be sealed now; the others are owed, each for its case."""
    found = []
    for recipient, reference, shard in ends:
        try:
            each = publisher.withdrawal(recipient, bytes.fromhex(reference), shard, now_ms)
        except RecordError:
            row = {"to": recipient, "reference": reference, "shard": shard, "case": case.hex()}
            place = bytes.fromhex(reference) + shard.to_bytes(4) + recipient.encode()
            publisher.cabinet.state.put_json(WITHDRAWALS_OWED, place, row)
        else:
            found.append(each)
    return found


def owed_withdrawals(publisher: Publisher, now_ms: int) -> list[tuple[bytes, Addressed]]:
    """Return what was owed and can be sealed now, each with its case; none for an erased one."""
    state, found = publisher.cabinet.state, []
    for place, _ in state.scan(WITHDRAWALS_OWED):
        row: dict[str, Any] = state.get_json(WITHDRAWALS_OWED, place)
        state.delete(WITHDRAWALS_OWED, place)
        case = bytes.fromhex(row["case"])
        case = case if state.get("case", case) is not None else b""
        end = (row["to"], row["reference"], row["shard"])
        found += [(case, each) for each in withdrawals(publisher, [end], now_ms, case)]
    return found
