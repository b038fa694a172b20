"""What every Kafka client of xref shares: where and how it connects, and what it may not say.

The clients run in an event loop of their own, in a thread, because the core is synchronous.
"""

import asyncio
import logging
import ssl
import stat
import threading
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition

from xref.errors import ConfigError, UnavailableError
from xref.kafka_plan import topic_name
from xref.wire.office import Link

_REQUEST_SECONDS: Final = 10
CONNECT_SECONDS: Final = 10.0
_QUIET_SECONDS: Final = 5.0
_SAID_CHARS: Final = 160
_log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tls:
    """The authority that signed the brokers' certificates, and one's own certificate and key."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Sasl:
    """A user whose password stands in a file, alone."""

    mechanism: str
    user: str
    password_file: Path


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """Where a cluster is, how to be known there, and what our topics' names begin with.

    `contents` counts how often the topics were made anew.
    """

    servers: tuple[str, ...]
    tls: Tls | None = None
    sasl: Sasl | None = None
    prefix: str = "xref"
    contents: int = 1

    def __str__(self) -> str:
        """The addresses, for messages."""
        return ", ".join(self.servers)

    def topic(self, link: Link) -> str:
        """Return the topic of a link, which all its shards share."""
        return topic_name(self.prefix, link)

    def partition(self, link: Link) -> TopicPartition:
        """Return where a link's parcels are: the topic is its offices', the partition its shard."""
        return TopicPartition(self.topic(link), link.shard)


def client_arguments(cluster: KafkaCluster) -> dict[str, Any]:
    """Return what every aiokafka client of a cluster is made with; `ConfigError` for its files."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": list(cluster.servers),
        "client_id": "xref",
        "request_timeout_ms": _REQUEST_SECONDS * 1000,
        "metadata_max_age_ms": 60_000,
        "security_protocol": "PLAINTEXT",
    }
    if cluster.tls is not None:
        arguments |= {"security_protocol": "SSL", "ssl_context": _ssl_context(cluster.tls)}
    if cluster.sasl is not None:
        arguments |= {
            "security_protocol": "SASL_SSL" if cluster.tls is not None else "SASL_PLAINTEXT",
            "sasl_mechanism": cluster.sasl.mechanism,
            "sasl_plain_username": cluster.sasl.user,
            "sasl_plain_password": _secret(cluster.sasl.password_file).strip(),
        }
    return arguments


def _ssl_context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except (OSError, ssl.SSLError) as error:
        message = f"{tls.ca}: no certificate of an authority in PEM ({type(error).__name__})"
        raise ConfigError(message) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate is not None and tls.key is not None:
        _secret(tls.key)
        try:
            context.load_cert_chain(tls.certificate, tls.key)
        except (OSError, ssl.SSLError) as error:
            message = f"{tls.certificate}: no certificate in PEM that is of the key {tls.key}"
            raise ConfigError(message) from error
    return context


def _secret(file: Path) -> str:
    """Return the text of a file that nobody else may read."""
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            message = f"{file}: others may read it; run `chmod 600 {file.name}`"
            raise ConfigError(message)
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: cannot be read ({type(error).__name__})"
        raise ConfigError(message) from error


def unavailable(cluster: KafkaCluster, error: BaseException) -> UnavailableError:
    """Return the error for the core, with the cure where there is one.

    Whatever a broker or the client does wrong is the world's: nothing of it may end the process.
    """
    if isinstance(error, UnavailableError):
        return error
    if isinstance(error, ConfigError):  # a certificate or password that was there at the start
        return UnavailableError(str(error))
    if isinstance(error, TopicAuthorizationFailedError):
        topic = str(error.args[0]) if error.args else "a topic"
        return UnavailableError(
            f"Kafka at {cluster} does not allow us {topic}; `xref kafka acls` prints the rights "
            "that we need"
        )
    if isinstance(error, TimeoutError | KafkaConnectionError):
        cure = "are its brokers up?"
        if cluster.tls is not None:
            cure = "are its brokers up, and do they take our certificate or password?"
        return UnavailableError(f"Kafka at {cluster} does not answer; {cure}")
    return UnavailableError(f"Kafka at {cluster}: {type(error).__name__}")


