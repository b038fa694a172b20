"""Kafka in a container, without a Docker engine: an engine of the test's own runs the "image".

Machines like CI's have no engine. Debian's `podman` and `runc` give one that runs there as root
(with `default_ulimits` lowered, and the host's network), but images cannot be pulled there. So the
engine here speaks as much of Docker's API as testcontainers asks for, and in place of a container
of `apache/kafka` it starts the same Kafka from Maven Central, with what the image makes of its
variables by its documented rule. What is not tested is the image itself. Where a real engine
answers, the whole session uses it.
"""

import json
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from local_kafka import fetch_jars

import kafka_container
import kafka_session
from kafka_session import make_link_topics, new_prefix
from xref.drivers.kafka_connection import KafkaCluster
from xref.drivers.kafka_transport import KafkaTransport
from xref.ports import Outbound
from xref.wire.office import Link

pytestmark = pytest.mark.needs_kafka_nodes

THERE = Link("LAHOP001", "VNHOP001")
NAME = "c0ffee"
API = "1.44"


def properties(variables: list[str]) -> str:
    """What the image makes of its variables: `_` is a dot, `__` an underscore, `___` a hyphen."""
    lines = []
    for name, value in (each.split("=", 1) for each in variables):
        assert name.startswith("KAFKA_")
        plain = name.removeprefix("KAFKA_").lower().replace("___", "-").replace("__", "\0")
        lines.append(f"{plain.replace('_', '.').replace(chr(0), '_')}={value}\n")
    return "".join(lines)


class Engine(ThreadingHTTPServer):
    """As much of a Docker engine as is asked for; it has one container at most."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self.asked: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.removed = False

    def start(self) -> None:
        """Format and start a node, as the image does."""
        file = self.folder / "server.properties"
        variables = properties(self.asked["Env"])
        file.write_text(f"{variables}log.dirs={self.folder / 'log'}\n", "utf-8")
        java = ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", f"{fetch_jars()}/*"]
        java.insert(1, "-Dorg.slf4j.simpleLogger.defaultLogLevel=info")
        form = ["kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c"]
        subprocess.run([*java, *form, str(file)], check=True, capture_output=True)
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [*java, "kafka.Kafka", str(file)], stdout=output, stderr=output, cwd=self.folder
            )

    def remove(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.removed = True


class Answer(BaseHTTPRequestHandler):
    """One request to the engine."""

    server: Engine

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.endswith("/_ping"):
            self._send(b"OK", "text/plain")
        elif path.endswith("/version"):
            self._send_json({"ApiVersion": API, "Version": "fake"})
        elif path.endswith("/logs"):
            said = (self.server.folder / "output").read_bytes() if "stdout=1" in query else b""
            header = struct.pack(">BxxxL", 1, len(said))
            self._send(header + said, "application/vnd.docker.raw-stream")
        elif "/images/" in path:
            self._send_json({"Id": "sha256:1", "RepoTags": [kafka_container.IMAGE]})
        else:
            assert path.endswith(f"/containers/{NAME}/json"), path
            state = {"Status": "running", "Running": True}
            config = {"Image": kafka_container.IMAGE, "Tty": False}
            self._send_json({"Id": NAME, "Name": "/kafka", "State": state, "Config": config})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.partition("?")[0].endswith("/containers/create"):
            self.server.asked = json.loads(content)
            self._send_json({"Id": NAME, "Warnings": []}, 201)
        else:
            assert self.path.endswith(f"/containers/{NAME}/start"), self.path
            self.server.start()
            self._send(b"", "text/plain", 204)

    def do_DELETE(self) -> None:
        assert f"/containers/{NAME}" in self.path
        self.server.remove()
        self._send(b"", "text/plain", 204)

    def _send_json(self, value: object, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), "application/json", status)

    def _send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Be quiet."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    (tmp_path / "engine").mkdir()
    with Engine(tmp_path / "engine") as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{running.server_port}")
        # The reaper is a container too, which a real engine runs for whoever is killed.
        monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
        yield running
        running.remove()
        running.shutdown()
        thread.join()


def test_session_uses_a_container_where_an_engine_answers(engine: Engine, tmp_path: Path) -> None:
    """It serves where it says, and is removed with the session."""
    kafka_session.docker_answers.cache_clear()
    try:
        (server,) = kafka_session.shared_servers(tmp_path)
    finally:
        kafka_session.docker_answers.cache_clear()
    port = server.rpartition(":")[2]
    assert engine.asked["Image"] == kafka_container.IMAGE
    assert engine.asked["HostConfig"]["PortBindings"] == {
        f"{port}/tcp": [{"HostIp": "", "HostPort": port}]
    }
    cluster = KafkaCluster((server,), prefix=new_prefix())
    make_link_topics(cluster, THERE)
    transport = KafkaTransport(cluster)
    transport.publish([Outbound(THERE, b"through a container's listener")])
    [arrival] = transport.read({THERE: 0}, 10, 0)
    assert arrival.parcel == b"through a container's listener"
    transport.close()
    kafka_session.end_shared(tmp_path)
    assert engine.removed


def test_engine_is_asked_whether_it_answers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = kafka_session.docker_answers.__wrapped__
    assert ask()
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    began = time.monotonic()
    assert not ask()
    assert time.monotonic() - began < 50  # docker's own limit is 60 s
    assert not engine.asked


def test_variables_become_settings_by_the_images_rule() -> None:
    """As in Kafka's own guide to its image."""
    assert properties(["KAFKA_ABC_DEF=1", "KAFKA_ABC___DEF=2", "KAFKA_ABC__DEF=3"]) == (
        "abc.def=1\nabc-def=2\nabc_def=3\n"
    )
