"""`python -m bench`: measure, and print tables, or JSON with `--json`.

Parts: `offices` (each office's work beside its floor, at several batch sizes), `flow` (end to end,
every office a process of its own), `peers` (other libraries on the same record); and, where it is
named, `remembered` (what a hop keeps of messages that have passed). `--million MESSAGES` instead
sends so many through all four offices and tells whether memory and cost stay the same.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import flow, million, peers, remembered
from bench.measure import measure
from bench.report import as_json, as_text, machine
from bench.world import draft
from xref.config import KafkaConfig
from xref.drivers.sqlite_transport import SqliteTransport
from xref.ports import Transport

_MESSAGES = 256
_ROUNDS_MAX = 48
_SLOW_SECONDS = 20
_PARTS = "offices,flow,peers"


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--parts", default=_PARTS, help=f"what to measure ({_PARTS})")
    parser.add_argument("--batches", default="1,8,64", help="messages a batch (1,8,64)")
    parser.add_argument("--messages", type=int, default=_MESSAGES, help="messages a run, about")
    parser.add_argument("--repeats", type=int, default=9, help="runs, of which the best counts")
    parser.add_argument("--flow-messages", type=int, default=2048, help="messages of `flow`")
    parser.add_argument("--shards", default="1", help="shards of a hop in `flow` (1)")
    parser.add_argument("--kafka", default="", help="brokers, for `flow` over Kafka as well")
    parser.add_argument("--million", type=int, default=0, metavar="MESSAGES")
    given = parser.parse_args()
    command = "python -m " + " ".join(["bench", *sys.argv[1:]])
    if given.million:
        steps = million.run(given.million)
        _print([f"$ {command}", machine(), *million.lines(steps)])
        return
    parts = given.parts.split(",")
    report: dict[str, object] = {}
    text: list[str] = []
    if "offices" in parts:
        report = _offices(given)
        text = [as_text(report, command)]
    for part, tell in (("flow", _flow), ("peers", _peers), ("remembered", _remembered)):
        if part in parts:
            rows = tell(given)
            report[part] = rows
            text += [*(rows if text else [f"$ {command}", machine(), *rows]), ""]
    _print([json.dumps(report, indent=2)] if given.json else text)


def _print(text: list[str]) -> None:
    sys.stdout.write("\n".join(text).rstrip() + "\n")


def _offices(given: argparse.Namespace) -> dict[str, object]:
    """Measure each office's work on one core."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    measured = [
        measure(
            batch, max(1, min(_ROUNDS_MAX, given.messages // batch)), given.repeats, one_way=True
        )
        for batch in map(int, given.batches.split(","))
    ]
    if cores:
        os.sched_setaffinity(0, cores)
    return as_json(measured, given.repeats)


def _flow(given: argparse.Namespace) -> list[str]:
    """Measure end to end, over each transport and number of shards."""
    names = ("sqlite", "kafka") if given.kafka else ("sqlite",)
    shards = list(map(int, given.shards.split(",")))
    measured = [(name, each, *_flows(name, each, given)) for name in names for each in shards]
    return [
        f"end to end, desk to desk over two hops, {os.cpu_count()} cores; a process a desk",
        "and a shard of a hop; at saturation, then one by one at a tenth of that:",
        *flow.lines(measured),
    ]


def _flows(name: str, shards: int, given: argparse.Namespace) -> tuple[flow.Flow, flow.Flow]:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)

        def opened(part: str) -> Callable[[], Transport]:
            if name == "sqlite":
                return lambda: SqliteTransport(folder / part / "transport")
            return _kafka(given.kafka, f"bench-{os.getpid()}-{shards}-{part}", shards)

        full = flow.run(folder / "full", opened("full"), given.flow_messages, shards=shards)
        rate = full.per_second / 10
        count = max(20, int(rate * _SLOW_SECONDS))
        slow = flow.run(folder / "slow", opened("slow"), count, shards=shards, per_second=rate)
        return full, slow


def _peers(_: argparse.Namespace) -> list[str]:
    found = [*peers.desks(), *peers.decisions(), *peers.peers()]
    return ["peers on the same record, processor time on one core:", *peers.lines(found)]


def _remembered(given: argparse.Namespace) -> list[str]:
    return remembered.lines(remembered.run(given.messages))


def _kafka(servers: str, prefix: str, shards: int) -> Callable[[], Transport]:
    """Make the topics of a run of its own; return what opens the transport."""
    from xref.kafka_plan import links_on, topic, topic_name  # noqa: PLC0415 - its client is optional
    from xref.kafka_wiring import apply_plan, kafka_transport  # noqa: PLC0415 - as above

    config = KafkaConfig(driver="kafka", servers=servers.split(","), prefix=prefix)
    links = links_on(draft(shards).directory, ())
    topics = [topic(topic_name(prefix, link), shards, 1, 86_400_000) for link in links]
    apply_plan(config, Path(), topics)
    return lambda: kafka_transport(config, Path())


if __name__ == "__main__":
    main()
