"""Apache Kafka in a container for a test session; the same manners as `local_kafka.py`.

What needs no Docker engine is tested without one: see `kafka/test_container.py`.
"""

import argparse
import os
import sys
from pathlib import Path

from local_kafka import FreePorts, serve
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

IMAGE = "apache/kafka:4.1.0"
READY = "Kafka Server started"
READY_SECONDS = 180


def broker(port: int, controller_port: int) -> DockerContainer:
    """Return a container that serves on `port`, inside and outside alike, once it is started.

    Clients are sent to the address that a broker advertises: so the port must be known before.
    """
    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    return container.with_envs(
        KAFKA_NODE_ID="1",
        KAFKA_PROCESS_ROLES="broker,controller",
        KAFKA_LISTENERS=f"PLAINTEXT://:{port},CONTROLLER://:{controller_port}",
        KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{address(container, port)}",
        KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
        KAFKA_CONTROLLER_QUORUM_VOTERS=f"1@localhost:{controller_port}",
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
        KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR="1",
        KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR="1",
    ).waiting_for(LogMessageWaitStrategy(READY).with_startup_timeout(READY_SECONDS))


def address(container: DockerContainer, port: str | int) -> str:
    """Return where the engine's machine, which may be another, shows a port."""
    host = container.get_docker_client().host()
    return f"{'127.0.0.1' if host == 'localhost' else host}:{port}"


def main() -> int:
    """Run a broker until asked to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--with-process", type=int, default=os.getppid())
    options = parser.parse_args()
    free = FreePorts(2)
    free.close()  # the engine would not listen where this process is bound
    serve(
        lambda: broker(*free.numbers),
        lambda container: {"servers": [address(container, *container.ports)]},
        options.with_process,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
