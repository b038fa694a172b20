"""Processes killed at random and at chosen moments; copies of a hop; restored backups."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from integration.kill_run import kill_run
from integration.offices import OFFICES, WAIT_SECONDS, Offices, running, wait_for
from xref.audit_folders import at_rest, audit_folders
from xref.demo_setup import Participant
from xref.trail import read_openings
from xref.wiring import open_state

LA_HOP, VN_HOP, LA_NRM, VN_NRM, VN_SERVICE = OFFICES
KILLS = 8
EVIDENCE = 3

# Runs an office, and kills it at the first commit that puts (or removes) something in a space.
KILLER = """
import os, signal, sys
from xref.cli import main
from xref.trail import read_openings
from xref.drivers.sqlite_store import SqliteStore

space, puts, moment, *arguments = sys.argv[1:]
commit = SqliteStore.commit

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def committing(store, writes):
    here = any(w.space == space and (w.value is not None) == (puts == "put") for w in writes)
    if here and moment == "before":
        kill()
    commit(store, writes)
    if here:
        kill()

SqliteStore.commit = committing
sys.exit(main(arguments))
"""


def test_random_kills(tmp_path: Path) -> None:
    """A short `make crash`."""
    with kill_run(tmp_path / "data", seed=4) as run:
        done = run.run(KILLS, limit_seconds=1800)
    assert done.kills >= KILLS
    assert done.delivered > done.people > 0
    assert done.searched > 0


def stop(offices: Offices, each: Participant) -> None:
    """Ask a participant to end."""
    process = offices.processes._running[each.folder]
    process.terminate()
    assert process.wait(WAIT_SECONDS) == 0


def wait_ended(offices: Offices, name: str) -> int:
    """Wait until a process ends by itself; returns its exit code."""
    process = offices.processes._running[name]
    wait_for(lambda: process.poll() is not None)
    return process.wait()


def log_of(folder: Path, kind: str = "hop") -> str:
    return (folder / f"{kind}.log").read_text("utf-8")


def start_from(offices: Offices, folder: str) -> str:
    """Start a hop from a copied folder, as it is."""
    log = offices.data / folder / "hop.log"
    log.unlink(missing_ok=True)
    command = ["hop", "run", "--config", str(offices.data / folder / "hop.toml")]
    offices.processes.start(folder, command, log)
    return folder


def delivered(offices: Offices) -> int:
    return offices.outcomes("la-nrm").count(("victim-referral", "delivered"))


def rest(offices: Offices) -> None:
    wait_for(lambda: at_rest([offices.data / each.folder for each in OFFICES]))


def check_whole(offices: Offices) -> None:
    """The one person who may cross came once to each office, and all accounts agree."""
    for folder in ("vn-nrm", "vn-service-provider"):
        assert len(list((offices.data / folder / "received").iterdir())) == 1
    audited = audit_folders([offices.data / each.folder for each in OFFICES])
    assert audited.problems() == []
    assert audited.verified


def spaces(offices: Offices, folder: str, space: str) -> list[tuple[bytes, bytes]]:
    (found,) = at_one_moment(offices, folder, space)
    return found


def at_one_moment(offices: Offices, folder: str, *names: str) -> list[list[tuple[bytes, bytes]]]:
    """What some spaces of an office's state hold, however it goes on meanwhile."""
    store = open_state(offices.data / folder / "state.sqlite")
    try:
        return [store.scan(name, b"", b"\xff" * 64, 100_000) for name in names]
    finally:
        store.close()


MOMENTS = (
    ("between taking a row and its commit", LA_NRM, "spooled put before"),
    ("between the commit and the row's removal", LA_NRM, "spooled put after"),
    ("after the row's removal", LA_NRM, "spool remove after"),
    ("between opening and its commit", VN_NRM, "handoff put before"),
    ("between the commit and the form", VN_NRM, "handoff put after"),
    ("between the form and its commit", VN_NRM, "handoff remove before"),
)


def test_kill_at_chosen_moments(tmp_path: Path) -> None:
    """A desk is killed between any two steps of taking in and of handing over, one by one."""
    with running(tmp_path / "data") as offices:
        for each in (LA_NRM, VN_NRM):
            stop(offices, each)
        offices.submit_people()
        for desk in (LA_NRM, VN_NRM):
            for moment in (moment for _, each, moment in MOMENTS if each is desk):
                run_killer(offices, desk, moment)
                assert wait_ended(offices, desk.folder) == -signal.SIGKILL, moment
            offices.start(desk)
        wait_for(lambda: delivered(offices) == 1)
        wait_for(lambda: ("service-referral", "delivered") in offices.outcomes("la-nrm"))
        wait_for(lambda: not spaces(offices, "vn-nrm", "handoff"))
        rest(offices)
        offices.processes.end()
        check_whole(offices)
        outcomes = sorted(outcome for _, outcome in offices.outcomes("la-nrm"))
        assert outcomes == ["delivered"] * 2 + ["refused"] * 2


