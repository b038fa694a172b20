"""`xref kafka topics` and `xref kafka acls`: what an administrator of a cluster has to set up."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xref.arguments import add_command, add_config, add_group, add_json, whole_number
from xref.as_json import write_json
from xref.bundle import Bundle, shards_of
from xref.config import KafkaConfig, PeerClusterConfig, load_office
from xref.errors import ConfigError
from xref.kafka_plan import (
    Applied,
    Right,
    Topic,
    links_on,
    of_office,
    retention_ms,
    rights,
    topic,
    topic_name,
)
from xref.limits import DAY_MS
from xref.wire.office import Link, party_of
from xref.wiring import apply_topics, bundles_of

if TYPE_CHECKING:
    from xref.arguments import Commands


class _Setup:
    """An office's Kafka, and the links of its bundles."""

    def __init__(self, file: Path) -> None:
        config = load_office(file)
        if not isinstance(config.transport, KafkaConfig):
            message = f'{file}: transport.driver is not "kafka"; configure the cluster first'
            raise ConfigError(message)
        self.office, self.folder = config.office, file.parent
        self.kafka: KafkaConfig = config.transport
        self.bundles: list[Bundle] = list(bundles_of(config, self.folder).values())
        self.shards = shards_of(self.bundles)

    def links(self, elsewhere: set[str]) -> list[Link]:
        """Return the links published on a cluster: all but those of the Parties `elsewhere`."""
        found = {link for bundle in self.bundles for link in links_on(bundle.directory, elsewhere)}
        return sorted(found)

    def own_links(self) -> list[Link]:
        """Return the links published on the own cluster."""
        return self.links({peer.party for peer in self.kafka.peers})

    def peer_links(self, peer: PeerClusterConfig) -> list[Link]:
        """Return the links from a peer's cluster to this office."""
        return [
            link
            for link in self.links(set())
            if party_of(link.sender) == peer.party and link.receiver == self.office
        ]


def topics(options: Namespace) -> int:
    """Print the topics, or make and compare them; exit code 1 if one is not as it should be."""
    setup = _Setup(options.config)
    links = setup.own_links() if options.all else of_office(setup.office, setup.own_links())
    kept_ms = retention_ms(setup.bundles)
    wanted = [
        topic(topic_name(setup.kafka.prefix, link), setup.shards, options.replication, kept_ms)
        for link in links
    ]
    applied = (
        apply_topics(setup.kafka, setup.folder, wanted)
        if options.apply
        else [Applied(each, "planned") for each in wanted]
    )
    if options.json:
        rows = [_topic_as_json(each) for each in applied]
        write_json({"servers": setup.kafka.servers, "topics": rows})
    else:
        _show_topics(applied, setup.kafka.servers, kept_ms)
    return 1 if any(each.differences for each in applied) else 0


def _topic_as_json(applied: Applied) -> dict[str, Any]:
    each: Topic = applied.topic
    return {
        "name": each.name,
        "partitions": each.partitions,
        "replication": each.replication,
        "settings": dict(each.settings),
        "state": applied.state,
        "differences": list(applied.differences),
    }


def _show_topics(applied: list[Applied], servers: list[str], kept_ms: int) -> None:
    say = sys.stdout.write
    say(f"{len(applied)} topics on {', '.join(servers)}\n")
    say(f"parcels are kept for {kept_ms // DAY_MS} days: the longest life of a message\n")
    for each in applied:
        count = each.topic.partitions
        noun = "partition" if count == 1 else "partitions"
        say(f"  {each.topic.name}  {count} {noun}  {each.state}\n")
        for difference in each.differences:
            say(f"    {difference}\n")
    if any(each.differences for each in applied):
        say("Correct what differs with Kafka's own tools; then look again.\n")
    elif any(each.state == "planned" for each in applied):
        say("Nothing was done; --apply makes what is missing and compares the rest.\n")


def acls(options: Namespace) -> int:
    """Print the least rights of an office on every cluster it uses, or of all on the own one."""
    setup = _Setup(options.config)
    form, only = options.principal_format, None if options.all else setup.office
    own = rights(setup.own_links(), setup.kafka.prefix, form, only)
    clusters = [(setup.kafka.servers, own)]
    if not options.all:
        clusters += [
            (peer.servers, rights(setup.peer_links(peer), peer.prefix, form, only))
            for peer in setup.kafka.peers
        ]
    if options.json:
        write_json({"clusters": [_rights_as_json(*each) for each in clusters]})
    else:
        for servers, some in clusters:
            sys.stdout.writelines(f"{each.command(servers)}\n" for each in some)
    return 0


def _rights_as_json(servers: list[str], some: list[Right]) -> dict[str, Any]:
    return {
        "servers": servers,
        "rights": [
            {
                "principal": each.principal,
                "topic": each.topic,
                "operations": list(each.operations),
            }
            for each in some
        ],
    }


def add_kafka(top: "Commands") -> None:
    """Add the commands."""
    group = add_group(top, "kafka", "What the links of an office need on a Kafka cluster.")
    parser = add_command(
        group,
        "topics",
        "Print the topics of an office's links; make what is missing and compare the rest.",
        "xref kafka topics --config la-hop/hop.toml --replication 3 --apply",
    )
    add_config(parser, "hop.toml")
    _add_all(parser)
    parser.add_argument(
        "--replication",
        type=whole_number,
        default=3,
        metavar="N",
        help="on how many brokers each parcel is kept (default: 3)",
    )
    parser.add_argument("--apply", action="store_true", help="make topics and partitions, compare")
    add_json(parser)
    parser.set_defaults(run=topics)
    parser = add_command(
        group,
        "acls",
        "Print the least rights that an office needs, as lines for Kafka's kafka-acls.",
        "xref kafka acls --config la-hop/hop.toml --principal-format 'User:CN={office}'",
    )
    add_config(parser, "hop.toml")
    _add_all(parser)
    parser.add_argument(
        "--principal-format",
        default="User:{office}",
        metavar="TEXT",
        help="what the cluster calls an office; {office} and {party} are filled in "
        "(default: User:{office})",
    )
    add_json(parser)
    parser.set_defaults(run=acls)


def _add_all(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="for every office of the bundle on this cluster"
    )
