"""`xref policy explain --message` tells of a message that a desk sent what its hop did, and why."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from unit.journey.played import Played
from unit.overlay.overlays import note, suspended
from world import signed_bundle
from xref import policy_commands
from xref.cli import main
from xref.ports import Store

NRM = "LANRM001"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Played:
    """A world whose NRM is the office that the command opens."""
    played = Played()

    class Office:
        """The desk's records as the command finds them beside a running desk."""

        config = SimpleNamespace(office=NRM)
        bundle = signed_bundle()

        def __init__(self, _: object) -> None:
            """Open nothing more."""

        @contextmanager
        def records(self) -> Iterator[Store]:
            yield played.stores[NRM]

    monkeypatch.setattr(policy_commands, "DeskOffice", Office)
    return played


def explained(message: bytes, code: int, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    """What the command says of a message, as JSON and in words; `code` is how it must end."""
    command = ["policy", "explain", "--message", message.hex()]
    assert main([*command, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert main(command) == code
    return told, " ".join(capsys.readouterr().out.split())


def sent(world: Played, kind: str) -> bytes:
    return next(m for m, story in world.sent(NRM).items() if story["type"] == kind)


def test_message_that_went_with_what_was_withheld_and_by_which_rule(
    world: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    world.hand_in(NRM, "referrals.csv")
    told, words = explained(sent(world, "victim-referral"), 0, capsys)
    assert told["goes"]
    assert "birth_date" in told["disclosed"]
    assert "exploitation_types" in told["withheld"]
    assert f"victim-referral from {NRM} to VNNRM001 goes" in words
    assert "withheld: exploitation_types, by floor/sharing-consent-scope" in words
    assert "[003:" in words


def test_message_that_was_refused_with_every_reason_and_what_to_do(
    world: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    [record] = world.records("la", "referrals.csv")
    facts = {**record.facts, "asylum": "pending", "origin_fear": "authorities"}
    world.publish(NRM, [replace(record, facts=facts)])
    world.settle()
    told, words = explained(sent(world, "victim-referral"), 1, capsys)
    assert not told["goes"]
    assert {"floor/asylum", "floor/origin-fear"} <= {each["rule"] for each in told["explained"]}
    assert "does NOT go" in words
    assert "To do:" in words


def test_reason_of_the_hops_own_is_in_words_too(
    world: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    world.hops["LAHOP001"].use_overlay(note(suspended(NRM)), world.now_ms)
    world.hand_in(NRM, "referrals.csv")
    _, words = explained(sent(world, "victim-referral"), 1, capsys)
    assert "hop/office-suspended: This Party has suspended the office" in words


def test_message_that_no_hop_has_seen_yet(
    world: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    world.publish(NRM, world.records("la", "referrals.csv"))
    _, words = explained(sent(world, "victim-referral"), 0, capsys)
    assert words == "victim-referral: submitted; no rule yet"


def test_number_that_is_no_messages_or_several(
    world: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    world.hand_in(NRM, "referrals.csv")
    assert main(["policy", "explain", "--message", "zz"]) == 1
    assert "0 messages of this desk begin so" in capsys.readouterr().err
