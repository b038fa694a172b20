"""`python -m bench.shards`: desk to desk through real processes, by the number of shards.

Two desks, and for each shard a hop at either side, all processes of their own on one machine, on
the transport of files, with every protection on. First as many messages as go through, then how
long one takes when a tenth of that is sent.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final

from bench.world import RECIPIENT, SENDER, records
from xref.bundle import write_bundle
from xref.consultation import none_held
from xref.demo_setup import HOPS, Participant, lay_out, offices_of
from xref.desk.cabinet import Cabinet
from xref.operations import draft_bundle, party_signer, public_lines, sign_bundle, write_keyring
from xref.processes import Processes
from xref.running import now_ms
from xref.state import State
from xref.wire.office import party_of
from xref.wiring import DeskOffice

_DESKS: Final = offices_of(("la-nrm", "vn-nrm"))[len(HOPS) :]
_DAY_MS: Final = 86_400_000
_WAIT_SECONDS: Final = 600
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of shards: messages a second at most, and milliseconds at a tenth of that."""

    shards: int
    messages: int
    messages_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_message: dict[str, float]
    """Processor time a message, by folder of the process."""


def lay_out_shards(data: Path, shards: int) -> tuple[Participant, ...]:
    """Lay out two desks and their hops' shards; return everybody to start."""
    offices = (*HOPS, *_DESKS)
    lay_out(data, offices)
    directory = data / "directory.toml"
    listed = (data / "bundle" / "directory.toml").read_text("utf-8")
    directory.write_text(f"shards = {shards}\n{listed}", "utf-8")
    draft = draft_bundle(directory, consultation=none_held("A benchmark."))
    write_bundle(data / "sharded", draft)
    window = (now_ms() - _DAY_MS, now_ms() + _DAY_MS)
    for party in ("LA", "VN"):
        signer = party_signer(party, data / f"{party.lower()}-party" / "party.key")
        sign_bundle(data / "sharded", signer, window)
        own = [each for each in offices if party_of(each.office) == party]
        keys = [data / each.folder / "keys.json" for each in own]
        lines = [line for file in keys for line in public_lines(file)]
        folders = [data / each.folder / "keyrings" for each in offices]
        write_keyring(party, 2, lines, draft, signer, folders)
    for each in offices:
        file = data / each.folder / f"{each.kind}.toml"
        text = file.read_text("utf-8").replace('"../bundle"', '"../sharded"')
        file.write_text(text.partition("[[witnesses]]")[0], "utf-8")
    return (*offices, *(_shard(data, hop, n) for n in range(1, shards) for hop in HOPS))


def _shard(data: Path, hop: Participant, shard: int) -> Participant:
    folder = f"{hop.folder}-{shard}"
    shutil.copytree(data / hop.folder, data / folder)
    file = data / folder / "hop.toml"
    office = f'office = "{hop.office}"\n'
    file.write_text(file.read_text("utf-8").replace(office, f"{office}shard = {shard}\n"), "utf-8")
    return Participant(folder, "hop", hop.office)


