"""Suspending an office while everything runs: real processes, from the file to the refusal."""

import json
from pathlib import Path

from integration.offices import Offices, running, wait_for
from xref.processes import run_once


def sign(offices: Offices, party: str, text: str, version: int, *folders: str) -> None:
    """Sign an overlay as a Party does, and put it beside the keyrings of its offices."""
    source = offices.data / f"{party}-overlay.toml"
    source.write_text(text, "utf-8")
    key = offices.data / f"{party.lower()}-party" / "party.key"
    for folder in folders:
        command = ["overlay", "sign", str(source), "--party", party, "--key", str(key)]
        command += ["--version", str(version), "--bundle", str(offices.data / "bundle")]
        run_once([*command, "--out", str(offices.data / folder / "keyrings")])


def log_of(offices: Offices, folder: str) -> str:
    (file,) = (offices.data / folder).glob("*.log")
    return file.read_text("utf-8")


def test_office_is_suspended_while_everything_runs_and_its_trail_says_so(tmp_path: Path) -> None:
    with running(tmp_path / "data") as offices:
        suspension = '[[suspended]]\noffice = "VNSVC001"\n'
        sign(offices, "VN", suspension, 1, "vn-hop", "vn-service-provider")
        for folder in ("vn-hop", "vn-service-provider"):
            wait_for(lambda at=folder: "overlay in force" in log_of(offices, at))  # type: ignore[misc] # bound now
        offices.submit_people()
        wait_for(lambda: ("victim-referral", "delivered") in offices.outcomes("la-nrm"))
        wait_for(lambda: ("service-referral", "refused") in offices.outcomes("la-nrm"))
        assert not list((offices.data / "vn-service-provider" / "received").glob("*.json"))
        messages = offices.messages("la-nrm")
        went = next(each["id"] for each in messages if each["outcome"] == "delivered")
        config = ["--config", offices.config("la-nrm")]
        explained = json.loads(
            run_once(["policy", "explain", "--json", "--message", went, *config])
        )
        assert explained["goes"]
        assert explained["explained"]
        # What has no force stops the hop, until the Party has mended it.
        file = offices.data / "vn-hop" / "keyrings" / "VN.overlay"
        good = file.read_bytes()
        file.write_bytes(good.replace(b"VNSVC001", b"VNNRM001"))
        wait_for(lambda: "does not verify" in log_of(offices, "vn-hop"))
        file.write_bytes(good)
        wait_for(lambda: "available again" in log_of(offices, "vn-hop"))
        sign(offices, "VN", "", 2, "vn-hop", "vn-service-provider")
        wait_for(lambda: log_of(offices, "vn-hop").count("overlay in force") == 2)
    audited = json.loads(run_once(["audit", "--json", str(offices.data / "vn-hop")]))
    assert audited["verified"]
    changes = audited["trails"]["VN"]["changes"]
    assert [each["kind"] for each in changes] == ["bundle", "overlay", "overlay"]
    assert [each["suspended"] for each in changes[1:]] == [["VNSVC001"], []]
