"""Looking at a cluster's topics and making those that are missing; nothing is ever removed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from xref.drivers.kafka_connection import KafkaCluster, client_arguments, unavailable
from xref.errors import UnavailableError
from xref.kafka_plan import Applied, Topic

_VISIBLE_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.05


def apply_topics(cluster: KafkaCluster, topics: Sequence[Topic]) -> list[Applied]:
    """Make the topics that are missing, add partitions, and compare the rest.

    Raises `UnavailableError`. Settings of a topic that exists are its administrator's: they are
    compared and left.
    """
    try:
        return asyncio.run(_apply(cluster, topics))
    except (KafkaError, OSError, TimeoutError) as error:
        raise unavailable(cluster, error) from error


async def _apply(cluster: KafkaCluster, topics: Sequence[Topic]) -> list[Applied]:
    admin = AIOKafkaAdminClient(**client_arguments(cluster))
    try:
        await admin.start()
        before = await _described(admin)
        missing = [each for each in topics if each.name not in before]
        small = [
            each
            for each in topics
            if each.name in before and len(before[each.name]["partitions"]) < each.partitions
        ]
        await _make(cluster, admin, missing)
        if small:
            grown = {each.name: NewPartitions(each.partitions) for each in small}
            await admin.create_partitions(grown)
        after = await _visible(admin, topics)
        settings = await _settings(admin, [each.name for each in topics])
        done = dict.fromkeys((each.name for each in topics), "found")
        done |= {each.name: "made" for each in missing} | {each.name: "enlarged" for each in small}
        return [
            Applied(each, done[each.name], _compare(each, after[each.name], settings[each.name]))
            for each in topics
        ]
    finally:
        await admin.close()


async def _described(admin: AIOKafkaAdminClient) -> dict[str, Any]:
    """Return all topics that we may see; to ask for one by name could make it."""
    return {each["topic"]: each for each in await admin.describe_topics()}


async def _make(
    cluster: KafkaCluster, admin: AIOKafkaAdminClient, missing: Sequence[Topic]
) -> None:
    if not missing:
        return
    asked = [NewTopic(t.name, t.partitions, t.replication, None, t.settings) for t in missing]
    for name, code, *_ in (await admin.create_topics(asked)).topic_errors:
        if code:
            reason = for_code(code).__name__
            message = f"Kafka at {cluster} does not make topic {name}: {reason}"
            raise UnavailableError(message)


async def _visible(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, Any]:
    """Wait until the brokers tell of all that was made."""
    async with asyncio.timeout(_VISIBLE_SECONDS):
        while True:
            found = await _described(admin)
            if all(
                each.name in found and len(found[each.name]["partitions"]) >= each.partitions
                for each in topics
            ):
                return found
            await asyncio.sleep(_PAUSE_SECONDS)


async def _settings(
    admin: AIOKafkaAdminClient, names: Sequence[str]
) -> Mapping[str, Mapping[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(resources):
        for _, _, _, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _compare(wanted: Topic, found: Any, settings: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ANN401 - the client's own value
    """Return what is not as it should be, each as a short sentence."""
    partitions = found["partitions"]
    replicas = min(len(each["replicas"]) for each in partitions)
    differences = []
    if len(partitions) > wanted.partitions:
        differences.append(f"has {len(partitions)} partitions, not {wanted.partitions}")
    if replicas < wanted.replication:
        differences.append(f"has {replicas} replicas, not {wanted.replication}")
    differences += [
        f"{name} is {settings.get(name)}, not {value}"
        for name, value in wanted.settings.items()
        if settings.get(name) != value
    ]
    return tuple(differences)
