"""The demonstration: a case is played by real offices, and the proof is checked afterwards.

Every participant is a process of its own, started by the commands an operator uses on files that
stay. Nothing here is known to the product: it hands in forms and reads what the offices know.
"""

import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from xref import screen, terminal
from xref.as_json import write_json
from xref.audit_folders import Audited, at_rest, audit_folders
from xref.bundle import Bundle
from xref.demo_cases import CASES, Case, HandIn, Line, Run
from xref.demo_corridors import DIRECTIONS, Played, case_on
from xref.demo_inside import case_inside
from xref.demo_setup import (
    INSIDE,
    INSIDE_OF,
    MARKER,
    WITNESS_PROCESS,
    Kafka,
    Participant,
    lay_out,
    offices_of,
    place_form,
)
from xref.errors import ConfigError, UnavailableError
from xref.processes import Processes, run_once
from xref.sources import SHIPPED
from xref.story import SentMessage, received_messages, sent_messages
from xref.wiring import DeskOffice

_WAIT_SECONDS: Final = 180.0  # no measure: a machine may be slow, and busy
_PARTIES: Final = ("LA", "VN")
_LOCAL_BROKER: Final = "127.0.0.1:9092"
_FINAL: Final = ("opened", "refused", "rejected", "erased")
_POLL_SECONDS: Final = 0.05


