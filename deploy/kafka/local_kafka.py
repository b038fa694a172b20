"""Apache Kafka on this machine, without Docker: 1 or 3 nodes in a folder, on free local ports.

    python deploy/kafka/local_kafka.py --data kafka [--port 9092 | --nodes 3] [--tls DIR]

Needs Java 17 and, the first time, Maven, which fetches Kafka's own jars; each is checked against
`jars.sha256`. Prints one line of JSON when the nodes are ready, and ends them at SIGTERM, at Ctrl-C
or with the process that started it. For trying xref out and for its tests: the nodes listen on
127.0.0.1 alone, and everybody on this machine may use the listener without TLS.
"""

import argparse
import base64
import ctypes
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import FrameType
from typing import Final, Self, TypeVar

Server = TypeVar("Server")
_HERE: Final = Path(__file__).resolve().parent
_JAVA_MIN: Final = 17
_READY: Final = "Kafka Server started"
_READY_SECONDS: Final = 180.0  # no measure: a machine may be slow, and busy
_END_SECONDS: Final = 15.0
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, see prctl(2)
_JAVA: Final = (
    *("java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *("-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-cp"),
)


class KafkaError(Exception):
    """Kafka cannot be had or started here; the message names the cure."""


def lacks_java() -> str:
    """Return in a sentence what this machine lacks to run what needs Java 17, or nothing."""
    if shutil.which("java") is None:
        return "Java 17 or later is not on PATH (on Debian: openjdk-17-jre-headless)"
    said = subprocess.run(
        ["java", "-version"],  # noqa: S607 - found on PATH
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    version = said.partition('"')[2].partition(".")[0]
    if not version.isdigit() or int(version) < _JAVA_MIN:
        return f"Java is {version or 'of no known version'}; 17 or later is needed"
    return ""


def missing() -> str:
    """Return in a sentence what this machine lacks to run Kafka, or nothing."""
    if lacking := lacks_java():
        return lacking
    if not _is_complete(_jar_folder()) and shutil.which("mvn") is None:
        return "Maven is not on PATH, which fetches Kafka (on Debian: maven)"
    return ""


def _jar_folder() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(caches) / "xref" / f"kafka-{_digest(_HERE / 'jars.sha256')[:12]}"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _expected() -> dict[str, str]:
    lines = (_HERE / "jars.sha256").read_text("ascii").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _expected())


def fetch_jars() -> Path:
    """Return the folder of Kafka's jars; fetch them the first time, each checked by its hash."""
    lacking = missing()
    if lacking:
        raise KafkaError(lacking)
    folder = _jar_folder()
    if _is_complete(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        shutil.copy(_HERE / "pom.xml", scratch)
        plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
        command = ["mvn", "-q", "-B", plugin, "-DoutputDirectory=jars", "-DincludeScope=runtime"]
        done = subprocess.run(  # noqa: S603 - no part of it comes from outside
            command, cwd=scratch, capture_output=True, text=True, check=False
        )
        if done.returncode:
            message = f"Maven could not fetch Kafka: {(done.stdout + done.stderr).strip()[-400:]}"
            raise KafkaError(message)
        jars = Path(scratch) / "jars"
        expected = _expected()
        found = {file.name: _digest(file) for file in jars.glob("*.jar")}
        if found != expected:
            odd = sorted(dict(found.items() ^ expected.items()))
            message = f"Kafka's jars are not those of jars.sha256: {', '.join(odd)}"
            raise KafkaError(message)
        with suppress(OSError):  # another process was quicker
            jars.rename(folder)
    if not _is_complete(folder):
        message = f"{folder} lacks some of Kafka's jars; remove it, and start again"
        raise KafkaError(message)
    return folder


class FreePorts:
    """Ports of 127.0.0.1 that nobody uses; on Linux nobody else is given one until they are closed.

    Their server listens at them all the same: these are bound to them, and do not listen.
    """

    def __init__(self, count: int) -> None:
        """Take any."""
        self._kept = [socket.socket() for _ in range(count)]
        for each in self._kept:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        self.numbers = [int(each.getsockname()[1]) for each in self._kept]
        if sys.platform != "linux":  # elsewhere nobody listens where another is bound
            self.close()

    def close(self) -> None:
        """Leave them to anybody."""
        for each in self._kept:
            each.close()


def _new_uuid() -> str:
    """Return a new id as Kafka writes them; a first "-" would make an option of it."""
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return name if name[0] != "-" else _new_uuid()


def die_with_parent() -> None:
    """Have the kernel end a node whose parent is gone, where the kernel can.

    By force: one of three that is asked to end waits for the other two, which may be gone.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


class LocalKafka:
    """Nodes in `folder`, each a process of this one; use it in a `with`."""

    def __init__(
        self,
        folder: Path,
        nodes: int = 1,
        tls: Path | None = None,
        port: int | None = None,
        passwords: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Lay the nodes out; `tls` is a folder with ca.pem and broker.pem (key and certificate).

        With `tls` there is a second listener, on which clients show a certificate of that CA and
        may do only what ACLs allow to `User:CN=...`; the listener without TLS is the administrator.
        `passwords` of users make a third one, over TLS, which takes them by PLAIN. `port` is the
        first node's, without TLS; the others are free ones. `settings` go over ours.
        """
        self._more_settings = dict(settings or {})
        self.folder, self.nodes = folder.resolve(), range(1, nodes + 1)
        self._jars = fetch_jars()
        self._tls, self._passwords = tls, passwords or {}
        self._free = FreePorts(4 * nodes)
        ports = self._free.numbers
        self._ports = {n: ports[4 * n - 4 : 4 * n] for n in self.nodes}
        if port is not None:
            self._ports[1][0] = port
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lay_out()

    @property
    def servers(self) -> list[str]:
        """The addresses without TLS."""
        return [f"127.0.0.1:{self._ports[n][0]}" for n in self.nodes]

    @property
    def tls_servers(self) -> list[str]:
        """The addresses with TLS and ACLs; none without `tls`."""
        return [f"127.0.0.1:{self._ports[n][2]}" for n in self.nodes if self._tls]

    @property
    def password_servers(self) -> list[str]:
        """The addresses with passwords over TLS; none without `passwords`."""
        return [f"127.0.0.1:{self._ports[n][3]}" for n in self.nodes if self._passwords]

    def __enter__(self) -> Self:
        """Start every node and wait until all are ready."""
        try:
            for node in self.nodes:
                self.start(node)
            for node in self.nodes:
                self.wait_ready(node)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """End every node."""
        self.end()

    def _lay_out(self) -> None:
        cluster = _new_uuid()
        voters = ",".join(f"{n}@127.0.0.1:{self._ports[n][1]}:{_new_uuid()}" for n in self.nodes)
        for node in self.nodes:
            home = self.folder / f"node-{node}"
            home.mkdir(parents=True)
            file = home / "server.properties"
            settings = self._settings(node)
            file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
            self._java(
                [
                    *("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file)),
                    *("--initial-controllers", voters),
                ]
            )

    def _settings(self, node: int) -> dict[str, str]:
        client, controller, tls, password = self._ports[node]
        count = str(len(self.nodes))
        controllers = ",".join(f"127.0.0.1:{self._ports[n][1]}" for n in self.nodes)
        listeners = [f"PLAINTEXT://127.0.0.1:{client}"]
        settings = {
            "process.roles": "broker,controller",
            "node.id": str(node),
            "controller.quorum.bootstrap.servers": controllers,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,"
            "PASSWORD:SASL_SSL",
            "log.dirs": str(self.folder / f"node-{node}" / "log"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": count,
            "transaction.state.log.replication.factor": count,
            "share.coordinator.state.topic.replication.factor": count,
            "default.replication.factor": count,
            "min.insync.replicas": "1" if len(self.nodes) == 1 else "2",
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "1000",
            "log.cleaner.dedupe.buffer.size": "8388608",
            "num.network.threads": "2",
            "num.io.threads": "4",
        }
        if self._tls:
            listeners.append(f"TLS://127.0.0.1:{tls}")
            settings |= {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                "ssl.client.auth": "required",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(self._tls / "broker.pem"),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self._tls / "ca.pem"),
            }
        if self._passwords:
            listeners.append(f"PASSWORD://127.0.0.1:{password}")
            users = " ".join(f'user_{name}="{word}"' for name, word in self._passwords.items())
            login = "org.apache.kafka.common.security"
            settings |= {
                "listener.name.password.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "listener.name.password.ssl.client.auth": "none",
                "listener.name.password.plain.sasl.jaas.config": (
                    f"{login}.plain.PlainLoginModule required {users};"
                ),
                "listener.name.password.scram-sha-512.sasl.jaas.config": (
                    f"{login}.scram.ScramLoginModule required;"
                ),
            }
        settings["advertised.listeners"] = ",".join(listeners)
        settings["listeners"] = ",".join([*listeners, f"CONTROLLER://127.0.0.1:{controller}"])
        return settings | self._more_settings

    def _java(self, arguments: Sequence[str]) -> None:
        done = subprocess.run(  # noqa: S603 - no part of it comes from outside
            [*_JAVA, f"{self._jars}/*", *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            message = f"{arguments[0]} failed: {(done.stdout + done.stderr).strip()[-400:]}"
            raise KafkaError(message)

    def start(self, node: int) -> None:
        """Start a node that does not run.

        The kernel ends it with the thread that called this: call it from one that lasts.
        """
        home = self.folder / f"node-{node}"
        with (home / "output").open("wb") as output:
            self._running[node] = subprocess.Popen(  # noqa: S603 - no part of it comes from outside
                [*_JAVA, f"{self._jars}/*", "kafka.Kafka", str(home / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=home,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls the kernel and nothing else
            )

    def wait_ready(self, node: int) -> None:
        """Wait until a node serves; `KafkaError` if it ends or takes too long."""
        output = self.folder / f"node-{node}" / "output"
        deadline = time.monotonic() + _READY_SECONDS
        while _READY not in output.read_text("utf-8", "replace"):
            if self._running[node].poll() is not None or time.monotonic() > deadline:
                message = f"node {node} did not start; read {output}"
                raise KafkaError(message)
            time.sleep(0.05)

    def kill(self, node: int) -> None:
        """End a node as a power cut does."""
        self._running[node].kill()
        self._running.pop(node).wait()

    def end(self) -> None:
        """End every node in order, and by force what does not end."""
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + _END_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        self._free.close()


class _Ended(Exception):  # noqa: N818 - no error: somebody asked for the end
    """It is time to end."""


def _asked_to_end(number: int, frame: FrameType | None) -> None:
    """Handle a signal: raise `_Ended`."""
    del number, frame
    raise _Ended


def exists(process: int) -> bool:
    """Return whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def serve(
    make: Callable[[], AbstractContextManager[Server]],
    says: Callable[[Server], Mapping[str, object]],
    starter: int,
) -> None:
    """Run a server until asked to end, or its starter is gone; print it when ready."""
    signal.signal(signal.SIGTERM, _asked_to_end)
    signal.signal(signal.SIGINT, _asked_to_end)
    with suppress(_Ended), make() as running:
        ready = {"event": "ready", "process": os.getpid(), **says(running)}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        while exists(starter):
            time.sleep(0.2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Kafka until asked to end; returns the exit code."""
    parser = argparse.ArgumentParser(description="Runs Apache Kafka on this machine.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, metavar="DIR", help="a new folder for the nodes")
    what.add_argument(
        "--fetch", action="store_true", help="fetch and check the jars, start nothing"
    )
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    parser.add_argument("--port", type=int, help="of the first node (default: a free one)")
    parser.add_argument("--tls", type=Path, metavar="DIR", help="folder of ca.pem and broker.pem")
    parser.add_argument("--with-process", type=int, default=os.getppid(), help="end with it")
    options = parser.parse_args(arguments)
    try:
        if options.fetch:
            sys.stdout.write(f"{fetch_jars()}\n")
            return 0
        serve(
            lambda: LocalKafka(options.data, options.nodes, options.tls, options.port),
            lambda kafka: {"servers": kafka.servers, "tls_servers": kafka.tls_servers},
            options.with_process,
        )
    except KafkaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