class MissingTopicError(UnavailableError):
    """A topic, or its partition for a shard, that was never made or is there no more."""


async def check_topics(
    cluster: KafkaCluster, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, UnavailableError]:
    """Return why partitions cannot be used now, each with its cure; those that can are left out.

    The clients' own look-up would have a cluster that makes topics by itself make these. Raises
    what the client raises where no broker answers.
    """
    wanted = sorted(partitions)
    client = AIOKafkaClient(**client_arguments(cluster))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.bootstrap()
            topics = sorted({each.topic for each in wanted})
            request = MetadataRequest(topics, allow_auto_topic_creation=False)
            answer = await _ask_any(client, request)
    finally:
        await client.close()
    found = {each["topic"]: each for each in answer["topics"]}
    troubles = {each: _trouble(cluster, each, found[each.topic]) for each in wanted}
    return {each: trouble for each, trouble in troubles.items() if trouble is not None}


async def _ask_any(client: AIOKafkaClient, request: MetadataRequest) -> dict[str, Any]:
    """Ask the first broker that answers: one that has ended is named until the others notice."""
    problem: KafkaError = NodeNotReadyError()
    for broker in client.cluster.brokers():
        try:
            answer: dict[str, Any] = (await client.send(broker.nodeId, request)).to_object()
        except KafkaError as error:
            problem = error
        else:
            return answer
    raise problem


def _trouble(
    cluster: KafkaCluster, wanted: TopicPartition, found: dict[str, Any]
) -> UnavailableError | None:
    error = for_code(found["error_code"])
    if error is TopicAuthorizationFailedError:
        return unavailable(cluster, error(wanted.topic))
    leaders = {each["partition"]: each["leader"] for each in found["partitions"]}
    if error is UnknownTopicOrPartitionError or (not found["error_code"] and not leaders):
        message = (
            f"Kafka at {cluster} has no topic {wanted.topic}; make it with `xref kafka topics "
            "--apply`"
        )
        return MissingTopicError(message)
    if found["error_code"]:
        return unavailable(cluster, error())
    if wanted.partition not in leaders:
        message = (
            f"Kafka at {cluster}: topic {wanted.topic} has no partition {wanted.partition} for "
            "this shard; add it with `xref kafka topics --apply`"
        )
        return MissingTopicError(message)
    if leaders[wanted.partition] < 0:
        message = f"Kafka at {cluster}: topic {wanted.topic} has no leader; are its brokers up?"
        return UnavailableError(message)
    return None


class EventLoop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, context: CLIENT_LOG.say(context["message"]))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="kafka")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return its result."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End everything that still runs, and the thread."""
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class ClientLog(logging.Handler):
    """Folds what the clients log while brokers are away, many lines a second, into one line."""

    def __init__(self) -> None:
        """Take over the clients' logger; nothing of it reaches the root any more."""
        super().__init__(logging.WARNING)
        self._records, self._last = 0, 0.0
        logger = logging.getLogger("aiokafka")
        logger.addHandler(self)
        logger.setLevel(logging.WARNING)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Say the first, count the rest."""
        self.say(record.getMessage())

    def say(self, text: str) -> None:
        """Say something unless trouble was reported already."""
        self._records += 1
        self._last = time.monotonic()
        if self._records == 1:
            _log.warning("trouble with Kafka", said=text[:_SAID_CHARS])

    def settled(self) -> None:
        """Note that something worked; once the client has been quiet for a while, say so."""
        if self._records and time.monotonic() - self._last > _QUIET_SECONDS:
            _log.info("Kafka is well again", folded=self._records)
            self._records = 0


CLIENT_LOG: Final = ClientLog()
