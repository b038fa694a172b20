"""The first crossing over real Kafka: on one cluster that both Parties share, and on one each."""

from pathlib import Path

import pytest
from local_kafka import LocalKafka

from kafka.over_kafka import carriers_on, make_topics
from kafka_session import new_prefix
from simulation.carried import Carried
from xref.drivers.kafka_connection import KafkaCluster


@pytest.mark.needs_kafka
def test_both_parties_share_a_cluster(tmp_path: Path, kafka_servers: list[str]) -> None:
    cluster = KafkaCluster(tuple(kafka_servers), prefix=new_prefix())
    make_topics(cluster)
    with carriers_on({"LA": cluster, "VN": cluster}) as carriers:
        world = Carried(tmp_path, carriers)
        world.cross()
        world.check()


@pytest.mark.needs_kafka
@pytest.mark.needs_kafka_nodes
def test_each_party_has_its_own_cluster(tmp_path: Path, kafka_servers: list[str]) -> None:
    """Nobody writes on the other's; each hop reads the border's topic there."""
    with LocalKafka(tmp_path / "kafka") as broker:
        clusters = {
            "LA": KafkaCluster(tuple(kafka_servers), prefix=new_prefix()),
            "VN": KafkaCluster(tuple(broker.servers)),
        }
        make_topics(clusters["LA"], "VN")
        make_topics(clusters["VN"], "LA")
        with carriers_on(clusters) as carriers:
            world = Carried(tmp_path / "offices", carriers)
            world.cross()
            world.check()
