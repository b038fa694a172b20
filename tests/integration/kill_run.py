"""Real participants, killed at random moments again and again, while whole journeys go on and on.

`make crash` runs it long: `python -m integration.kill_run --kills 500`. Every message that a desk
took must end with one outcome, be delivered once and stand once on every record; nobody's name may
be found at a hop, a witness or in the transport, after any crash.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_kafka import LocalKafka

from integration.offices import Offices, in_memory, lay_out_on_kafka, port_kept
from integration.people import CANARIES, FOLLOWED, STAGES, People, Person, reply, table
from xref.audit_folders import Audited, at_rest, audit_folders
from xref.demo_setup import DESKS as DESK_PARTICIPANTS
from xref.demo_setup import HOPS as HOP_PARTICIPANTS
from xref.demo_setup import OFFICES, WITNESS_PROCESS, Participant, lay_out
from xref.errors import UnavailableError
from xref.operations import correct_facts
from xref.processes import Processes
from xref.story import SentMessage, cabinet_of, held_records, received_messages, sent_messages
from xref.submitting import submit_form
from xref.trail import read_openings
from xref.wiring import DeskOffice, open_state

ALL = (WITNESS_PROCESS, *OFFICES)
DESKS = tuple(each.folder for each in DESK_PARTICIPANTS)
HOPS = tuple(each.folder for each in HOP_PARTICIPANTS)
BLIND = (*HOPS, "witness", "transport")
FINAL = ("opened", "refused")
READY_SECONDS, SETTLE_SECONDS = 180.0, 600.0  # no measure, as in `offices`
PEOPLE_MAX = 60  # then the run goes on killing while their cases go on
WRONG = ('"level": "error"', "Traceback", "EVIDENCE")


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    kills: int = 0
    at_start: int = 0
    at_write: int = 0
    victims: Counter[str] = field(default_factory=Counter)
    people: int = 0
    handed_in: int = 0
    replies: int = 0
    corrected: int = 0
    delivered: int = 0
    refused: int = 0
    searched: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """One line of figures."""
        struck = ", ".join(f"{name} {count}" for name, count in sorted(self.victims.items()))
        return (
            f"{self.kills} kills ({self.at_start} before ready, {self.at_write} at a write; "
            f"{struck}); {self.people} people, {self.handed_in} forms, {self.replies} replies, "
            f"{self.corrected} corrected: {self.delivered} delivered, {self.refused} refused; "
            f"{self.searched} searches for a name; in {self.seconds:.0f} s"
        )


class KillRun:
    """One run in one folder."""

    def __init__(
        self, data: Path, processes: Processes, seed: int, kafka: list[str] | None = None
    ) -> None:
        self.data, self.processes, self.kafka = data, processes, kafka
        self.offices = Offices(data, processes)
        self.random = random.Random(seed)
        self.people = People()
        self.done = Outcome()
        self.asked: set[tuple[str, str]] = set()
        self.desks: dict[str, DeskOffice] = {}

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
        if each.folder in BLIND:
            self._search(each.folder)

    def _search(self, folder: str) -> None:
        """Look for anybody's name or case number in what a crash left of who must not know it."""
        self.done.searched += 1
        for file in (self.data / folder).rglob("*"):
            held = file.name.encode() + (file.read_bytes() if file.is_file() else b"")
            assert not any(canary.encode() in held for canary in CANARIES), file

    def _search_memory(self) -> None:
        for folder in (*HOPS, "witness"):
            self.done.searched += 1
            process = self.processes._running[folder].pid
            assert not [text for text in CANARIES if in_memory(process, text)], folder

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
        if folder not in self.desks:
            self.desks[folder] = DeskOffice(Path(self.offices.config(folder)))
        return self.desks[folder]

    def submit(self, folder: str, name: str, form: bytes) -> None:
        """Hand a form in, once or, as a person does who is not sure, twice."""
        file = self.data / folder / "forms" / name
        file.write_bytes(form)
        for _ in range(self.random.choice((1, 1, 2))):
            done = submit_form(self.desk(folder), file)
            assert (done.accepted > 0, done.problems) == (True, ())

    def work(self) -> None:
        """Have the offices do something: begin or continue a case, learn a fact, or reply."""
        if len(self.people.everybody) < PEOPLE_MAX and self.random.random() < 0.5:
            self.people.invent(held=self.random.random() < 0.2)
        waiting = [each for each in self.people.everybody if each.next_form]
        for person in self.random.sample(waiting, min(2, len(waiting))):
            self._continue(person)
        if self.random.random() < 0.2:
            self._correct()
        for folder in self.random.sample(DESKS, 2):
            self._reply(folder)

    def _continue(self, person: Person) -> None:
        form = person.next_form
        assert form is not None
        self.submit("la-nrm", form, table(form, [person]))
        person.stage += 1
        self.done.handed_in += 1

    def _reply(self, folder: str) -> None:
        """Answer, or follow, what an office received and has not dealt with yet."""
        for message, content in self.inbox(folder):
            kind, about = content["type"], message
            if kind == "nationality-result":
                about, kind = self._asked_at_home(folder, message), "identity-check-asked"
                form = "identity-answer.json"
            elif (folder, kind) in FOLLOWED:
                form = FOLLOWED[folder, kind]
            else:
                continue
            if (form, about) not in self.asked:
                self.asked.add((form, about))
                self.done.replies += 1
                country = folder[:2]
                filled = reply(country, form, about, content["values"], self.done.replies)
                self.submit(folder, form, filled)
                return

    def _asked_at_home(self, folder: str, result: str) -> str:
        """The request at home of the case that a result from abroad belongs to."""
        with self.desk(folder).records() as store:
            cabinet = cabinet_of(store)
            case = cabinet.case_id("inbox", bytes.fromhex(result))
            [asked] = [
                message.hex()
                for message, content in cabinet.all("inbox")
                if content["type"] == "identity-check-asked"
                and cabinet.case_id("inbox", message) == case
            ]
        return asked

    def _correct(self) -> None:
        """Ask a held person about asylum; the desk sends what was refused again."""
        desk = self.desk("la-nrm")
        with desk.records() as store:
            cases = [each.case for each in held_records(store) if len(each.reasons) > 0]
        if cases:
            correct_facts(desk, self.random.choice(cases), {"asylum": "no"})
            self.done.corrected += 1

    def finish(self) -> None:
        """Let every case go to its end, in peace."""
        while any(person.next_form for person in self.people.everybody):
            for person in [each for each in self.people.everybody if each.next_form]:
                self._continue(person)
        before = -1
        while before < self.done.replies:
            self.settle()
            before = self.done.replies
            for folder in DESKS:
                for _ in range(len(self.inbox(folder))):
                    self._reply(folder)

    # -- the whole -------------------------------------------------------------------------------

    def run(self, kills: int, limit_seconds: float) -> Outcome:
        began = time.monotonic()
        if self.kafka:
            lay_out_on_kafka(self.data, self.kafka, f"kill-run-{os.getpid()}")
        else:
            lay_out(self.data)
        with port_kept(self.data):
            self._play(kills, began + limit_seconds)
        for each in ALL:
            self._check_log(each)
        self.check()
        self.done.seconds = time.monotonic() - began
        return self.done

    def _play(self, kills: int, until: float) -> None:
        """Start everybody, kill so many, and let every case go to its end."""
        for each in ALL:
            self.start(each)
        self.wait_ready()
        said = 0.0
        while self.done.kills < kills and time.monotonic() < until:
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
                people = len(self.people.everybody)
                self._say(f"{self.done.kills}/{kills} kills, {people} people")
        self.wait_ready()
        self._say("settling")
        self.finish()
        self._search_memory()
        self.processes.end()

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def wait_ready(self) -> None:
        self._wait_for(lambda: all(self.processes.is_ready(e.folder) for e in ALL), READY_SECONDS)
        self._search_memory()

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
        self._check_replies()
        self._check_audit(audit_folders([self.data / each.folder for each in OFFICES]))
        for folder in HOPS:
            self._check_trail(folder)
        for folder in BLIND:
            self._search(folder)
        self.done.people = len(self.people.everybody)
        self.done.delivered = len(opened)
        self.done.refused = sum(message.outcome == "refused" for message in sent)

    def _check_received(self, folder: str) -> None:
        """The office's own forms are those of its inbox; nothing half written is left."""
        files = [file.name for file in (self.data / folder / "received").glob("*")]
        files += [file.name for file in (self.data / folder / "received").glob(".*")]
        assert sorted(set(files)) == sorted(f"{message}.json" for message, _ in self.inbox(folder))

    def _check_people(self, sent: list[SentMessage]) -> None:
        """Each journey came to the same end: every message once, whatever was submitted twice."""
        went = Counter(
            (m.case, m.type, m.recipient)
            for m in sent
            if m.sender == "LANRM001" and m.outcome == "opened"
        )
        assert set(went.values()) <= {1}, "nothing goes twice"
        for person in self.people.crossing:
            of_person = {(kind, to) for case, kind, to in went if case == person.case}
            assert of_person == frozenset().union(*STAGES.values()), "nothing is lost"
        asked = [
            c["values"]["given_names_native"] for _, c in self.inbox("vn-nationality-authority")
        ]
        assert sorted(asked) == sorted(person.given for person in self.people.crossing)
        met = [c["values"]["given_names_native"] for _, c in self.inbox("vn-border-guard")]
        assert sorted(met) == sorted(asked)
        helped = [c["values"]["given_names_native"] for _, c in self.inbox("vn-consular-office")]
        assert sorted(helped) == sorted(asked)

    def _check_replies(self) -> None:
        """Whoever asked has one answer to each question, and no other."""
        for folder in DESKS:
            replied = [c["reply_to"] for _, c in self.inbox(folder) if c["reply_to"]]
            assert len(replied) == len(set(replied)), "each answer arrives once"
        arrived = Counter(c["type"] for _, c in self.inbox("la-nrm"))
        everybody = len(self.people.crossing)
        assert arrived["safe-receipt"] == arrived["identity-check-answered"] == everybody
        assert arrived["origin-assurance"] == arrived["reception-readiness"] == everybody

    def _check_audit(self, audited: Audited) -> None:
        assert audited.problems() == []
        assert audited.verified

    def _check_trail(self, folder: str) -> None:
        """A message is released once, on one leaf."""
        rows = [read_openings(row) for _, row in self.state(folder, "opening")]
        entries = [json.loads(each[32:]) for row in rows for each in row]
        kinds = Counter(entry["kind"] for entry in entries)
        assert not kinds["stopped"] + kinds["rejected"] + kinds["stubbed"]
        released = [e["message"] for e in entries if e["kind"] == "released"]
        assert len(released) == len(set(released))
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
def kill_run(data: Path, seed: int, kafka: list[str] | None = None) -> Iterator[KillRun]:
    """A run whose processes are ended afterwards, whatever happens; over Kafka if it is named."""
    with Processes() as processes:
        yield KillRun(data, processes, seed, kafka)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=1800, help="kill no longer than this")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kafka", action="store_true", help="go over a Kafka of the run's own")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4))
    folder = Path(tempfile.mkdtemp(prefix="xref-crash-"))
    sys.stderr.write(f"seed {seed}, files in {folder}\n")
    with ExitStack() as stack:
        kafka = None
        if options.kafka:
            kafka = stack.enter_context(LocalKafka(folder / "kafka")).servers
        run = stack.enter_context(kill_run(folder / "data", seed, kafka))
        done = run.run(options.kills, options.seconds)
    sys.stdout.write(f"{done}\nall verified and reconciled\n")
    shutil.rmtree(folder)
    return 0 if done.kills >= options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
