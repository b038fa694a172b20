"""Apache Kafka in a container for a test session; the same manners as `local_kafka.py`."""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

from local_kafka import Ended, asked_to_end, exists, free_ports
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

IMAGE = "apache/kafka:4.1.0"


def main() -> int:
    """Run a broker until asked to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--with-process", type=int, default=os.getppid())
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, asked_to_end)
    (port,) = free_ports(1)
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    }
    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    for name, value in settings.items():
        container = container.with_env(name, value)
    try:
        with container:
            wait_for_logs(container, "Kafka Server started", timeout=120)
            servers = [f"127.0.0.1:{port}"]
            ready = {"event": "ready", "process": os.getpid(), "servers": servers}
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            while exists(options.with_process):
                time.sleep(0.2)
    except Ended:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