class Demo:
    """One run of one case, step by step."""

    def __init__(
        self, corridor: str, played: Played, data: Path, out: Console, kafka: Kafka | None
    ) -> None:
        """Play a case in `data`, on Kafka if given, telling the story on `out`."""
        self.case, self._data, self._out, self._kafka = played.case, data, out, kafka
        self._corridor, self._offices = corridor, played.offices
        self.desks: dict[str, DeskOffice] = {}
        self._processes = Processes()
        self._shown: set[str] = set()
        self._number = 0

    def play(self) -> Audited:
        """Lay out, run, play every step, stop, verify."""
        with self.running():
            self.take(self.case)
        return self.verified()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Lay everybody out and start them; end them afterwards."""
        self._say("Keys, configuration and the bundle, which every Party signs")
        lay_out(self._data, self._offices, self._kafka, self._corridor)
        if self._kafka:
            self._make_topics(self._kafka)
        desks = len(self.desks_of_case)
        hops = "two hops" if len(self._offices) - desks > 1 else "a hop"
        self._say(f"A witness, {hops} and {desks} desks, each a process of its own")
        with self._processes:
            self._start()
            yield

    def take(self, case: Case) -> None:
        """Play every step of a case, and wait until every link is at rest."""
        for step in case.steps:
            self._say(step.says)
            match step:
                case HandIn():
                    self._hand_in(step)
                case Run():
                    self._run(step)
                case Line():
                    self._line(step)
        self._settle()

    def verified(self) -> Audited:
        """Verify what everybody, ended by now, has on record."""
        self._say("Trails and links, verified offline and compared, with all processes ended")
        audited = audit_folders(self._folders)
        screen.show_audit(self._out, audited)
        return audited

    @property
    def desks_of_case(self) -> list[Participant]:
        """The desks that take part."""
        return [each for each in self._offices if each.kind == "desk"]

    @property
    def offices(self) -> Sequence[Participant]:
        """Everybody who takes part."""
        return self._offices

    @property
    def bundle(self) -> Bundle:
        """The bundle that both Parties signed."""
        return self.desks[self.case.desks[0]].bundle

    @property
    def _folders(self) -> list[Path]:
        return [self._data / each.folder for each in self._offices]

    def _say(self, text: str) -> None:
        self._number += 1
        screen.show_step(self._out, self._number, text)

    def _ran(self, folder: str, command: list[str]) -> None:
        text = Text(f"    {folder}$ xref {' '.join(command)}", style="dim")
        self._out.print(text, no_wrap=True, overflow="ignore", crop=False)

    def _make_topics(self, kafka: Kafka) -> None:
        self._say("The topics of all offices, on each cluster")
        for party in kafka.homes:
            folder = f"{party.lower()}-hop"
            self._command(folder, ["kafka", "topics", "--all", "--apply", "--replication", "1"])

    # -- processes -------------------------------------------------------------------------------

    def _start(self) -> None:
        everyone = (WITNESS_PROCESS, *self._offices)
        for each in everyone:
            self._start_one(each)
        self._wait(
            "processes ready",
            len(everyone),
            lambda: sum(self._processes.is_ready(each.folder) for each in everyone),
        )
        for each in self.desks_of_case:
            self.desks[each.folder] = DeskOffice(self._config(each))

    def _start_one(self, each: Participant) -> None:
        command = [each.kind, "run"]
        config = ["--config", str(self._config(each))]
        log = self._data / each.folder / f"{each.kind}.log"
        self._processes.start(each.folder, command + config, log)
        self._ran(each.folder, command)

    def _config(self, each: Participant) -> Path:
        return self._data / each.folder / f"{each.kind}.toml"

    def _line(self, step: Line) -> None:
        hop = next(each for each in self._offices if each.folder == step.hop)
        if step.is_up:
            self._start_one(hop)
            self._settle()
            self._show_new()
        else:
            self._processes.stop(step.hop)
            self._out.print(Text(f"    {hop.office} has ended", style="dim"))

    # -- steps -----------------------------------------------------------------------------------

    def _hand_in(self, step: HandIn) -> None:
        about = self._received(step.office, step.about) if step.about else ""
        file = place_form(
            self._data,
            step.office,
            step.form,
            case=step.case,
            about=about,
            content=step.content,
        )
        prepared = ["--by", step.by] if step.by else []
        self._command(step.office, ["desk", "submit", f"forms/{file.name}", *prepared])
        self._await(step.office, is_final=step.waits)
        self._show_new()

    def _run(self, step: Run) -> None:
        self._command(step.office, list(step.command), step.exit_code)
        self._await(step.office, is_final=step.waits)
        self._show_new()

    def _command(self, office: str, arguments: list[str], exit_code: int = 0) -> None:
        self._ran(office, arguments)
        columns = self._out.width - 4
        said = run_once(arguments, self._data / office, columns, exit_code)
        for line in said.strip("\n").splitlines():
            self._out.print(
                Text(f"    {line.rstrip()}"), no_wrap=True, overflow="ignore", crop=False
            )

    def _received(self, office: str, flow: str) -> str:
        """Return the number of the newest received message of a flow."""
        with self.desks[office].records() as store:
            found = [number for number, each in received_messages(store) if each["type"] == flow]
        if not found:
            message = f"{office} received no {flow}; read the logs in {self._data}"
            raise UnavailableError(message)
        return found[-1]

    def _await(self, office: str, *, is_final: bool) -> None:
        """Wait until the desk took what was handed in and, if asked, knows what became of it."""
        arrived = self._is_final if is_final else _is_decided

        def pending() -> int:
            with self.desks[office].spool() as spool:
                waiting = len(spool.take(1))
            return waiting + sum(not arrived(each) for each in self._messages(office))

        self._wait("on its way", 1, lambda: int(pending() == 0))

    def _is_final(self, message: SentMessage) -> bool:
        # A withdrawal is answered by the erasure of what it is about.
        flow = self.bundle.policy.flow_named(message.type)
        is_withdrawal = flow.nature == "withdrawal" and message.outcome == "delivered"
        return is_withdrawal or message.outcome in _FINAL

    def _settle(self) -> None:
        """Wait until every hop's and desk's link is at rest and all news has arrived."""
        self._wait("every link countersigned", 1, lambda: int(at_rest(self._folders)))

    def _wait(self, what: str, total: int, reached: Callable[[], int]) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        columns = (
            TextColumn("    {task.description}"),
            BarColumn(20),
            TextColumn("{task.completed}/{task.total}"),
        )
        with Progress(*columns, console=self._out, transient=True) as progress:
            task = progress.add_task(what, total=total)
            while (count := reached()) < total:
                progress.update(task, completed=count)
                if time.monotonic() > deadline:
                    message = (
                        f"{what}: {count} of {total} after {_WAIT_SECONDS:.0f} s; "
                        f"read the logs in {self._data}"
                    )
                    raise UnavailableError(message)
                self._processes.check()
                time.sleep(_POLL_SECONDS)

    # -- what is shown ---------------------------------------------------------------------------

    def _messages(self, folder: str) -> list[SentMessage]:
        desk = self.desks[folder]
        with desk.records() as store:
            return sent_messages(store, desk.config.office, desk.bundle)

    def messages(self) -> list[SentMessage]:
        """Return what all desks sent, the oldest first."""
        sent = [each for folder in self.desks for each in self._messages(folder)]
        return sorted(sent, key=lambda message: message.created_ms)

    def _show_new(self) -> None:
        """Show what every office has sent, or learned of, since the last step."""
        new = [each for each in self.messages() if f"{each.id} {each.outcome}" not in self._shown]
        self._shown |= {f"{each.id} {each.outcome}" for each in new}
        screen.show_crossings(self._out, new, self.bundle)

    def holdings(self) -> dict[str, dict[str, Any]]:
        """Return what each desk has received and holds: field names by type, no value."""
        told: dict[str, dict[str, Any]] = {}
        for desk in self.desks.values():
            office = desk.bundle.directory.office(desk.config.office)
            received: dict[str, set[str]] = {}
            with desk.records() as store:
                for _, content in received_messages(store):
                    known = {name for name, value in content["values"].items() if value is not None}
                    received.setdefault(content["type"], set()).update(known)
            fields = {flow: sorted(names) for flow, names in received.items()}
            told[office.code] = {"role": office.role, "received": fields}
        return told


def _is_decided(message: SentMessage) -> bool:
    return message.outcome != "submitted"


def kafka_of(servers: Sequence[str], corridor: str = SHIPPED) -> Kafka:
    """Return where the Parties' clusters are: `HOST:PORT,...` for both, or one `LA=...` each.

    Topics get names of their own, so that no other run's are read. `ConfigError` for other words.
    """
    named = dict(each.split("=", 1) for each in servers if "=" in each)
    shared = [each for each in servers if "=" not in each] or [_LOCAL_BROKER]
    parties = (INSIDE_OF,) if corridor == INSIDE else DIRECTIONS.get(corridor, _PARTIES)
    if named and (len(named) != len(servers) or named.keys() != set(parties)):
        each = " and ".join(f"{party}=HOST:PORT" for party in parties)
        raise ConfigError(f"--servers: name HOST:PORT once, or {each}")
    of_party = {party: tuple(named.get(party, shared[0]).split(",")) for party in parties}
    return Kafka(of_party, f"xref-demo-{secrets.token_hex(4)}")


def played_of(corridor: str, case: str) -> Played:
    """Return a corridor's case; `ConfigError` for a name that this corridor does not have."""
    if corridor == SHIPPED:
        found = CASES[case or next(iter(CASES))]
        return Played(found, offices_of(found.desks), ())
    if case:
        raise ConfigError(f"--case: {corridor} plays one case; leave it out, or the corridor")
    today = datetime.now(UTC).date()
    return Played(*case_inside(today), ()) if corridor == INSIDE else case_on(corridor, today)


