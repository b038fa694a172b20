"""Running offices: what a hop's process can know, what a desk holds, what survives a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from integration.offices import OFFICES, Offices, in_memory, running, wait_for
from integration.people import People, table
from xref.demo_cases import LA_NRM
from xref.demo_setup import Participant, place_form
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


def test_hop_knows_no_value_of_any_field(tmp_path: Path) -> None:
    """Neither in its folder nor in its memory, nor do transport and witness."""
    with running(tmp_path / "data") as offices:
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


def test_held_record_goes_under_a_new_id_when_the_fact_is_known(tmp_path: Path) -> None:
    with running(tmp_path / "data") as offices:
        offices.submit_people()
        wait_for(lambda: offices.outcomes("la-nrm").count(("victim-referral", "refused")) == 1)
        before = {m["id"] for m in offices.status("la-nrm")["messages"]}
        held = offices.status("la-nrm")["held"]
        assert [(h["case"], [r["rule"] for r in h["reasons"]]) for h in held] == [
            ("ຄມ-2026-0002", ["floor/asylum"])
        ]
        assert held[0]["since_ms"] > 0
        assert not [m for m in offices.status("vn-nrm")["messages"] if m["outcome"] != "delivered"]
        fact = ["desk", "fact", "ຄມ-2026-0002", "asylum=no"]
        run_once([*fact, "--config", offices.config("la-nrm")])
        wait_for(lambda: offices.outcomes("la-nrm").count(("victim-referral", "delivered")) == 2)
        withdrawn_while_it_was_held(offices)
        messages = offices.status("la-nrm")["messages"]
        fresh = [m for m in messages if m["id"] not in before]
        gone = {m["type"] for m in fresh if m["outcome"] == "delivered"}
        assert gone == {"victim-referral", "service-referral"}
        assert len([m for m in messages if m["outcome"] == "delivered"]) == 4


def withdrawn_while_it_was_held(offices: Offices) -> None:
    """A person withdraws of whom nothing is out: a fact that is learned later sends nothing."""
    config, person = ["--config", offices.config("la-nrm")], People().invent(held=True)
    form = offices.data / "la-nrm" / "forms" / "held.csv"
    form.write_bytes(table("referrals.csv", [person]))
    run_once(["desk", "submit", str(form), *config])
    wait_for(lambda: len(offices.status("la-nrm")["held"]) == 1)
    lao = person.case.translate({ord("0") + n: ord("໐") + n for n in range(10)})
    run_once(["desk", "withdraw", lao, *config])
    wait_for(lambda: offices.status("la-nrm")["waiting_since_ms"] is None)
    run_once(["desk", "fact", person.case, "asylum=no", *config])
    wait_for(
        lambda: (
            {r["rule"] for each in offices.status("la-nrm")["held"] for r in each["reasons"]}
            == {"floor/sharing-consent"}
        )
    )


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda each: each.folder)
def test_killed_and_started_again_each_message_is_delivered_once(
    tmp_path: Path, victim: Participant
) -> None:
    with running(tmp_path / "data") as offices:
        os.kill(process_of(offices, victim.folder), signal.SIGKILL)
        offices.processes._running[victim.folder].wait()
        offices.submit_people()
        offices.start(victim)
        wait_for(lambda: offices.outcomes("la-nrm").count(("victim-referral", "delivered")) == 1)
        wait_for(lambda: offices.outcomes("la-nrm").count(("service-referral", "delivered")) == 1)
        received = offices.data / "vn-nrm" / "received"
        wait_for(lambda: len(list(received.glob("*.json"))) == 1)


def test_second_process_on_one_state_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "data") as offices:
        for folder, kind in (("la-hop", "hop"), ("la-nrm", "desk")):
            second = subprocess.run(
                [sys.executable, "-m", "xref", kind, "run", "--config", offices.config(folder)],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert second.returncode == 1
            assert "another process is using this state" in second.stderr


def test_good_records_of_a_faulty_form_still_go(tmp_path: Path) -> None:
    with running(tmp_path / "data") as offices:
        sample = offices.data / "la-nrm" / "forms" / "people.csv"
        sample.write_bytes(form_with_a_wrong_date(offices.data))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "xref", "desk", "submit", str(sample), "--json"),
                *("--config", offices.config("la-nrm")),
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
        wait_for(lambda: ("victim-referral", "delivered") in offices.outcomes("la-nrm"))


def form_with_a_wrong_date(data: Path) -> bytes:
    form = (
        place_form(data, LA_NRM, "referrals.csv")
        .read_text("utf-8-sig")
        .replace("03/09/1995", "31/02/1995")
    )
    return form.encode("utf-8")
