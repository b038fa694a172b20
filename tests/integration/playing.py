"""Playing the demonstration as a script would: by its command, and reading what it tells."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from xref.demo_setup import INSIDE

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


def play(case: str, data: Path, *more: str, corridor: str = "la-vn-2010") -> dict[str, Any]:
    """Play a case as a script would; whatever it is, the proof holds and all have ended."""
    command = [*XREF, "demo", "--corridor", corridor, "--json", "--data", str(data), *more]
    command += ["--case", case] if case else []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo:
        try:
            said, _ = demo.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            demo.terminate()  # it ends its own processes, which a kill would leave behind
            raise
    assert demo.returncode == 0
    story: dict[str, Any] = json.loads(said)
    check_proof(story, {"la"} if corridor == INSIDE else set(corridor.split("-")[:2]))
    assert own_processes(data) == []
    return story


def check_proof(story: dict[str, Any], parties: set[str]) -> None:
    """Check that every trail and link is verified and whole, and that they agree."""
    assert story["reconciled"]
    assert {each.lower() for each in story["trails"]} == parties
    for trail in story["trails"].values():
        assert trail["verified"]
        assert trail["witnessed"] == trail["size"] > 0
    for link in story["links"].values():
        assert link["verified"]
        assert link["acknowledged"] == link["size"] > 0


def outcomes(story: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(m["type"], m["from"], m["to"], m["outcome"]) for m in story["messages"]]
