"""Real participants over real Kafka, killed at random moments: a short `make crash`."""

from pathlib import Path

import pytest

from integration.kill_run import kill_run

KILLS = 5


@pytest.mark.slow
@pytest.mark.needs_kafka
def test_random_kills_over_kafka(tmp_path: Path, kafka_servers: list[str]) -> None:
    """Every message ends with one outcome, once; all records verify and agree."""
    with kill_run(tmp_path / "data", seed=11, kafka=kafka_servers) as run:
        done = run.run(KILLS, limit_seconds=1800)
    assert done.kills >= KILLS
    assert done.delivered > 0
