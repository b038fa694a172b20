"""The benchmark's long parts run, with a few messages; nothing here is timed."""

from pathlib import Path

import pytest
from bench import flow, million
from bench.peers import decisions

from xref.drivers.sqlite_transport import SqliteTransport


@pytest.mark.parametrize("shards", [1, 2])
def test_every_message_crosses_between_processes(tmp_path: Path, shards: int) -> None:
    done = flow.run(tmp_path, lambda: SqliteTransport(tmp_path / "t"), 8, shards=shards)
    assert len(done.latencies) == 8
    assert 0 < done.latencies[0] <= done.quantile(50) <= done.quantile(99)


def test_messages_one_by_one_are_all_opened(tmp_path: Path) -> None:
    done = flow.run(tmp_path, lambda: SqliteTransport(tmp_path / "t"), 5, per_second=20)
    assert len(done.latencies) == 5


def test_a_long_run_counts_what_it_sent() -> None:
    steps = million.run(640)
    assert sum(step.messages for step in steps) >= 64
    assert len(million.lines(steps)) == len(steps) + 1


def test_the_samples_question_is_one_that_is_permitted() -> None:
    assert all(each.microseconds > 0 for each in decisions())
