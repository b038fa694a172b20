"""Real offices as processes in a folder, for integration tests."""

import json
import re
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka_session import new_prefix
from xref.demo_cases import LA_NRM, VN_NRM, VN_PROVIDER
from xref.demo_setup import OFFICES as EVERY_OFFICE
from xref.demo_setup import WITNESS_PROCESS, Kafka, Participant, lay_out, offices_of, place_form
from xref.processes import Processes, run_once
from xref.story import sent_messages
from xref.wiring import DeskOffice

OFFICES = offices_of((LA_NRM, VN_NRM, VN_PROVIDER))
ALL = (WITNESS_PROCESS, *OFFICES)
WAIT_SECONDS = 120  # no measure: what goes wrong is told that late, on a loaded machine too


class Offices:
    """The demonstration's participants, running in `data`."""

    def __init__(self, data: Path, processes: Processes) -> None:
        self.data, self.processes = data, processes
        self._desks: dict[str, DeskOffice] = {}

    def config(self, folder: str) -> str:
        (file,) = (self.data / folder).glob("*.toml")
        return str(file)

    def start(self, each: Participant) -> None:
        log = self.data / each.folder / f"{each.kind}.log"
        log.unlink(missing_ok=True)
        command = [each.kind, "run", "--config", self.config(each.folder)]
        self.processes.start(each.folder, command, log)

    def status(self, folder: str) -> dict[str, Any]:
        answered = run_once(["desk", "status", "--json", "--config", self.config(folder)])
        status: dict[str, Any] = json.loads(answered)
        return status

    def messages(self, folder: str) -> list[dict[str, Any]]:
        """What `status` says of messages, for asking again and again: without a new process."""
        desk = self.desk(folder)
        with desk.records() as store:
            sent = sent_messages(store, desk.config.office, desk.bundle)
        return [{**each.as_json(desk.bundle), "case": each.case} for each in sent]

    def desk(self, folder: str) -> DeskOffice:
        """The office as its configuration says now."""
        file = Path(self.config(folder))
        said = file.read_text(encoding="utf-8")
        if said not in self._desks:
            self._desks[said] = DeskOffice(file)
        return self._desks[said]

    def outcomes(self, folder: str) -> list[tuple[str, str]]:
        return [(each["type"], each["outcome"]) for each in self.messages(folder)]

    def submit_people(self) -> None:
        form = place_form(self.data, LA_NRM, "referrals.csv")
        run_once(["desk", "submit", str(form), "--config", self.config("la-nrm")])


def lay_out_on_kafka(
    data: Path, servers: list[str], prefix: str, offices: Sequence[Participant] = EVERY_OFFICE
) -> None:
    """Make the folder with every office on one cluster, and the topics as an operator does."""
    lay_out(data, offices, Kafka(dict.fromkeys(("LA", "VN"), tuple(servers)), prefix))
    apply_topics(data)


def apply_topics(data: Path) -> None:
    """Make the topics and partitions that are missing."""
    config = ["--config", str(data / "la-hop" / "hop.toml")]
    run_once(["kafka", "topics", "--all", "--replication", "1", "--apply", *config])


@contextmanager
def running(data: Path, kafka: list[str] | None = None) -> Iterator[Offices]:
    """Lay out and start everybody, over a folder or these brokers; end them afterwards."""
    if kafka:
        lay_out_on_kafka(data, kafka, new_prefix(), OFFICES)
    else:
        lay_out(data, OFFICES)
    with port_kept(data), Processes() as processes:
        offices = Offices(data, processes)
        for each in ALL:
            offices.start(each)
        wait_for(lambda: all(processes.is_ready(each.folder) for each in ALL))
        yield offices


@contextmanager
def port_kept(data: Path) -> Iterator[None]:
    """Keep the witness's port from whoever asks for any, also while the witness does not run."""
    config = (data / "witness" / "witness.toml").read_text(encoding="utf-8")
    with socket.socket() as kept:
        if sys.platform == "linux":  # elsewhere nobody listens where another is bound
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            kept.bind(("127.0.0.1", tomllib.loads(config)["port"]))
        yield


def wait_for(reached: Callable[[], bool]) -> None:
    """Wait until `reached`, or fail."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def in_memory(process: int, text: str) -> bool:
    """Whether a process's memory holds a text, in the encodings that Python may keep it in."""
    forms = {text.encode("utf-8"), text.encode("utf-16-le"), text.encode("utf-32-le")}
    maps = Path(f"/proc/{process}/maps").read_text()
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for start, stop in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.MULTILINE):
            try:
                memory.seek(int(start, 16))
                held = memory.read(int(stop, 16) - int(start, 16))
            except OSError:
                continue
            if any(form in held for form in forms):
                return True
    return False
