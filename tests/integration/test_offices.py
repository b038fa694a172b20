"""Running offices: what a hop's process can know, what a desk holds, what survives a kill.

The offices are started once. Each test but the first refers people of its own.
"""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.offices import OFFICES, WAIT_SECONDS, Offices, in_memory, running, wait_for
from integration.people import People, Person, table
from xref.demo_setup import Participant
from xref.processes import run_once

# Values of the first person's fields, in Lao and in Latin letters; never codes of the schema.
CANARIES = ("ຫງວຽນ", "ທິ ຕົວຢ່າງ", "THI VI DU", "1999-02-14", "T.V.D.N.", "ຄມ-2026-0001")

# One hop and one desk of each pair; the others by `make crash`, and by the kills at random.
VICTIMS = [
    each
    for each in OFFICES
    if each.folder in ("la-hop", "la-nrm")
    or (os.environ.get("XREF_LONG") == "1" and each.folder != "vn-nrm")
]
PEOPLE, NUMBERS = People(), itertools.count(1)
Messages = list[dict[str, Any]]


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with running(tmp_path_factory.mktemp("offices") / "data") as started:
        yield started


def form_of(offices: Offices, *people: Person) -> Path:
    """Write the form of some people, to be handed in."""
    file = offices.data / "la-nrm" / "forms" / f"{next(NUMBERS)}.csv"
    file.write_bytes(table("referrals.csv", people))
    return file


def refer(offices: Offices, *people: Person) -> None:
    run_once(["desk", "submit", str(form_of(offices, *people)), *config_of(offices)])


def config_of(offices: Offices) -> list[str]:
    return ["--config", offices.config("la-nrm")]


def about(offices: Offices, person: Person) -> Messages:
    """What la-nrm sent of somebody."""
    return [each for each in offices.messages("la-nrm") if each["case"] == person.case]


def held_of(offices: Offices, person: Person) -> list[dict[str, Any]]:
    return [each for each in offices.status("la-nrm")["held"] if each["case"] == person.case]


def outcomes(messages: Messages) -> list[tuple[str, str]]:
    return sorted((each["type"], each["outcome"]) for each in messages)


CROSSED = [("service-referral", "delivered"), ("victim-referral", "delivered")]
HELD = [("service-referral", "refused"), ("victim-referral", "refused")]


def in_folder(folder: Path, text: str) -> list[str]:
    """The files of a folder that hold a text, or are named by it."""
    forms = (text.encode("utf-8"), text.encode("utf-16-le"))
    return [
        file.name
        for file in folder.rglob("*")
        if file.is_file() and (text in file.name or any(f in file.read_bytes() for f in forms))
    ]


def process_of(offices: Offices, folder: str) -> int:
    return offices.processes.process_id(folder)


def test_hop_knows_no_value_of_any_field(offices: Offices) -> None:
    """Neither in its folder nor in its memory, nor do transport and witness."""
    offices.submit_people()
    wait_for(lambda: ("victim-referral", "delivered") in offices.outcomes("la-nrm"))
    wait_for(lambda: any((offices.data / "vn-nrm" / "received").iterdir()))
    for folder in ("la-hop", "vn-hop", "witness"):
        held = [text for text in CANARIES if in_memory(process_of(offices, folder), text)]
        assert held == [], folder
    # That the search finds what is there: a hop knows its peer, this test the people.
    assert in_memory(process_of(offices, "la-hop"), "VNHOP001")
    assert all(in_memory(os.getpid(), text) for text in CANARIES)
    for folder in ("la-hop", "vn-hop", "witness", "transport", "bundle"):
        found = [file for text in CANARIES for file in in_folder(offices.data / folder, text)]
        assert found == [], folder
    # At the desks, plaintext is in the office's own forms alone, never in state or log.
    for folder in ("la-nrm", "vn-nrm"):
        for text in CANARIES:
            files = in_folder(offices.data / folder, text)
            assert not [name for name in files if name.endswith((".sqlite", ".log", "-wal"))]
    assert in_folder(offices.data / "vn-nrm" / "received", "ຫງວຽນ")


