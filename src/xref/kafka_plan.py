"""What a Kafka cluster needs for the links of a bundle: topics with settings, and least rights.

Nothing here talks to a cluster; `xref kafka topics` and `xref kafka acls` print it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xref.bundle import Directory, Draft
from xref.issue_keys import peers_of
from xref.limits import CLOCK_SKEW_MS, DAY_MS, KAFKA_BATCH_BYTES_MAX, KIB
from xref.wire.office import Link, party_of

_BATCH_HEADER_BYTES_MAX: Final = 4 * KIB
_WRITES: Final = ("Write", "Describe", "Read")
_READS: Final = ("Read", "Describe")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of one link on all its shards: its partitions, replicas and settings."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a topic (`made`, `enlarged` or `found`), and what is not as it should be."""

    topic: Topic
    state: str
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """What one principal may do with one topic, and nothing else."""

    principal: str
    topic: str
    operations: tuple[str, ...]

    def command(self, servers: Sequence[str]) -> str:
        """Return the line for Kafka's own `kafka-acls`."""
        operations = " ".join(f"--operation {each}" for each in self.operations)
        return (
            f"kafka-acls --bootstrap-server {','.join(servers)} --add "
            f"--allow-principal '{self.principal}' {operations} --topic {self.topic}"
        )


def topic_name(prefix: str, link: Link) -> str:
    """Return the topic of a link, which all its shards share: it names the two offices alone."""
    return f"{prefix}.{link.sender}.{link.receiver}"


def links_on(directory: Directory, elsewhere: Iterable[str]) -> list[Link]:
    """Return the links of a bundle that are published on a cluster: each sender's, on shard 0.

    Offices of the Parties `elsewhere` publish on clusters of their own.
    """
    away = set(elsewhere)
    return [
        Link(office, peer)
        for office in sorted(directory.offices)
        for peer in peers_of(office, directory)
        if party_of(office) not in away
    ]


def of_office(office: str, links: Iterable[Link]) -> list[Link]:
    """Return those links that an office has an end of."""
    return [link for link in links if office in (link.sender, link.receiver)]


def retention_ms(bundles: Iterable[Draft]) -> int:
    """Return how long a parcel may be of use: the longest life of a message, and both clocks off.

    What is older has expired for its receiver; its sender still holds it, and sends the rest again.
    """
    days = max(flow.life_days for each in bundles for flow in each.policy.flows.values())
    return days * DAY_MS + 2 * CLOCK_SKEW_MS


def topic(name: str, partitions: int, replication: int, kept_ms: int) -> Topic:
    """Return a topic with the settings that the transport's promises rest on."""
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": str(kept_ms),
        "retention.bytes": "-1",
        # A segment is removed as a whole: a day's, so that nothing stays much longer than allowed.
        "segment.ms": str(DAY_MS),
        "min.insync.replicas": str(max(1, replication - 1)),
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(KAFKA_BATCH_BYTES_MAX + _BATCH_HEADER_BYTES_MAX),
        # Whatever a writer does, every reader can read it, and ages are the brokers' own.
        "compression.type": "uncompressed",
        "message.timestamp.type": "LogAppendTime",
    }
    return Topic(name, partitions, replication, settings)


def rights(
    links: Iterable[Link], prefix: str, principal_format: str, only: str | None = None
) -> list[Right]:
    """Return the least rights on links' topics, of everybody or of one office.

    A sender reads its own link back when it starts. Nobody needs a group, and writing without
    duplicates needs no right of its own from Kafka 2.8 on.
    """
    found: dict[tuple[str, str], Right] = {}
    for link in links:
        name = topic_name(prefix, link)
        for office, operations in ((link.sender, _WRITES), (link.receiver, _READS)):
            if only in (None, office):
                principal = _principal(principal_format, office)
                found[office, name] = Right(principal, name, operations)
    return [found[key] for key in sorted(found)]


def _principal(principal_format: str, office: str) -> str:
    return principal_format.replace("{office}", office).replace("{party}", party_of(office))
