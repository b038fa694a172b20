"""Real participants, killed at random moments again and again, while referrals go on and on.

`make crash` runs it long: `python -m integration.kill_run --kills 500`. Every message that the desk
took must end with one outcome, be delivered once and stand once on every record.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.offices import ALL, OFFICES, Offices
from integration.people import People, answer
from xref.audit_folders import Audited, at_rest, audit_folders
from xref.demo_setup import Participant, lay_out
from xref.errors import UnavailableError
from xref.operations import correct_facts, submit_form
from xref.processes import Processes
from xref.story import SentMessage, held_records, received_messages, sent_messages
from xref.wiring import DeskOffice, open_state

DESKS = ("la-nrm", "vn-nrm", "vn-service-provider")
HOPS = ("la-hop", "vn-hop")
FINAL = ("opened", "refused")
READY_SECONDS, SETTLE_SECONDS = 60.0, 180.0
PEOPLE_MAX = 400  # then the run goes on killing with answers and corrected facts alone
WRONG = ('"level": "error"', "Traceback", "EVIDENCE")


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    kills: int = 0
    at_start: int = 0
    at_write: int = 0
    victims: Counter[str] = field(default_factory=Counter)
    referrals: int = 0
    answers: int = 0
    corrected: int = 0
    delivered: int = 0
    refused: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """One line of figures."""
        struck = ", ".join(f"{name} {count}" for name, count in sorted(self.victims.items()))
        return (
            f"{self.kills} kills ({self.at_start} before ready, {self.at_write} at a write; "
            f"{struck}); {self.referrals} people, {self.corrected} corrected, "
            f"{self.answers} answers: {self.delivered} delivered, {self.refused} refused, "
            f"in {self.seconds:.0f} s"
        )


class KillRun:
    """One run in one folder."""

    def __init__(self, data: Path, processes: Processes, seed: int) -> None:
        self.data, self.processes = data, processes
        self.offices = Offices(data, processes)
        self.random = random.Random(seed)
        self.people = People()
        self.done = Outcome()
        self.names: list[str] = []
        self.held: list[str] = []
        self.asked: set[str] = set()

    # -- killing ---------------------------------------------------------------------------------

    def start(self, each: Participant) -> None:
        self.offices.start(each)

    def kill(self, each: Participant) -> None:
        """Kill a participant at a moment of chance, and look at what it logged until then."""
        process = self.processes._running[each.folder]
        if self.random.random() < 0.5:
            self.done.at_write += self._wait_for_write(each)
            time.sleep(self.random.choice((0, 0.0005, 0.001, 0.002, 0.005, 0.01)))
        else:
            time.sleep(self.random.random() * 0.4)
        assert process.poll() is None, f"{each.folder} ended by itself: {self._log(each)[-2000:]}"
        self.done.at_start += not self.processes.is_ready(each.folder)
        process.kill()
        process.wait()
        self.done.kills += 1
        self.done.victims[each.folder] += 1
        self._check_log(each)

    def _wait_for_write(self, each: Participant) -> bool:
        """Wait for the next change of a participant's state, for a while."""
        file = self.data / each.folder / ("witness" if each.kind == "witness" else "state")
        journal = file.with_name(f"{file.name}.sqlite-wal")
        before = _changed(journal)
        deadline = time.monotonic() + 1.2
        while time.monotonic() < deadline:
            if _changed(journal) != before:
                return True
            time.sleep(0.0003)
        return False

    def _log(self, each: Participant) -> str:
        return (self.data / each.folder / f"{each.kind}.log").read_text("utf-8", "replace")

    def _check_log(self, each: Participant) -> None:
        text = self._log(each)
        assert not any(wrong in text for wrong in WRONG), f"{each.folder}: {text[-2000:]}"

    # -- working ---------------------------------------------------------------------------------

    def desk(self, folder: str) -> DeskOffice:
        return DeskOffice(Path(self.offices.config(folder)))

    def submit(self, folder: str, name: str, form: bytes, records: int) -> None:
        """Hand a form in, once or, as a person does who is not sure, twice."""
        file = self.data / folder / "forms" / name
        file.write_bytes(form)
        for _ in range(self.random.choice((1, 1, 2))):
            done = submit_form(self.desk(folder), file)
            assert (done.accepted, done.problems) == (records, ())

    def work(self) -> None:
        """Have the offices do something: refer, learn a fact, or answer."""
        if self.done.referrals < PEOPLE_MAX:
            crossing, held = self.random.randint(1, 3), self.random.randint(0, 1)
            form, names, cases = self.people.form(crossing, held)
            self.submit("la-nrm", "referrals.csv", form, crossing + held)
            self.names += names
            self.held += cases
            self.done.referrals += crossing + held
        if self.held and self.random.random() < 0.3:
            self._correct()
        received = sorted(f.stem for f in (self.data / "vn-nrm" / "received").glob("*.json"))
        fresh = [message for message in received if message not in self.asked]
        if fresh and self.random.random() < 0.5:
            message = self.random.choice(fresh)
            self.asked.add(message)
            self.done.answers += 1
            self.submit("vn-nrm", "answer.json", answer(message, self.done.answers), 1)

    def _correct(self) -> None:
        """Ask a held person about asylum; the desk sends what was refused again."""
        desk = self.desk("la-nrm")
        with desk.records() as store:
            cases = [each.case for each in held_records(store) if len(each.reasons) > 0]
        if cases:
            correct_facts(desk, self.random.choice(cases), {"asylum": "no"})
            self.done.corrected += 1

    # -- the whole -------------------------------------------------------------------------------

    def run(self, kills: int, limit_seconds: float) -> Outcome:
        began = time.monotonic()
        lay_out(self.data, OFFICES)
        for each in ALL:
            self.start(each)
        self.wait_ready()
        said = 0.0
        while self.done.kills < kills and time.monotonic() - began < limit_seconds:
            self.work()
            struck = self.random.sample(ALL, self.random.choice((1, 1, 1, 2, 3)))
            for each in struck:
                self.kill(each)
            for each in struck:
                self.start(each)
            if self.random.random() < 0.5:
                time.sleep(self.random.random() * 1.5)
            if self.random.random() < 0.1:
                self.wait_ready()
            if time.monotonic() - said > 10:
                said = time.monotonic()
                self._say(f"{self.done.kills}/{kills} kills, {self.done.referrals} people")
        self.wait_ready()
        self._say("settling")
        self.settle()
        self.processes.end()
        for each in ALL:
            self._check_log(each)
        self.check()
        self.done.seconds = time.monotonic() - began
        return self.done

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def wait_ready(self) -> None:
        self._wait_for(lambda: all(self.processes.is_ready(e.folder) for e in ALL), READY_SECONDS)

    def settle(self) -> None:
        """Wait until every message has its outcome and nothing is under way."""
        folders = [self.data / each.folder for each in OFFICES]
        self._wait_for(
            lambda: self._spooled() == 0 and self._pending() == 0 and at_rest(folders),
            SETTLE_SECONDS,
        )
        self._wait_for(self._handed, READY_SECONDS)

    def _wait_for(self, reached: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            self.processes.check()
            if time.monotonic() > deadline:
                raise UnavailableError(f"did not come to rest: {self._unsettled()}")
            time.sleep(0.1)

    def _unsettled(self) -> str:
        counted = {folder: Counter(m.outcome for m in self.sent(folder)) for folder in DESKS}
        return f"{counted}, {self._spooled()} in spools"

    def _spooled(self) -> int:
        count = 0
        for folder in DESKS:
            with self.desk(folder).spool() as spool:
                count += len(spool._store.scan("spool", b"", b"\xff" * 32, 1_000))
        return count

    def _pending(self) -> int:
        return sum(m.outcome not in FINAL for folder in DESKS for m in self.sent(folder))

    def _handed(self) -> bool:
        return all(not self.state(folder, "handoff") for folder in DESKS)

    def state(self, folder: str, space: str) -> list[tuple[bytes, bytes]]:
        store = open_state(self.data / folder / "state.sqlite")
        try:
            return store.scan(space, b"", b"\xff" * 64, 1_000_000)
        finally:
            store.close()

    def sent(self, folder: str) -> list[SentMessage]:
        desk = self.desk(folder)
        with desk.records() as store:
            return sent_messages(store, desk.config.office, desk.bundle)

    def inbox(self, folder: str) -> list[tuple[str, dict[str, Any]]]:
        with self.desk(folder).records() as store:
            return received_messages(store)

    # -- what must be true in the end ------------------------------------------------------------

    def check(self) -> None:
        sent = [message for folder in DESKS for message in self.sent(folder)]
        assert {message.outcome for message in sent} <= set(FINAL)
        opened = {message.id for message in sent if message.outcome == "opened"}
        received = [message for folder in DESKS for message, _ in self.inbox(folder)]
        assert sorted(received) == sorted(opened), "each opened message is in one inbox, once"
        for folder in DESKS:
            self._check_received(folder)
        self._check_people(sent)
        self._check_audit(audit_folders([self.data / each.folder for each in OFFICES]))
        for folder in HOPS:
            self._check_trail(folder, opened)
        self.done.delivered = len(opened)
        self.done.refused = sum(message.outcome == "refused" for message in sent)

    def _check_received(self, folder: str) -> None:
        """The office's own forms are those of its inbox; nothing half written is left."""
        files = [file.name for file in (self.data / folder / "received").glob("*")]
        files += [file.name for file in (self.data / folder / "received").glob(".*")]
        assert sorted(set(files)) == sorted(f"{message}.json" for message, _ in self.inbox(folder))

    def _check_people(self, sent: list[SentMessage]) -> None:
        """Each person was referred once to each office, whatever was submitted twice."""
        given = [c["values"]["given_names_native"] for _, c in self.inbox("vn-nrm")]
        assert len(given) == len(set(given)), "nobody arrives twice"
        assert set(self.names) <= set(given), "nobody is lost"
        referred = Counter(
            (m.case, m.type) for m in sent if m.sender == "LANRM001" and m.outcome == "opened"
        )
        assert set(referred.values()) <= {1}
        answers = [c["reply_to"] for _, c in self.inbox("la-nrm")]
        assert sorted(answers) == sorted(self.asked), "each answer arrives once"

    def _check_audit(self, audited: Audited) -> None:
        assert audited.problems() == []
        assert audited.verified

    def _check_trail(self, folder: str, opened: set[str]) -> None:
        """A message is released once, on one leaf; each opened one was released here."""
        entries = [json.loads(value[32:]) for _, value in self.state(folder, "opening")]
        kinds = Counter(entry["kind"] for entry in entries)
        assert not kinds["stopped"] + kinds["rejected"] + kinds["stubbed"]
        released = [e["message"] for e in entries if e["kind"] == "released"]
        assert len(released) == len(set(released))
        assert opened <= set(released)
        leaves = [
            (e["out_link"], e["out_index"])
            for e in entries
            if e["kind"] in ("released", "answered")
        ]
        assert len(leaves) == len(set(leaves))
        came = [(e["link"], e["index"]) for e in entries if "index" in e]
        assert len(came) == len(set(came))


def _changed(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except FileNotFoundError:
        return (0, 0)
    return found.st_mtime_ns, found.st_size


@contextmanager
def kill_run(data: Path, seed: int) -> Iterator[KillRun]:
    """A run whose processes are ended afterwards, whatever happens."""
    with Processes() as processes:
        yield KillRun(data, processes, seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=1800, help="kill no longer than this")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4))
    folder = Path(tempfile.mkdtemp(prefix="xref-crash-"))
    sys.stderr.write(f"seed {seed}, files in {folder}\n")
    with kill_run(folder / "data", seed) as run:
        done = run.run(options.kills, options.seconds)
    sys.stdout.write(f"{done}\nall verified and reconciled\n")
    shutil.rmtree(folder)
    return 0 if done.kills >= options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
