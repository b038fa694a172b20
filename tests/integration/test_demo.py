"""The demonstration as a stranger runs it, and what is left when it is stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

XREF = [sys.executable, "-m", "xref"]


def own_processes(data: Path) -> list[int]:
    """The processes whose command names a path in `data`."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes()
        except OSError:
            continue
        if os.fsencode(data) in command:
            found.append(int(each.parent.name))
    return found


def test_referral_and_answer_cross_and_everything_is_verified(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    for _ in range(2):  # the second run is as clean as the first
        done = subprocess.run(
            [*XREF, "demo", "--json", "--data", str(data)],
            capture_output=True,
            check=True,
            timeout=100,
        )
        story = json.loads(done.stdout)
        crossed = [(m["type"], m["from"], m["to"], m["outcome"]) for m in story["messages"]]
        assert crossed == [
            ("victim-referral", "LANRM001", "VNNRM001", "delivered"),
            ("service-referral", "LANRM001", "VNSVC001", "delivered"),
            ("victim-referral", "LANRM001", "VNNRM001", "refused"),
            ("service-referral", "LANRM001", "VNSVC001", "refused"),
            ("referral-response", "VNNRM001", "LANRM001", "delivered"),
        ]
        referral, service, refused = story["messages"][:3]
        assert set(service["disclosed"]) < set(referral["disclosed"])
        assert "birth_date" not in service["disclosed"]
        assert referral["withheld"] == ["exploitation_types"]
        assert referral["withheld_by"]["exploitation_types"] == ["floor/sharing-consent-scope"]
        assert (refused["disclosed"], refused["rules"]) == ([], ["floor/asylum"])
        assert refused["explained"][0]["cite"]
        assert refused["explained"][0]["cure"]
        said = [receipt["outcome"] for receipt in referral["receipts"]]
        assert said == ["forwarded", "delivered", "opened"]
        assert story["reconciled"]
        assert set(story["trails"]) == {"LA", "VN"}
        for trail in story["trails"].values():
            assert trail["verified"]
            assert trail["witnessed"] == trail["size"] > 0
        for link in story["links"].values():
            assert link["verified"]
            assert link["acknowledged"] == link["size"] > 0
        assert own_processes(data) == []
    form = json.loads(next((data / "vn-nrm" / "received").glob("*.json")).read_text("utf-8"))
    assert form["biểu mẫu"] == "Phiếu tiếp nhận chuyển tuyến nạn nhân"
    assert form["người được chuyển tuyến"]["họ"] == "ຫງວຽນ"


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    with subprocess.Popen(
        [*XREF, "demo", "--data", str(data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as demo:
        deadline = time.monotonic() + 30
        while len(own_processes(data)) < 7:  # the demo itself and its six participants
            assert time.monotonic() < deadline
            assert demo.poll() is None
            time.sleep(0.05)
        os.kill(demo.pid, signal.SIGINT)
        _, said = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert said == b"xref: stopped\n"
    assert own_processes(data) == []


def test_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = subprocess.run(
        [*XREF, "demo", "--data", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "name another folder with --data" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("columns", ["80", "140"])
def test_help_shows_an_example(columns: str) -> None:
    for command in (["demo"], ["hop", "run"], ["desk", "submit"], ["audit"], ["keys", "new"]):
        done = subprocess.run(
            [*XREF, *command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": columns},
        )
        assert "example:" in done.stdout