def run_killer(offices: Offices, each: Participant, moment: str) -> None:
    log = offices.data / each.folder / "killed.log"
    arguments = [each.kind, "run", "--config", offices.config(each.folder)]
    with log.open("ab") as stream:
        offices.processes._running[each.folder] = subprocess.Popen(
            [sys.executable, "-c", KILLER, *moment.split(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    offices.processes._logs[each.folder] = log


def copy_of_running(offices: Offices, folder: str, copy: str) -> None:
    """Copy a running office's folder as of one moment, as a snapshot of its disk would."""
    process = offices.processes.process_id(folder)
    os.kill(process, signal.SIGSTOP)
    os.waitid(os.P_PID, process, os.WSTOPPED | os.WNOWAIT)
    try:
        shutil.copytree(offices.data / folder, offices.data / copy)
    finally:
        os.kill(process, signal.SIGCONT)


def test_copy_of_a_hop_that_is_behind_does_not_start(tmp_path: Path) -> None:
    """Exit code 3, nothing published, nothing changed; the newer state goes on unharmed.

    Whether the first runs and has gone on since, and the second sees its own name's parcels, or it
    was ended and the copy is a backup that was put in its place.
    """
    with running(tmp_path / "data") as offices:
        rest(offices)
        hop, kept = offices.data / "la-hop", offices.data / "newer"
        copy_of_running(offices, "la-hop", "second")
        shutil.copytree(offices.data / "second", offices.data / "backup")
        offices.submit_people()
        wait_for(lambda: delivered(offices) == 1)
        rest(offices)
        before = published(offices, "LAHOP001")
        assert wait_ended(offices, start_from(offices, "second")) == EVIDENCE
        assert "another process uses the same keys" in log_of(offices.data / "second")
        assert published(offices, "LAHOP001") == before
        del offices.processes._running["second"]
        offices.processes.check()
        stop(offices, LA_HOP)
        hop.rename(kept)
        (offices.data / "backup").rename(hop)
        before = published(offices, "LAHOP001")
        old = spaces(offices, "la-hop", "out"), spaces(offices, "la-hop", "opening")
        offices.start(LA_HOP)
        assert wait_ended(offices, "la-hop") == EVIDENCE
        assert "beyond our state" in log_of(hop)
        assert "EVIDENCE, call a person" in log_of(hop)
        assert (spaces(offices, "la-hop", "out"), spaces(offices, "la-hop", "opening")) == old
        assert published(offices, "LAHOP001") == before
        shutil.rmtree(hop)
        kept.rename(hop)
        offices.start(LA_HOP)
        wait_for(lambda: offices.processes.is_ready("la-hop"))
        rest(offices)
        offices.processes.end()
        check_whole(offices)


def transport(offices: Offices) -> dict[str, int]:
    """How many parcels each link has carried."""
    counted = {}
    for file in (offices.data / "transport").glob("*.sqlite"):
        store = sqlite3.connect(file)
        counted[file.stem] = int(store.execute("SELECT count(*) FROM parcel").fetchone()[0])
        store.close()
    return counted


def published(offices: Offices, office: str) -> dict[str, int]:
    return {link: count for link, count in transport(offices).items() if link.startswith(office)}


def test_second_hop_on_a_copy_of_an_idle_hop_forks_nothing(tmp_path: Path) -> None:
    """At its start nothing shows. Once both go on, the one that is behind is found out.

    Its receivers have the takeover of the other's generation and stop the link, with the parcel
    as evidence; a witness that has countersigned the one's head ends the other with exit code 3.
    """
    with running(tmp_path / "data") as offices:
        rest(offices)
        copy_of_running(offices, "la-hop", "second")
        start_from(offices, "second")
        wait_for(lambda: "ready" in log_of(offices.data / "second"))
        offices.submit_people()
        wait_for(lambda: bool(evidence(offices)))
        time.sleep(2)
        seen = evidence(offices)
        sys.stderr.write(f"evidence: {seen}\n")
        offices.processes.end()
        check_not_forked(offices)
        # The first cannot be started again: it meets the other's parcels in its own name.
        start_from(offices, "la-hop")
        assert wait_ended(offices, "la-hop") == EVIDENCE
        assert "beyond our state" in log_of(offices.data / "la-hop")


def evidence(offices: Offices) -> list[str]:
    """Who has found something, and what."""
    found = [
        f"{name}: {log_of(offices.data / name).splitlines()[-1]}"
        for name in ("la-hop", "second")
        if code(offices, name) == EVIDENCE
    ]
    for name in ("vn-hop", "la-nrm"):
        incoming, kept = at_one_moment(offices, name, "in", "evidence")
        records = [json.loads(value) for _, value in incoming]
        found += [f"{name}: {record['stopped']}" for record in records if record["stopped"]]
        assert bool(kept) == any(record["stopped"] for record in records)
    return found


def code(offices: Offices, name: str) -> int | None:
    return offices.processes._running[name].poll()


def check_not_forked(offices: Offices) -> None:
    """What Viet Nam's hop mirrored is the log of one of the two, and each person came once."""
    mirror = tiles(offices, "vn-hop", "LAHOP001")
    logs = [tiles(offices, folder, "LAHOP001") for folder in ("la-hop", "second")]
    assert any(is_prefix(mirror, log) for log in logs)
    files = list((offices.data / "vn-nrm" / "received").glob("*.json"))
    assert len(files) <= 1
    rows = [read_openings(row) for _, row in spaces(offices, "vn-hop", "opening")]
    entries = [json.loads(each[32:]) for row in rows for each in row]
    released = [e["message"] for e in entries if e["kind"] == "released"]
    assert len(released) == len(set(released))


def tiles(offices: Offices, folder: str, sender: str) -> bytes:
    """The leaves of the link across the border, from the lowest tiles of a state."""
    found = [
        value
        for key, value in spaces(offices, folder, "tile")
        if f"/{sender}/VNHOP001/".encode() in key and key.partition(b"\0")[2][:1] == b"\0"
    ]
    return b"".join(found)


def is_prefix(shorter: bytes, longer: bytes) -> bool:
    return longer.startswith(shorter)
