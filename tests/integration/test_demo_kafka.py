"""The demonstration on Kafka: clusters, and what is said of them. Cases: see `test_demo`."""

from pathlib import Path

import pytest

from integration.playing import outcomes, play
from xref.cli import main
from xref.demo import kafka_of
from xref.errors import ConfigError

pytestmark = [pytest.mark.slow]


@pytest.mark.needs_kafka
def test_each_party_on_a_cluster_of_its_own(tmp_path: Path, kafka_servers: list[str]) -> None:
    """Each hop reads the other's border topic where that hop publishes."""
    ports = [each.rpartition(":")[2] for each in kafka_servers]
    vn = ",".join(f"localhost:{port}" for port in ports)
    on = ["--servers", f"LA={','.join(kafka_servers)}", "--servers", f"VN={vn}"]
    story = play("first-crossing", tmp_path / "demo", "--transport", "kafka", *on)
    assert {outcome for *_, outcome in outcomes(story)} == {"delivered", "refused"}
    config = (tmp_path / "demo" / "la-hop" / "hop.toml").read_text("utf-8")
    assert "[[transport.peers]]" in config


def test_no_broker_there_is_said_with_the_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(tmp_path / "demo")
    command = ["demo", "--data", data, "--transport", "kafka", "--servers", "127.0.0.1:1"]
    assert main(command) == 1
    assert "are its brokers up?" in capsys.readouterr().err


@pytest.mark.parametrize("servers", [["LA=a:1"], ["LA=a:1", "b:2"], ["LA=a:1", "TH=b:2"]])
def test_servers_of_one_party_alone(servers: list[str]) -> None:
    with pytest.raises(ConfigError, match="LA=HOST:PORT and VN=HOST:PORT"):
        kafka_of(servers)


def test_topics_of_two_runs_never_mix() -> None:
    assert kafka_of([]).prefix != kafka_of([]).prefix
