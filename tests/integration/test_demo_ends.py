"""What is left of a demonstration that is stopped, and of a folder that is not its own."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.offices import WAIT_SECONDS
from integration.playing import XREF, own_processes


@contextmanager
def started(case: str, data: Path, participants: int) -> Iterator[subprocess.Popen[bytes]]:
    """A demonstration of which all participants run."""
    with subprocess.Popen(
        [*XREF, "demo", "--case", case, "--data", str(data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as demo:
        deadline = time.monotonic() + WAIT_SECONDS
        while len(own_processes(data)) < 1 + participants:
            assert time.monotonic() < deadline
            assert demo.poll() is None
            time.sleep(0.05)
        yield demo


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    with started("first-crossing", data, participants=6) as demo:
        os.kill(demo.pid, signal.SIGINT)
        _, said = demo.communicate(timeout=WAIT_SECONDS)
    assert demo.returncode == 130
    assert said == b"xref: stopped\n"
    assert own_processes(data) == []


def test_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    """SIGKILL tells nobody; its offices notice that their standard input has ended."""
    data = tmp_path / "demo"
    with started("first-crossing", data, participants=6) as demo:
        demo.kill()
        demo.wait()
    deadline = time.monotonic() + WAIT_SECONDS
    while own_processes(data):
        assert time.monotonic() < deadline, own_processes(data)
        time.sleep(0.05)
    for log in data.glob("*/*.log"):
        assert '"level": "error"' not in log.read_text("utf-8"), "they ended in order"


def test_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = subprocess.run(
        [*XREF, "demo", "--data", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "name another folder with --data" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
