"""The figures as a table and as JSON."""

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from bench.measure import ONE_WAY, WORK, Measured
from bench.spent import total

_NOTE = (
    "One core, one process, every protection on; SQLite with synchronous=FULL in a temporary "
    "folder.\nShipped victim-referral schema: 28 fields, 28 sealed by the desk, 27 let through.\n"
    "Each hop's time has everything that a referral causes: acknowledgements, decisions, receipts;"
    '\n"one way" has what came from the referral\'s side alone, in turns of its own.'
    "\nFloor: the same cryptography, hashing and rows, and nothing else; us, crypto and rows are "
    'microseconds\na message. "cpu only" leaves out waiting, for the disk and for other programs. '
    "Each round's best of {repeats} runs."
)


def machine() -> str:
    """Return one line about where this was measured."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores (1 used), {_processor()}; "
        f"Python {platform.python_version()}, cryptography {version('cryptography')}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - no path to speak of
            named = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        named = []
    return named[0] if named else platform.processor()


def as_json(measured: Sequence[Measured], repeats: int) -> dict[str, Any]:
    """Return the report's members."""
    return {
        "machine": machine(),
        "repeats": repeats,
        "rows": [row for each in measured for row in _rows(each)],
        "end_to_end": [
            {
                "batch": each.batch,
                "messages_per_second": each.messages / each.total.wall,
                "processor_messages_per_second": each.messages / each.total.processor,
            }
            for each in measured
        ],
        "wire_bytes_per_message": {
            str(each.batch): {
                **{leg: size / each.messages for leg, size in each.leg_bytes.items()},
                "all links, receipts and acknowledgements too": each.all_bytes / each.messages,
            }
            for each in measured
        },
    }


def _rows(each: Measured) -> list[dict[str, Any]]:
    rows = []
    for work in (*WORK, *ONE_WAY.values()):
        spent, computing, writing = (
            total(rounds[work]) for rounds in (each.spent, each.computing, each.writing)
        )
        floor = computing + writing
        rows.append(
            {
                "work": work,
                "batch": each.batch,
                "messages_per_second": each.messages / spent.wall,
                "floor_messages_per_second": each.messages / floor.wall,
                "ratio": spent.wall / floor.wall,
                "processor_messages_per_second": each.messages / spent.processor,
                "processor_ratio": spent.processor / floor.processor,
                "microseconds": 1e6 * spent.wall / each.messages,
                "floor_computing_microseconds": 1e6 * computing.wall / each.messages,
                "floor_writing_microseconds": 1e6 * writing.wall / each.messages,
            }
        )
    return rows


def as_text(report: Mapping[str, Any], command: str) -> str:
    """Return the report for a person."""
    lines = [f"$ {command}", report["machine"], _NOTE.format(repeats=report["repeats"]), ""]
    head = ("work", "batch", "messages/s", "floor/s", "x floor", "cpu only/s", "x floor")
    micro = ("us", "crypto", "rows")
    lines.append(
        "{:<19}{:>6}{:>12}{:>9}{:>9}{:>12}{:>9}".format(*head) + "{:>8}{:>8}{:>7}".format(*micro)
    )
    lines += [
        f"{row['work']:<19}{row['batch']:>6}{row['messages_per_second']:>12,.0f}"
        f"{row['floor_messages_per_second']:>9,.0f}{row['ratio']:>9.2f}"
        f"{row['processor_messages_per_second']:>12,.0f}{row['processor_ratio']:>9.2f}"
        f"{row['microseconds']:>8,.0f}{row['floor_computing_microseconds']:>8,.0f}"
        f"{row['floor_writing_microseconds']:>7,.0f}"
        for row in report["rows"]
    ]
    lines += ["", "end to end, desk to desk over two hops, all four offices on the one core:"]
    lines += [
        f"  batch {each['batch']:>3}: {each['messages_per_second']:,.0f} messages/s "
        f"(cpu only {each['processor_messages_per_second']:,.0f})"
        for each in report["end_to_end"]
    ]
    batch, sizes = list(report["wire_bytes_per_message"].items())[-1]
    lines += ["", f"bytes on the wire for each referral, at batch {batch}:"]
    lines += [f"  {leg}: {size:,.0f}" for leg, size in sizes.items()]
    return "\n".join(lines) + "\n"
