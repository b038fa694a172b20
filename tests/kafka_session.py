"""One real Kafka for a whole test session, whichever way this machine can have it.

In this order: brokers named in XREF_TEST_KAFKA; a container, where a Docker engine answers; Kafka
from Maven Central on Java. Started at the first use by whichever worker comes first, ended with the
session.
"""

import asyncio
import fcntl
import functools
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from local_kafka import missing

from xref.drivers.kafka_connection import KafkaCluster
from xref.wire.office import Link

ROOT = Path(__file__).resolve().parents[1]
NAMED = "XREF_TEST_KAFKA"
READY_SECONDS = 240.0  # the first time Maven or Docker may have to fetch Kafka


@functools.cache
def lacks_nodes() -> str:
    """Return what is missing to start Kafka's own nodes here, or nothing."""
    return missing()


@functools.cache
def docker_answers() -> bool:
    """Return whether a Docker engine answers: that its command is installed says nothing.

    Asked in a process of its own, because the client leaves its socket open where none answers.
    """
    ask = "import docker; docker.from_env(timeout=2).ping()"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False)
    return done.returncode == 0


def is_there() -> bool:
    """Return whether this machine can have a Kafka for tests."""
    return bool(os.environ.get(NAMED)) or not lacks_nodes() or docker_answers()


def shared_servers(folder: Path) -> list[str]:
    """Return the session's brokers; the first caller starts them in `folder`."""
    named = os.environ.get(NAMED)
    if named:
        return named.split(",")
    with (folder / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / "kafka.json"
        if not ready.exists():
            ready.write_text(json.dumps(_start(folder)), "utf-8")
        servers: list[str] = json.loads(ready.read_text("utf-8"))["servers"]
        return servers


def _start(folder: Path) -> dict[str, Any]:
    script = "tests/kafka_container.py" if docker_answers() else "deploy/kafka/local_kafka.py"
    # Under xdist the worker's parent is the session; a worker ends before its fellows.
    session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    said = folder / "kafka.out"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, str(ROOT / script)),
                *("--data", str(folder / "kafka"), "--with-process", str(session)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "deploy" / "kafka")},
        )
    deadline = time.monotonic() + READY_SECONDS
    while b'"ready"' not in said.read_bytes():
        assert process.poll() is None, said.read_text("utf-8", "replace")
        assert time.monotonic() < deadline, "Kafka did not start in time"
        time.sleep(0.1)
    process.returncode = 0  # it is not ours to wait for: `end_shared` or its own watch ends it
    lines = said.read_text("utf-8").splitlines()
    answer: dict[str, Any] = json.loads(next(line for line in lines if '"ready"' in line))
    return answer


def end_shared(folder: Path) -> None:
    """End what the session started, and wait for it."""
    ready = folder / "kafka.json"
    if not ready.exists():
        return
    process = int(json.loads(ready.read_text("utf-8"))["process"])
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
        for _ in range(200):
            os.kill(process, 0)
            time.sleep(0.05)


def new_prefix() -> str:
    """Return a prefix of topics that no other test uses."""
    return f"test-{secrets.token_hex(6)}"


def make_link_topics(
    cluster: KafkaCluster,
    *links: Link,
    on: Sequence[int] = (),
    settings: Mapping[str, str] | None = None,
) -> None:
    """Make the topics of links, with as many partitions as their shards need, `on` given nodes."""
    partitions: dict[str, int] = {}
    for link in links:
        name = cluster.topic(link)
        partitions[name] = max(partitions.get(name, 0), link.shard + 1)
    topics = [
        NewTopic(name, -1, -1, {n: list(on) for n in range(count)})
        if on
        else NewTopic(name, count, -1, {}, dict(settings or {}))
        for name, count in partitions.items()
    ]
    asyncio.run(_make(topics, list(cluster.servers)))


async def _make(topics: list[NewTopic], servers: list[str]) -> None:
    """Make topics, and wait until every broker's clients can see them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    names = [topic.name for topic in topics]
    try:
        for answer in (await admin.create_topics(topics)).topic_errors:
            assert answer[1] == 0, answer
        for _ in range(500):
            if all(found["partitions"] for found in await admin.describe_topics(names)):
                break
            await asyncio.sleep(0.02)
    finally:
        await admin.close()


def delete_topic(cluster: KafkaCluster, link: Link) -> None:
    """Remove the topic of a link."""
    asyncio.run(_delete(cluster.topic(link), list(cluster.servers)))


async def _delete(topic: str, servers: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()
