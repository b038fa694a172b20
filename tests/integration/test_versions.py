"""Last version's offices and this version's, as processes, while both bundles are in force.

Both ways: a referral one way and its answer the other, with each side in turn behind.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import releases
from integration.offices import ALL, OFFICES, Offices, port_kept, wait_for
from unit.schema.versions import change_schemas, last_release
from xref.audit_folders import audit_folders
from xref.bundle import write_bundle
from xref.consultation import none_held
from xref.demo_cases import LA_NRM, VN_NRM
from xref.demo_setup import lay_out, place_form
from xref.operations import draft_bundle, party_signer, sign_bundle, validity
from xref.processes import Processes, run_once
from xref.story import received_messages

LAST, THIS = "bundle", "bundle-2"


def sign_both(data: Path) -> dict[str, str]:
    """Sign last version's bundle and this version's; return their digests."""
    shutil.rmtree(data / LAST)
    record = none_held("Offices of a test.")
    released = last_release().folder
    last = draft_bundle(
        schemas=released / "schemas", policies=released / "policies", consultation=record
    )
    write_bundle(data / LAST, last)
    schemas = shutil.copytree(releases.ROOT / "schemas", data / "schemas")
    change_schemas(schemas)
    write_bundle(data / THIS, draft_bundle(schemas=schemas, consultation=record))
    digests = {}
    for name in (LAST, THIS):
        window = validity("", 30)
        for party in ("LA", "VN"):
            signer = party_signer(party, data / f"{party.lower()}-party" / "party.key")
            digests[name] = sign_bundle(data / name, signer, window).hex()
    return digests


@contextmanager
def overlapping(data: Path, behind: str) -> Iterator[tuple[Offices, dict[str, str]]]:
    """Start everybody with both bundles; the desk `behind` goes on working by the last one."""
    lay_out(data, OFFICES)
    digests = sign_both(data)
    with port_kept(data), Processes() as processes:
        offices = Offices(data, processes)
        for each in OFFICES:
            file = Path(offices.config(each.folder))
            both = f'"../{LAST}", "../{THIS}"]\n'
            if each.folder == behind:
                both += f'works_by = "../{LAST}"\n'
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(f'"../{LAST}"]\n', both), "utf-8")
        for each in ALL:
            offices.start(each)
        wait_for(lambda: all(processes.is_ready(each.folder) for each in ALL))
        yield offices, digests


def received(offices: Offices, folder: str) -> list[tuple[str, dict[str, Any]]]:
    with offices.desk(folder).records() as store:
        return received_messages(store)


def form_in(folder: Path) -> bytes:
    wait_for(lambda: len(list(folder.glob("*.json"))) == 1)
    (file,) = folder.glob("*.json")
    return file.read_bytes()


@pytest.mark.parametrize("behind", [LA_NRM, VN_NRM])
def test_referral_and_answer_cross_between_versions(tmp_path: Path, behind: str) -> None:
    with overlapping(tmp_path / "data", behind) as (offices, digests):
        by = {folder: LAST if folder == behind else THIS for folder in (LA_NRM, VN_NRM)}
        offices.submit_people()
        wait_for(lambda: bool(received(offices, VN_NRM)))
        ((message, asked),) = received(offices, VN_NRM)
        assert asked["bundle"] == digests[by[LA_NRM]]
        assert "look" not in asked
        form = place_form(offices.data, VN_NRM, "answer.json", about=message)
        run_once(["desk", "submit", str(form), "--config", offices.config(VN_NRM)])
        wait_for(lambda: bool(received(offices, LA_NRM)))
        ((_, answered),) = received(offices, LA_NRM)
        assert answered["bundle"] == digests[by[VN_NRM]]
        assert answered["values"]["referral_id"] == asked["values"]["referral_id"]
        # Each side has it in its own office's form too, and nothing on the way was rejected.
        for folder in (LA_NRM, VN_NRM):
            assert json.loads(form_in(offices.data / folder / "received"))
            receipts = [r for each in offices.messages(folder) for r in each["receipts"]]
            assert "rejected" not in {each["outcome"] for each in receipts}
        wait_for(lambda: not audit_folders(folders(offices)).problems())


def folders(offices: Offices) -> list[Path]:
    return [offices.data / each.folder for each in OFFICES]