def test_held_record_goes_under_a_new_id_when_the_fact_is_known(offices: Offices) -> None:
    person = PEOPLE.invent(held=True)
    refer(offices, PEOPLE.invent(held=False), person)
    wait_for(lambda: outcomes(about(offices, person)) == HELD)
    before = {m["id"] for m in about(offices, person)}
    held = held_of(offices, person)
    assert [[r["rule"] for r in h["reasons"]] for h in held] == [["floor/asylum"]]
    assert held[0]["since_ms"] > 0
    assert not [m for m in offices.messages("vn-nrm") if m["outcome"] != "delivered"]
    run_once(["desk", "fact", person.case, "asylum=no", *config_of(offices)])

    def fresh() -> Messages:
        return [m for m in about(offices, person) if m["id"] not in before]

    wait_for(lambda: outcomes(fresh()) == CROSSED)
    assert not held_of(offices, person)


def test_withdrawn_while_it_was_held(offices: Offices) -> None:
    """A person withdraws of whom nothing is out: a fact that is learned later sends nothing."""
    person = PEOPLE.invent(held=True)
    refer(offices, person)
    wait_for(lambda: len(held_of(offices, person)) == 1)
    before = {m["id"] for m in offices.messages("la-nrm")}
    lao = person.case.translate({ord("0") + n: ord("໐") + n for n in range(10)})
    run_once(["desk", "withdraw", lao, *config_of(offices)])
    wait_for(lambda: offices.status("la-nrm")["waiting_since_ms"] is None)
    run_once(["desk", "fact", person.case, "asylum=no", *config_of(offices)])
    wait_for(
        lambda: (
            {r["rule"] for each in held_of(offices, person) for r in each["reasons"]}
            == {"floor/sharing-consent"}
        )
    )
    fresh = [m for m in offices.messages("la-nrm") if m["id"] not in before]
    assert not [m for m in fresh if m["outcome"] == "delivered"]


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda each: each.folder)
def test_killed_and_started_again_each_message_is_delivered_once(
    offices: Offices, victim: Participant
) -> None:
    os.kill(process_of(offices, victim.folder), signal.SIGKILL)
    offices.processes._running[victim.folder].wait()
    person = PEOPLE.invent(held=False)
    refer(offices, person)
    offices.start(victim)
    wait_for(lambda: outcomes(about(offices, person)) == CROSSED)
    (referral,) = (m["id"] for m in about(offices, person) if m["type"] == "victim-referral")
    wait_for((offices.data / "vn-nrm" / "received" / f"{referral}.json").exists)


def test_second_process_on_one_state_is_refused(offices: Offices) -> None:
    for folder, kind in (("la-hop", "hop"), ("la-nrm", "desk")):
        second = subprocess.run(
            [sys.executable, "-m", "xref", kind, "run", "--config", offices.config(folder)],
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert second.returncode == 1
        assert "another process is using this state" in second.stderr


def test_good_records_of_a_faulty_form_still_go(offices: Offices) -> None:
    person = PEOPLE.invent(held=False)
    sample = form_of(offices, person, PEOPLE.invent(held=True))
    form = sample.read_text("utf-8")
    assert form.count("03/09/1995") == 1
    sample.write_text(form.replace("03/09/1995", "31/02/1995"), "utf-8", newline="")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "xref", "desk", "submit", str(sample), "--json"),
            *config_of(offices),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert '"accepted": 1' in done.stdout
    assert '"line": 3' in done.stdout
    assert "ວັນເດືອນປີເກີດ" in done.stdout
    assert "31/02/1995" not in done.stdout + done.stderr
    wait_for(lambda: outcomes(about(offices, person)) == CROSSED)
