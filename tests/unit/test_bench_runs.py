"""The benchmark runs and its report has its rows; nothing here is timed."""

import json
import subprocess
import sys
from pathlib import Path

from bench import remembered

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = ["--parts", "offices", "--batches", "1,2", "--messages", "2", "--repeats", "1"]

ONE = ["--parts", "offices", "--batches", "1", "--messages", "1", "--repeats", "1"]


def test_tiny_run_reports_every_work_at_every_batch() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--json", *TINY],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout)
    offices = ("desk, sealing", "origin hop", "receiving hop", "desk, opening", "desk, receipts")
    works = (*offices, "origin, one way", "receiving, one way")
    rows = [(row["batch"], row["work"]) for row in report["rows"]]
    assert rows == [(batch, work) for batch in (1, 2) for work in works]
    assert all(row["floor_messages_per_second"] > 0 for row in report["rows"])
    assert [each["batch"] for each in report["end_to_end"]] == [1, 2]
    assert set(report["wire_bytes_per_message"]) == {"1", "2"}


def test_table_names_the_command_and_the_machine() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *ONE],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    command, machine, *_ = done.stdout.splitlines()
    assert command == f"$ python -m bench {' '.join(ONE)}"
    assert "Python" in machine
    assert "cryptography" in machine


def test_what_a_hop_remembers_is_counted_and_stays_small() -> None:
    """A row for each message and each sharing consent at home, and no reference abroad."""
    found = {(each.hop, each.space): each for each in remembered.run(64)}
    assert found["origin", "message"].rows == found["origin", "scope"].rows == 64
    assert found["receiving", "scope"].rows == 0
    sizes = [each.bytes_each_thousand for each in found.values() if each.hop == "origin"]
    assert 200_000 < sum(sizes) < 500_000
    assert len(remembered.lines(list(found.values()))) == 2 + len(found)
