"""Starting and ending a demonstration's own processes, by id; none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from xref.errors import UnavailableError

_END_SECONDS: Final = 10.0
_READY: Final = '"event": "ready"'


class Processes:
    """Processes of this program, each with a log file; ended when the context ends."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}
        self._held: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        """End the processes at SIGTERM too, not only at Ctrl-C."""
        self._before = signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End every process."""
        self.end()
        signal.signal(signal.SIGTERM, self._before)

    def start(self, name: str, arguments: list[str], log: Path) -> None:
        """Start an office by `xref` with arguments; its log goes to a file.

        Its standard input is a pipe that only this process holds. So it ends when this one does,
        even by SIGKILL, on any system.
        """
        with log.open("ab") as stream, _interrupted_afterwards():
            self._running[name] = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", "xref", *arguments, "--until-stdin-ends"],
                stdin=self._pipe(),
                stdout=stream,
                stderr=stream,
                # Its own group: Ctrl-C reaches the parent, which then ends it in order.
                start_new_session=True,
            )
        self._logs[name] = log

    def is_ready(self, name: str) -> bool:
        """Return whether the process says so; `UnavailableError` if it has ended instead."""
        if self._running[name].poll() is not None:
            message = f"{name} has ended; read {self._logs[name]}"
            raise UnavailableError(message)
        return _READY in self._logs[name].read_text("utf-8", "replace")

    def process_id(self, name: str) -> int:
        """Return the id of a started process."""
        return self._running[name].pid

    def check(self) -> None:
        """Raise `UnavailableError` if a process has ended."""
        for name in self._running:
            self.is_ready(name)

    def stop(self, name: str) -> None:
        """End one process."""
        with _uninterrupted():
            _end([self._running.pop(name)])

    def end(self) -> None:
        """End every process: the first started last, as the others may still need it."""
        with _uninterrupted():
            running = list(self._running.values())
            _end(running[1:])
            _end(running[:1])
            self._running.clear()
            held, self._held = self._held, None
            for each in held or ():
                os.close(each)

    def _pipe(self) -> int:
        """Return the end for children of a pipe whose other end they do not have."""
        if self._held is None:
            self._held = os.pipe()
        return self._held[0]


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask processes to end, wait, and end by force what does not."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _END_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt


@contextmanager
def _interrupted_afterwards() -> Iterator[None]:
    """Let Ctrl-C wait until a started process is known, so that none is left."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: asked.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back while processes are being ended, so that none is left."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_once(
    arguments: list[str], folder: Path | None = None, columns: int = 80, exit_code: int = 0
) -> str:
    """Run `xref` with arguments in a folder to its end; return what it printed on so many columns.

    Raises `UnavailableError` with what it said if it ended with another exit code.
    """
    done = subprocess.run(  # noqa: S603 - this program itself
        [sys.executable, "-m", "xref", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": str(columns)},
    )
    if done.returncode != exit_code:
        message = f"xref {arguments[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()}"
        raise UnavailableError(message)
    return done.stdout.decode("utf-8")
