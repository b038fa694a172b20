"""A shard is added to running offices: nothing is lost or doubled, and open cases stay."""

import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from integration.offices import ALL, OFFICES, Offices, apply_topics, running, wait_for
from integration.people import People, reply, table
from xref.audit_folders import audit_folders
from xref.bundle import write_bundle
from xref.consultation import none_held
from xref.demo_setup import Participant
from xref.desk.cabinet import Cabinet
from xref.operations import (
    draft_bundle,
    party_signer,
    public_lines,
    sign_bundle,
    validity,
    write_keyring,
)
from xref.processes import run_once
from xref.state import State
from xref.story import received_messages
from xref.wire.office import party_of

SECOND = (Participant("la-hop-1", "hop", "LAHOP001"), Participant("vn-hop-1", "hop", "VNHOP001"))
CASES_OLD, CASES_UNDER_WAY, CASES_NEW = 4, 6, 20
KAFKA = pytest.param("kafka", marks=pytest.mark.needs_kafka)
# On the embedded transport the guide `add-a-shard` is executed, and this by `make crash`.
OVER = ["sqlite", KAFKA] if os.environ.get("XREF_LONG") == "1" else [KAFKA]


class Growing:
    """Offices that are given a second shard while people are referred."""

    def __init__(self, offices: Offices) -> None:
        self.offices, self.data = offices, offices.data
        self.people = People()
        self.opened = 0

    def refer(self, count: int) -> set[str]:
        """Hand in the referrals of so many people; return their case numbers."""
        people = [self.people.invent(held=False) for _ in range(count)]
        file = self.data / "la-nrm" / "forms" / "people.csv"
        file.write_bytes(table("referrals.csv", people))
        run_once(["desk", "submit", str(file), "--config", self.offices.config("la-nrm")])
        return {person.case for person in people}

    def arrived(self) -> bool:
        """Whether all that was handed in is opened abroad."""
        messages = self.offices.messages("la-nrm")
        expected = 2 * len(self.people.everybody)
        return len(messages) == expected and all(each["opened"] for each in messages)

    def sign(self) -> None:
        """Have both Parties sign a bundle with two shards, and keyrings under it."""
        file = self.data / "directory.toml"
        old = (self.data / "bundle" / "directory.toml").read_text(encoding="utf-8")
        file.write_text("shards = 2\n" + old, encoding="utf-8")
        draft = draft_bundle(file, consultation=none_held("A test."))
        write_bundle(self.data / "bundle-2", draft)
        window = validity("", 30)
        folders = [self.data / each.folder / "keyrings" for each in ALL]
        for party in ("LA", "VN"):
            signer = party_signer(party, self.data / f"{party.lower()}-party" / "party.key")
            sign_bundle(self.data / "bundle-2", signer, window)
            lines = [
                line
                for each in OFFICES
                if party_of(each.office) == party
                for line in public_lines(self.data / each.folder / "keys.json")
            ]
            write_keyring(party, 2, lines, draft, signer, folders)

    def configure(self) -> None:
        """Name the new bundle everywhere, and give the new shards their folders."""
        for each in OFFICES:
            file = Path(self.offices.config(each.folder))
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace('"../bundle"', '"../bundle", "../bundle-2"'), "utf-8")
        for each in SECOND:
            first, folder = self.data / each.folder.removesuffix("-1"), self.data / each.folder
            folder.mkdir(mode=0o700)
            shutil.copytree(first / "keyrings", folder / "keyrings")
            shutil.copy(first / "keys.json", folder)
            text = (first / "hop.toml").read_text(encoding="utf-8")
            office = f'office = "{each.office}"\n'
            (folder / "hop.toml").write_text(text.replace(office, f"{office}shard = 1\n"), "utf-8")

    def restart_all(self) -> None:
        """Restart everybody in turn, while more is handed in."""
        for each in ALL:
            self.offices.processes.stop(each.folder)
            self.offices.start(each)
            if each.kind == "hop":
                self.refer(CASES_UNDER_WAY // 2)

    def kill(self, each: Participant) -> None:
        process = self.offices.processes._running[each.folder]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.offices.start(each)

    def answer(self) -> set[str]:
        """Answer what arrived before; return the messages that are answered."""
        with self.offices.desk("vn-nrm").records() as store:
            received = received_messages(store)[:CASES_OLD]
        for number, (message, content) in enumerate(received):
            file = self.data / "vn-nrm" / "forms" / "answer.json"
            file.write_bytes(reply("vn", "answer.json", message, content["values"], number))
            run_once(["desk", "submit", str(file), "--config", self.offices.config("vn-nrm")])
        return {message for message, _ in received}

    def sent(self, folder: str) -> list[dict[str, Any]]:
        with self.offices.desk(folder).records() as store:
            return [story for _, story in Cabinet(State(store), bytes).all("sent")]

    def shards(self) -> dict[tuple[str, str], set[int]]:
        """The shards of messages, by local case number and recipient."""
        with self.offices.desk("la-nrm").records() as store:
            cabinet = Cabinet(State(store), bytes)
            records = dict(cabinet.all("record"))
            found: dict[tuple[str, str], set[int]] = {}
            for _, story in cabinet.all("sent"):
                case = records[bytes.fromhex(story["record"])]["record"]["case"]
                found.setdefault((case, story["to"]), set()).add(story["shard"])
        return found


@pytest.mark.slow
@pytest.mark.parametrize("over", OVER)
def test_shard_is_added_to_running_offices(
    tmp_path: Path, over: str, request: pytest.FixtureRequest
) -> None:
    """Restarted one by one under way, a new hop killed: each message arrives once, in its place."""
    kafka = request.getfixturevalue("kafka_servers") if over == "kafka" else None
    with running(tmp_path / "data", kafka) as offices:
        growing = Growing(offices)
        old = growing.refer(CASES_OLD)
        wait_for(growing.arrived)
        old |= growing.refer(CASES_UNDER_WAY)
        growing.sign()
        growing.configure()
        if kafka:
            apply_topics(offices.data)
        for each in SECOND:
            offices.start(each)
        growing.restart_all()
        answered = growing.answer()
        new = growing.refer(CASES_NEW // 2)
        growing.kill(SECOND[0])
        growing.kill(SECOND[1])
        new |= growing.refer(CASES_NEW // 2)
        wait_for(growing.arrived)
        wait_for(
            lambda: [s["outcome"] for s in growing.sent("vn-nrm")] == ["opened"] * len(answered)
        )
        shards = growing.shards()
        assert [used for (case, _), used in shards.items() if case in old] == [{0}] * 2 * len(old)
        used_by_new = [used for (case, _), used in shards.items() if case in new]
        assert all(len(used) == 1 for used in used_by_new)
        assert set.union(*used_by_new) == {0, 1}
        messages = offices.messages("la-nrm")
        said = Counter(r["outcome"] for each in messages for r in each["receipts"])
        assert "rejected" not in said
        for folder, kind in (
            ("vn-nrm", "victim-referral"),
            ("vn-service-provider", "service-referral"),
        ):
            there = {file.stem for file in (offices.data / folder / "received").glob("*.json")}
            assert there == {each["id"] for each in messages if each["type"] == kind}
        wait_for(lambda: not audit_folders(folders(offices)).problems())
    audited = audit_folders(folders(offices))
    assert audited.problems() == []
    shown = audited.as_json()
    assert {"LA", "LA/1", "VN", "VN/1"} == set(shown["trails"])
    assert all(trail["witnessed"] == trail["size"] for trail in shown["trails"].values())


def folders(offices: Offices) -> list[Path]:
    return [offices.data / each.folder for each in (*OFFICES, *SECOND)]
