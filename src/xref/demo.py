"""The demonstration: one referral and its answer cross two hops, and the proof is checked.

Every participant is a process of its own, started by the commands an operator uses on files that
stay. Nothing here is known to the product: it hands in two forms and reads what the offices know.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from xref import screen
from xref.audit_folders import Audited, at_rest, audit_folders
from xref.demo_setup import (
    MARKER,
    OFFICES,
    WITNESS_PROCESS,
    Participant,
    la_form,
    lay_out,
    vn_answer,
)
from xref.errors import UnavailableError
from xref.processes import Processes, run_once
from xref.story import SentMessage, received_messages, sent_messages
from xref.wiring import DeskOffice

_WAIT_SECONDS: Final = 60.0
_FINAL: Final = ("opened", "refused", "rejected")
_EXCERPT_LINES: Final = 9
_REFERRALS: Final = 4


class Demo:
    """One run, step by step."""

    def __init__(self, data: Path, out: Console) -> None:
        """Play in `data`, telling the story on `out`."""
        self._data, self._out = data, out
        self._desks: dict[str, DeskOffice] = {}

    def play(self) -> tuple[list[SentMessage], Audited]:
        """Lay out, run, submit, answer, stop, verify."""
        self._say("1", "Lay out keys, configuration and the bundle that both Parties sign")
        lay_out(self._data)
        self._say("2", "Start a witness, two hops and three desks, each a process of its own")
        with Processes() as processes:
            self._start(processes)
            self._refer(processes)
            self._answer(processes)
            self._settle(processes)
        messages = self._messages("la-nrm") + self._messages("vn-nrm")
        self._show(messages)
        self._say("5", "Verify trails and links offline, with all processes ended, and reconcile")
        audited = audit_folders([self._data / each.folder for each in OFFICES])
        screen.show_audit(self._out, audited)
        return messages, audited

    def _say(self, number: str, text: str) -> None:
        self._out.print(Text(f"\n[{number}] {text}", style="bold cyan"))

    def _ran(self, command: str) -> None:
        text = Text(f"    $ {command}", style="dim")
        self._out.print(text, no_wrap=True, overflow="ignore", crop=False)

    def _start(self, processes: Processes) -> None:
        for each in (WITNESS_PROCESS, *OFFICES):
            config = self._config(each)
            log = self._data / each.folder / f"{each.kind}.log"
            processes.start(each.folder, [each.kind, "run", "--config", str(config)], log)
            self._ran(f"xref {each.kind} run --config {config}")
        names = [each.folder for each in (WITNESS_PROCESS, *OFFICES)]
        self._wait(
            "processes ready",
            processes,
            len(names),
            lambda: sum(processes.is_ready(name) for name in names),
        )
        for each in OFFICES:
            if each.kind == "desk":
                self._desks[each.folder] = DeskOffice(self._config(each))

    def _config(self, each: Participant) -> Path:
        return self._data / each.folder / f"{each.kind}.toml"

    def _refer(self, processes: Processes) -> None:
        self._say("3", "LA nrm hands in its spreadsheet: two people, one not yet asked on asylum")
        self._submit("la-nrm", la_form(self._data))
        self._wait(
            "referrals decided and delivered",
            processes,
            _REFERRALS,
            lambda: self._settled("la-nrm"),
        )

    def _answer(self, processes: Processes) -> None:
        received = self._data / "vn-nrm" / "received"
        self._wait("VN nrm's form", processes, 1, lambda: len(list(received.glob("*.json"))))
        form = next(iter(sorted(received.glob("*.json"))))
        text = Text(f"    VN nrm received it in its own form, {form}:", style="dim")
        self._out.print(text, no_wrap=True, overflow="ignore", crop=False)
        lines = form.read_text("utf-8").splitlines()
        for line in lines[:_EXCERPT_LINES]:
            self._out.print(Text(f"      {line}"), no_wrap=True, overflow="ellipsis")
        self._out.print(Text(f"      ... {len(lines) - _EXCERPT_LINES} more lines", style="dim"))
        self._say("4", "VN nrm answers: accepted")
        self._submit("vn-nrm", vn_answer(self._data, form.stem))
        self._wait("answer delivered", processes, 1, lambda: self._settled("vn-nrm"))

    def _submit(self, folder: str, file: Path) -> None:
        config = self._data / folder / "desk.toml"
        command = ["desk", "submit", str(file), "--config", str(config)]
        self._ran(f"xref {' '.join(command)}")
        self._out.print(Text(f"    {run_once(command).strip()}"))

    def _messages(self, folder: str) -> list[SentMessage]:
        desk = self._desks[folder]
        with desk.records() as store:
            return sent_messages(store, desk.config.office, desk.bundle)

    def _settled(self, folder: str) -> int:
        return sum(message.outcome in _FINAL for message in self._messages(folder))

    def _settle(self, processes: Processes) -> None:
        """Wait until the answer is opened at LA nrm and every hop's and desk's link is at rest."""
        la_nrm = self._desks["la-nrm"]

        def answered() -> int:
            with la_nrm.records() as store:
                return len(received_messages(store))

        self._wait("answer opened by LA nrm", processes, 1, answered)
        folders = [self._data / each.folder for each in OFFICES]
        self._wait(
            "every link countersigned",
            processes,
            1,
            lambda: int(at_rest(folders)),
        )

    def _wait(
        self, what: str, processes: Processes, total: int, reached: Callable[[], int]
    ) -> None:
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
                processes.check()
                time.sleep(0.1)

    def _show(self, messages: Sequence[SentMessage]) -> None:
        self._out.print(Text("\nMessage by message, as the sending offices know it", style="bold"))
        bundle = self._desks["la-nrm"].bundle
        for number, message in enumerate(messages, 1):
            screen.show_message(self._out, message, bundle, number)
        self._out.print(
            Text(
                "    Of the refused messages VN's hop and desks saw nothing: no message, no gap.",
                style="dim",
            )
        )


def run_demo(data: Path, *, as_json: bool) -> int:
    """Play the demonstration in `data`; return 0 if everything was verified."""
    out = Console(file=sys.stderr, quiet=True) if as_json else screen.console()
    out.print(Text("xref: a referral crosses from Lao PDR to Viet Nam", style="bold"))
    out.print(Text(f"All people are invented. Files: {data}/", style="dim"))
    messages, audited = (demo := Demo(data, out)).play()
    if as_json:
        sys.stdout.write(
            json.dumps(_as_json(demo, messages, audited), ensure_ascii=False, indent=2) + "\n"
        )
    else:
        _say_what_next(out, data)
    return 0 if audited.verified else 1


def _as_json(demo: Demo, messages: Sequence[SentMessage], audited: Audited) -> dict[str, Any]:
    bundle = demo._desks["la-nrm"].bundle  # noqa: SLF001 - its own module
    return {
        "messages": [message.as_json(bundle) for message in messages],
        **audited.as_json(),
    }


def _say_what_next(out: Console, data: Path) -> None:
    out.print(f"Files: {data}/ (one folder a participant, {MARKER} marks it as the demo's)")
    out.print("Try next:", style="bold")
    xref = _own_name()
    for command in (
        f"{xref} desk status --config {data}/la-nrm/desk.toml",
        f"{xref} audit {data}/la-hop {data}/vn-hop",
        f"less {data}/vn-nrm/received/*.json",
        "docs/tutorial/first-crossing.md",
    ):
        out.print(Text(f"    {command}"), no_wrap=True, overflow="ignore", crop=False)


def _own_name() -> str:
    """Return how to call this program from this folder."""
    if shutil.which("xref"):
        return "xref"
    program = Path(sys.argv[0]).absolute()
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else "xref"
