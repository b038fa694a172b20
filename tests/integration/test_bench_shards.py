"""The benchmark of shards runs through real processes and reports each; nothing here is timed."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_tiny_run_of_two_shards_reports_every_process() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.shards", "--json"),
            *("--shards", "2", "--messages", "16", "--seconds", "0"),
        ],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    [measured] = json.loads(done.stdout)
    assert (measured["shards"], measured["messages"]) == (2, 16)
    assert measured["messages_per_second"] > 0
    assert 0 <= measured["p50_ms"] <= measured["p99_ms"]
    assert set(measured["cpu_us_per_message"]) == {
        *("la-nrm", "vn-nrm", "la-hop", "vn-hop", "la-hop-1", "vn-hop-1"),
    }