class Running:
    """Started offices, into which messages are put and whose desks' records are read."""

    def __init__(self, data: Path, offices: tuple[Participant, ...], processes: Processes) -> None:
        """Start everybody and wait until all are ready."""
        self._processes = processes
        for each in offices:
            folder = data / each.folder
            command = [each.kind, "run", "--config", str(folder / f"{each.kind}.toml")]
            processes.start(each.folder, command, folder / "log")
        self._folders = [each.folder for each in offices]
        _wait_for(lambda: all(processes.is_ready(folder) for folder in self._folders))
        sender, recipient = (data / each.folder / "desk.toml" for each in _DESKS)
        self.sender, self.recipient = DeskOffice(sender), DeskOffice(recipient)
        self.submitted = 0

    def submit(self, count: int) -> None:
        """Leave records in the sender's spool, each of a case of its own."""
        rows = [record for _, record in records(count, self.submitted)]
        with self.sender.spool() as spool:
            spool.put(list(rows), now_ms())
        self.submitted += count

    def wait(self) -> None:
        """Wait until everything submitted is opened."""
        _wait_for(lambda: self._opened() >= self.submitted)

    def _opened(self) -> int:
        self._processes.check()
        with self.recipient.records() as store:
            return len(State(store).scan("inbox"))

    def latencies_ms(self, last: int) -> list[float]:
        """Return what the newest messages took, from one desk's sealing to the other's opening."""
        with self.sender.records() as store:
            sent = {m: s["created_ms"] for m, s in Cabinet(State(store), bytes).all("sent")}
        with self.recipient.records() as store:
            found = [
                (content["received_ms"], content["received_ms"] - sent[message])
                for message, content in Cabinet(State(store), bytes).all("inbox")
            ]
        return [took for _, took in sorted(found)[-last:]]

    def cpu_seconds(self) -> dict[str, float]:
        """Return what each process has worked so far."""
        found = {}
        for folder in self._folders:
            stat = Path(f"/proc/{self._processes.process_id(folder)}/stat").read_text("ascii")
            user, system = stat.rpartition(")")[2].split()[11:13]
            found[folder] = (int(user) + int(system)) / _TICKS_A_SECOND
        return found


def _wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("the messages did not arrive")
        time.sleep(0.1)


def measure(shards: int, messages: int, seconds: float) -> Measured:
    """Send `messages` at once, then a tenth of the rate for so many seconds."""
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        data = Path(folder) / "data"
        running = Running(data, lay_out_shards(data, shards), processes)
        running.submit(8)  # so that keyrings and first parcels are not measured
        running.wait()
        before, started = running.cpu_seconds(), time.perf_counter()
        running.submit(messages)
        running.wait()
        rate = messages / (time.perf_counter() - started)
        after = running.cpu_seconds()
        few = max(2, int(rate / 10 * seconds))
        for _ in range(few):
            running.submit(1)
            time.sleep(10 / rate)
        running.wait()
        cuts = quantiles(running.latencies_ms(few), n=100)
    cpu = {name: 1e6 * (after[name] - before[name]) / messages for name in after}
    return Measured(shards, messages, rate, cuts[49], cuts[98], cpu)


def as_text(measured: list[Measured], command: str) -> str:
    """Return a table that fits 80 columns."""
    lines = [
        f"$ {command}",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()};",
        f"{SENDER} to {RECIPIENT} over two hops, each shard of each a process; sqlite.",
        "p50 and p99 at a tenth of the rate; processor microseconds a message at the rate:",
        "",
        "shards  messages/s  p50 ms  p99 ms   LA desk  LA hops  VN hops  VN desk",
    ]
    for each in measured:
        spent = [
            sum(us for name, us in each.cpu_us_per_message.items() if name.startswith(folder))
            for folder in ("la-nrm", "la-hop", "vn-hop", "vn-nrm")
        ]
        lines.append(
            f"{each.shards:6}  {each.messages_per_second:10,.0f}  {each.p50_ms:6,.0f}  "
            f"{each.p99_ms:6,.0f}  " + " ".join(f"{us:8,.0f}" for us in spent)
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure each number of shards."""
    parser = argparse.ArgumentParser(prog="python -m bench.shards", description=__doc__)
    parser.add_argument("--shards", default="1,2,4", help="numbers of shards (1,2,4)")
    parser.add_argument("--messages", type=int, default=1_000, help="messages at once")
    parser.add_argument("--seconds", type=float, default=10, help="of a tenth of the rate")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()
    numbers = [int(each) for each in given.shards.split(",")]
    measured = [measure(each, given.messages, given.seconds) for each in numbers]
    command = "python -m " + " ".join(["bench.shards", *sys.argv[1:]])
    text = json.dumps([asdict(each) for each in measured], indent=2) + "\n"
    sys.stdout.write(text if given.json else as_text(measured, command))


if __name__ == "__main__":
    main()
