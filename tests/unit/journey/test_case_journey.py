"""What `xref journey` tells from an office's records, and how it looks."""

import io
import json

import pytest
from rich.console import Console

from unit.journey.played import CASE, Played
from world import signed_bundle
from xref.desk.spool import Withdrawal
from xref.errors import ConfigError
from xref.journey import Journey, ReceivedMessage, Withdrawn, at_ms, case_journey
from xref.screen import show_journey


@pytest.fixture(scope="module")
def played() -> Played:
    world = Played()
    world.verify_identity()
    world.refer()
    return world


def told(world: Played, office: str, case: str = CASE) -> Journey:
    return case_journey(world.stores[office], office, signed_bundle(), case)


def test_every_event_of_the_case_in_order_and_of_no_other(played: Played) -> None:
    world = Played()
    world.hand_in("LANRM001", "referrals.csv")
    world.hand_in("LANRM001", "identity-checks.csv", case="ຄມ-2026-0003")
    types = [type(each).__name__ for each in told(world, "LANRM001").events]
    assert types == ["SentMessage", "SentMessage"]
    journey = told(played, "LANRM001")
    assert [at_ms(each) for each in journey.events] == sorted(at_ms(e) for e in journey.events)
    answers = [each.answers for each in journey.events if isinstance(each, ReceivedMessage)]
    assert answers == [
        *("identity-check-asked", "victim-referral", "assurance-asked", "readiness-asked"),
    ]


def test_other_office_knows_the_case_by_its_own_number_or_the_messages(played: Played) -> None:
    by_number = told(played, "VNNRM001", "VD-2026-0001")
    message = played.received("VNNRM001", "victim-referral")
    by_message = told(played, "VNNRM001", message.hex())
    assert all(each in by_number.events for each in by_message.events)
    received = [e.type for e in by_number.events if isinstance(e, ReceivedMessage)]
    assert received == ["victim-referral", "assurance-asked"], "its number links what nothing else"


def test_unknown_number_names_the_cure(played: Played) -> None:
    for number in ("nobody", "0" * 32, "ff" * 15 + "gg"):
        with pytest.raises(ConfigError, match="xref desk status"):
            told(played, "LANRM001", number)


def test_held_record_is_told_with_since_when_and_what_to_do() -> None:
    world = Played()
    world.hand_in("LANRM001", "identity-checks.csv", case="ຄມ-2026-0006")
    journey = told(world, "LANRM001", "ຄມ-2026-0006")
    [held] = journey.held
    assert held.reasons == ("floor/asylum",)
    assert held.since_ms <= world.now_ms
    said = shown(journey, 80)
    assert "held" in said
    assert "Inform the person of the right to seek asylum" in " ".join(said.split())


def test_erased_case_tells_that_it_was_erased_and_no_more() -> None:
    world = Played()
    world.hand_in("LANRM001", "referrals.csv")
    world.hand_in("VNNRM001", "answer.json", answers="victim-referral")
    message = world.received("VNNRM001", "victim-referral")
    world.now_ms += 1000
    world.publish("LANRM001", [Withdrawal(CASE)])
    world.settle()
    [event] = told(world, "VNNRM001", message.hex()).events
    assert isinstance(event, ReceivedMessage)
    assert (event.is_erased, event.fields) == (True, ())
    with pytest.raises(ConfigError):  # its own number for the case went with it
        told(world, "VNNRM001", "VD-2026-0001")
    at_home = told(world, "LANRM001").events
    [withdrawn] = [each for each in at_home if isinstance(each, Withdrawn)]
    caused = at_home[at_home.index(withdrawn) + 1 :]
    assert {e.type for e in caused if not isinstance(e, Withdrawn)} == {"sharing-consent-withdrawn"}


def test_json_holds_every_event_and_no_value(played: Played) -> None:
    journey = told(played, "LANRM001").as_json(signed_bundle())
    text = json.dumps(journey, ensure_ascii=False)
    assert {each["event"] for each in journey["events"]} == {"sent", "received"}
    for value in ("NGUYEN", "ຫງວຽນ", "1999", "THI VI DU"):
        assert value not in text


def shown(journey: Journey, columns: int) -> str:
    out = io.StringIO()
    show_journey(Console(file=out, width=columns, highlight=False), journey, signed_bundle())
    return out.getvalue()


@pytest.mark.parametrize("columns", [80, 140])
def test_story_fits_the_terminal(played: Played, columns: int) -> None:
    lines = shown(told(played, "LANRM001"), columns).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= columns
    assert any("→ VNNRM001  victim-referral  delivered and opened" in line for line in lines)
    assert any("← VNNRM001  referral-response" in line for line in lines)