def run_demo(
    data: Path, case: str, corridor: str = SHIPPED, *, kafka: Kafka | None = None, as_json: bool
) -> int:
    """Play a case in `data`, on Kafka if given; return 0 if everything was verified."""
    played = played_of(corridor, case)
    out = Console(file=sys.stderr, quiet=True) if as_json else terminal.console()
    out.print(Text(f"xref: {played.case.title}", style="bold"))
    out.print(Text(f"All people are invented. Files: {data}/", style="dim"))
    for each in played.missing:
        out.print(Text(each, style="yellow"))
    audited = (demo := Demo(corridor, played, data, out, kafka)).play()
    if as_json:
        told = {"missing": list(played.missing), **_as_json(demo, corridor, case, audited)}
        write_json(told)
    else:
        screen.show_holdings(out, demo.holdings())
        _say_what_next(out, data, demo)
    return 0 if audited.verified else 1


def _as_json(demo: Demo, corridor: str, case: str, audited: Audited) -> dict[str, Any]:
    return {
        "corridor": corridor,
        "case": case or (next(iter(CASES)) if corridor == SHIPPED else "referral"),
        "messages": [message.as_json(demo.bundle) for message in demo.messages()],
        "offices": demo.holdings(),
        **audited.as_json(),
    }


def _say_what_next(out: Console, data: Path, demo: Demo) -> None:
    out.print(f"\nFiles: {data}/ (one folder a participant, {MARKER} marks it as the demo's)")
    out.print("Try next:", style="bold")
    xref = _own_name()
    hops = [each.folder for each in demo.offices if each.kind == "hop"]
    first, second = f"{hops[0][:2]}-nrm", f"{hops[-1][:2]}-nrm"
    others = [name for name in CASES if CASES[name] is not demo.case]
    for command in (
        f"{xref} desk status --config {data}/{first}/desk.toml",
        f"{xref} audit {' '.join(f'{data}/{each}' for each in hops)}",
        f"less {data}/{second}/received/*.json",
        f"{xref} demo --case {'|'.join(others)}",
        f"{xref} demo --corridor {'|'.join((*DIRECTIONS, INSIDE))}",
        "docs/tutorial/first-crossing.md",
    ):
        out.print(Text(f"    {command}"), no_wrap=True, overflow="ignore", crop=False)


def _own_name() -> str:
    """Return how to call this program from this folder."""
    if shutil.which("xref"):
        return "xref"
    program = Path(sys.argv[0]).absolute()
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else "xref"
