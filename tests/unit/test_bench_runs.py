"""The benchmark runs and its report has its rows; nothing here is timed."""

import json
import subprocess
import sys
from pathlib import Path

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
    works = ("desk, sealing", "origin hop", "receiving hop", "desk, opening", "desk, receipts")
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
