"""Wiring for Kafka, apart because its client is an optional package."""

from collections.abc import Sequence
from pathlib import Path

from xref.config import KafkaConfig, PeerClusterConfig
from xref.drivers.kafka_connection import KafkaCluster, Sasl, Tls
from xref.drivers.kafka_topics import apply_topics
from xref.drivers.kafka_transport import KafkaTransport
from xref.kafka_plan import Applied, Topic


def cluster(config: KafkaConfig | PeerClusterConfig, folder: Path) -> KafkaCluster:
    """Return where a configured cluster is; relative paths are relative to `folder`."""
    tls, sasl = config.tls, config.sasl
    return KafkaCluster(
        tuple(config.servers),
        None
        if tls is None
        else Tls(
            folder / tls.ca,
            None if tls.certificate is None else folder / tls.certificate,
            None if tls.key is None else folder / tls.key,
        ),
        None if sasl is None else Sasl(sasl.mechanism, sasl.user, folder / sasl.password_file),
        config.prefix,
        config.contents,
    )


def kafka_transport(config: KafkaConfig, folder: Path) -> KafkaTransport:
    """Return the transport of a configuration; it connects when it is used."""
    peers = {peer.party: cluster(peer, folder) for peer in config.peers}
    return KafkaTransport(cluster(config, folder), peers)


def apply_plan(config: KafkaConfig, folder: Path, topics: Sequence[Topic]) -> list[Applied]:
    """Make the topics that a cluster lacks and compare the rest."""
    return apply_topics(cluster(config, folder), topics)
