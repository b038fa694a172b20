"""What a case worker reads of her own office: local times, what waits, her own words for fields."""

import io
import time
from dataclasses import replace
from typing import cast

import pytest
from rich.console import Console

from xref.bundle import Bundle
from xref.desk.alerts import ALARMING, HELD, KEPT, NO_ANSWER, NOT_ERASED, Alert
from xref.desk.spool import Spool, Withdrawal
from xref.desk.story import _FINAL, _RANK
from xref.drivers.memory import MemoryStore
from xref.screen import show_alerts, show_status
from xref.story import SentMessage

AT_MS = 1_795_718_760_000  # 2026-11-26 18:46 UTC
MESSAGE = SentMessage(
    id="00",
    type="victim-referral",
    sender="LANRM001",
    recipient="VNNRM001",
    case="1",
    created_ms=AT_MS,
    outcome="opened",
    fault="",
    disclosed=("sex",),
    withheld={"exploitation_types": (), "needs": ()},
    reasons=(),
    rules=(),
    receipts=(),
)


def shown(messages: list[SentMessage], waiting_since_ms: int | None) -> str:
    """Return what `xref desk status` prints of these."""
    out = io.StringIO()
    own = {"exploitation_types": "ຮູບແບບການຂູດຮີດ"}
    console = Console(file=out, width=100, highlight=False)
    # No rule is named and nothing is flagged, so that the bundle is not asked.
    show_status(console, messages, [], cast("Bundle", None), own, waiting_since_ms)
    return out.getvalue()


def test_times_are_of_this_machine_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person compares them with the clock on the wall; the offset keeps them exact."""
    for zone, says in (
        ("<+07>-7", "2026-11-27 01:46 UTC+07:00"),
        ("UTC", "2026-11-26 18:46 UTC\x20"),
    ):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert says in shown([MESSAGE], None)
    monkeypatch.undo()
    time.tzset()


def test_withheld_fields_bear_the_office_s_own_words() -> None:
    """The field's name as the rules have it, and what the office's form calls it."""
    assert "exploitation_types (ຮູບແບບການຂູດຮີດ), needs" in shown([MESSAGE], None)


def test_what_no_desk_has_taken_is_not_forgotten() -> None:
    """Handed in is not sent: until the desk runs, the status says since when it waits."""
    spool = Spool(MemoryStore(), bytes(32), bytes)
    assert spool.waiting_since_ms() is None
    assert "Nothing was sent yet" in shown([], None)
    spool.put([Withdrawal("1")], AT_MS + 5)
    spool.put([Withdrawal("2")], AT_MS)
    assert spool.waiting_since_ms() == AT_MS
    waits = shown([], AT_MS)
    assert "not taken by the desk yet" in waits
    assert "xref desk run" in waits
    assert "Nothing was sent yet" not in waits


@pytest.mark.parametrize(
    ("kind", "to", "case", "said"),
    [
        (NO_ANSWER, "VNSVC001", "1", ["departure: no answer by VNSVC001", "case", "sent"]),
        (ALARMING, "VNSVC001", "1", ["departure: alarm by VNSVC001", "case", "answered"]),
        (HELD, "", "1", ["departure: held too long", "case", "held"]),
        (NOT_ERASED, "VNBOR001", "", ["not erased by VNBOR001", "message  00ff", "withdrawn"]),
        (KEPT, "VNBOR001", "1", ["kept by order at VNBOR001", "case", "answered"]),
        ("review-need", "LANRM001", "", ["review-need, with LANRM001", "message  00ff", "since"]),
        ("notify-person", "LANRM001", "1", ["notify-person, with", "case", "message  00ff"]),
    ],
)
def test_an_alert_says_what_is_missing_and_about_what(
    kind: str, to: str, case: str, said: list[str]
) -> None:
    out = io.StringIO()
    alert = Alert(kind, "00ff", "departure", to, case, AT_MS, AT_MS, "Call them.")
    show_alerts(Console(file=out, width=100, highlight=False), [alert])
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    text = "\n".join(lines)
    assert [each for each in said if " ".join(each.split()) not in text] == []
    assert "Call them." in text


@pytest.mark.parametrize("until_ms", [2**63 - 1, -(2**63), 253_402_300_800_000])
def test_an_order_beyond_the_calendar_hides_no_alert(until_ms: int) -> None:
    """Until when it keeps something is the recipient's word, in its receipt."""
    out = io.StringIO()
    alert = Alert(KEPT, "00ff", "departure", "VNBOR001", "1", AT_MS, until_ms, "Tell the person.")
    show_alerts(Console(file=out, width=100, highlight=False), [alert])
    assert "Tell the person." in out.getvalue()


@pytest.mark.parametrize("outcome", sorted({*_RANK, *_FINAL}))
def test_every_outcome_that_a_desk_notes_has_words(outcome: str) -> None:
    assert f"{MESSAGE.sender} → {MESSAGE.recipient}" in shown(
        [replace(MESSAGE, outcome=outcome)], None
    )
