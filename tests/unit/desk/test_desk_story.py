"""What becomes of a sent message's story, whatever receipts come in whatever order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from world import NOW_MS, signed_bundle
from xref.desk.receive import Opened
from xref.desk.story import _apply, may_say
from xref.wire.header import NO_ID, Header

OWN_HOP, THEIR_HOP, TO = "LAHOP001", "VNHOP001", "VNNRM001"
OUTCOMES = ["REJECTED", "REFUSED", "FORWARDED", "DELIVERED", "OPENED", "ERASED", "KEPT", "NOTED"]
MAY_SAY = {
    ("decision", OWN_HOP): {"REJECTED", "REFUSED", "FORWARDED"},
    ("receipt", OWN_HOP): {"REJECTED", "REFUSED", "DELIVERED"},
    ("receipt", THEIR_HOP): {"REJECTED", "REFUSED", "DELIVERED"},
    ("receipt", TO): {"REJECTED", "OPENED", "ERASED", "KEPT"},
}


def opened(flow: str, sender: str) -> Opened:
    header = Header(
        message=b"m" * 16,
        thread=b"t" * 16,
        reply_to=NO_ID,
        flow=1,
        sender=sender,
        recipient="LANRM001",
        schema=bytes(32),
        bundle=bytes(32),
        consent_ref=NO_ID,
        created_ms=NOW_MS,
        expires_ms=NOW_MS + 1,
        desk_key=bytes(8),
        seal_key=bytes(8),
    )
    policy = signed_bundle().policy
    named = policy.flow_named(flow)
    return Opened(header, named, {}, NOW_MS, policy.schema_for(named))


def item(outcome: str, fault: str = "") -> dict[str, Any]:
    return {
        "outcome": outcome,
        "fault": fault,
        "disclosed": [],
        "withheld": [],
        "reasons": [],
        "link": "",
        "index": 0,
    }


def story() -> dict[str, Any]:
    return {"outcome": "submitted", "fault": "", "receipts": [], "disclosed": ["sex"]}


@pytest.mark.parametrize("reporter", [OWN_HOP, THEIR_HOP, TO, "VNSVC001", "LANRM001"])
@pytest.mark.parametrize("flow", ["receipt", "decision"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_who_can_know_itmay_say_it(flow: str, reporter: str, outcome: str) -> None:
    allowed = outcome in MAY_SAY.get((flow, reporter), set())
    assert may_say(outcome, opened(flow, reporter), TO, signed_bundle(), OWN_HOP) == allowed


SAID = st.lists(
    st.sampled_from(
        [
            (outcome, reporter, flow == "decision")
            for (flow, reporter), outcomes in MAY_SAY.items()
            for outcome in sorted(outcomes)
        ]
    ),
    max_size=14,
)


@given(SAID)
def test_once_opened_by_its_recipient_nothing_unsays_it(said: list[tuple[str, str, bool]]) -> None:
    kept = story()
    for outcome, reporter, is_decision in said:
        _apply(kept, item(outcome, "a-fault"), reporter, NOW_MS, is_decision=is_decision)
    words = {outcome for outcome, _, _ in said}
    if "ERASED" in words:
        assert kept["outcome"] == "erased"
    elif "KEPT" in words:
        assert (kept["outcome"], kept["fault"]) == ("kept", "")
    elif "OPENED" in words:
        assert (kept["outcome"], kept["fault"]) == ("opened", "")
    elif words & {"REJECTED", "REFUSED"}:
        assert kept["outcome"] in ("rejected", "refused")
    else:
        assert kept["outcome"] in ("submitted", "forwarded", "delivered")
    assert len(kept["receipts"]) == len({(outcome, reporter) for outcome, reporter, _ in said})


def test_rejection_on_the_way_keeps_what_was_disclosed() -> None:
    kept = story()
    _apply(kept, item("REJECTED", "rejected-on-the-way"), OWN_HOP, NOW_MS, is_decision=True)
    assert (kept["outcome"], kept["disclosed"]) == ("rejected", ["sex"])
