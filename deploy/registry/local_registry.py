"""Apicurio Registry on this machine, without Docker: in memory, on a free local port.

    python deploy/registry/local_registry.py --data /tmp/registry

Needs Java 17 and, the first time, Maven, which fetches the registry; it is checked by its hash.
Prints one line of JSON with the address when it answers, and ends at SIGTERM, at Ctrl-C or with the
process that started it. For trying xref out and for its tests: it listens on 127.0.0.1 alone,
everybody on this machine may use it, and what it knows ends with it.
"""

import argparse
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

# The scripts for Kafka beside it know how to start Java here and how to end with their starter.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kafka"))
from local_kafka import FreePorts, die_with_parent, lacks_java, serve

VERSION: Final = "2.6.13.Final"
_ARTIFACT: Final = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
_FILE: Final = f"apicurio-registry-app-{VERSION}-all.tar.gz"
_SHA256: Final = "3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba"
_JAR: Final = f"apicurio-registry-app-{VERSION}-runner.jar"
_PATH: Final = "/apis/ccompat/v7"
_READY_SECONDS: Final = 180.0  # no measure: a machine may be slow, and busy
_END_SECONDS: Final = 15.0


class RegistryError(Exception):
    """The registry cannot be had or started here; the message names the cure."""


def missing() -> str:
    """Return in a sentence what this machine lacks to run the registry, or nothing."""
    lacking = lacks_java()
    if not lacking and not _folder().exists() and shutil.which("mvn") is None:
        return "Maven is not on PATH, which fetches the registry (on Debian: maven)"
    return lacking


def _folder() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(caches) / "xref" / f"registry-{_SHA256[:12]}"


def fetch() -> Path:
    """Return the registry's folder; fetch it the first time, checked by its hash."""
    folder = _folder()
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
        target = [f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={scratch}"]
        done = subprocess.run(  # noqa: S603 - no part of it comes from outside
            ["mvn", "-q", "-B", plugin, *target],  # noqa: S607 - found on PATH
            capture_output=True,
            text=True,
            check=False,
        )
        file = Path(scratch) / _FILE
        if done.returncode or not file.exists():
            message = f"Maven could not fetch it: {(done.stdout + done.stderr).strip()[-400:]}"
            raise RegistryError(message)
        if hashlib.sha256(file.read_bytes()).hexdigest() != _SHA256:
            message = f"{_FILE} is not the one with the SHA-256 {_SHA256}"
            raise RegistryError(message)
        unpacked = Path(scratch) / "unpacked"
        with tarfile.open(file) as archive:
            archive.extractall(unpacked, filter="data")
        with suppress(OSError):  # another process was quicker
            unpacked.rename(folder)
    return folder


class LocalRegistry:
    """A registry as a process of this one; use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        """Write its output to `folder`."""
        lacking = missing()
        if lacking:
            raise RegistryError(lacking)
        folder.mkdir(parents=True, exist_ok=True)
        self._jar, self._folder = fetch() / _JAR, folder.resolve()
        self._free = FreePorts(1)
        (self._port,) = self._free.numbers
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients of Confluent's API."""
        return f"http://127.0.0.1:{self._port}{_PATH}"

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        java = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        settings = ("-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self._port}")
        with (self._folder / "output").open("wb") as output:
            self._running = subprocess.Popen(  # noqa: S603 - no part of it comes from outside
                [*java, *settings, "-jar", str(self._jar)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls the kernel and nothing else
            )
        try:
            self._wait_until_it_answers(self._running)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        self.end()

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"the registry did not start; read {self._folder / 'output'}"
                raise RegistryError(message)
            time.sleep(0.1)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", f"{_PATH}/subjects")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def end(self) -> None:
        """End it in order, and by force if it does not end."""
        self._free.close()
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
        self._running = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the registry until asked to end; returns the exit code."""
    parser = argparse.ArgumentParser(description="Runs Apicurio Registry on this machine.")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--data", type=Path, help="a folder for its output")
    wanted.add_argument("--fetch", action="store_true", help="fetch it, and start nothing")
    parser.add_argument("--with-process", type=int, default=os.getppid(), help="end with it")
    options = parser.parse_args(arguments)
    try:
        if options.fetch:
            sys.stdout.write(f"{fetch().name} is here\n")
            return 0
        serve(
            lambda: LocalRegistry(options.data),
            lambda registry: {"url": registry.url},
            options.with_process,
        )
    except RegistryError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
