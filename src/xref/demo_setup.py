"""Laying out the demonstration: a folder a participant, with keys, configuration and forms.

Only what an operator does by command is done here, by the same functions; the files stay to be
read, and every participant can be started again from its folder.
"""

import json
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xref.errors import ConfigError
from xref.operations import (
    build_bundle,
    new_office_keys,
    new_seed,
    party_signer,
    sign_bundle,
    write_keyring,
)
from xref.resources import data_folder
from xref.running import now_ms
from xref.wire.keyring import KeyLine
from xref.wire.office import party_of

MARKER: Final = ".xref-demo"
WITNESS: Final = "xref/witness/v1/demo"
_DAY_MS: Final = 86_400_000
_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Participant:
    """One process of the demonstration: its folder's name and how it is started."""

    folder: str
    kind: str
    office: str = ""
    country: str = ""


WITNESS_PROCESS: Final = Participant("witness", "witness")
OFFICES: Final = (
    Participant("la-hop", "hop", "LAHOP001"),
    Participant("vn-hop", "hop", "VNHOP001"),
    Participant("la-nrm", "desk", "LANRM001", "la"),
    Participant("vn-nrm", "desk", "VNNRM001", "vn"),
    Participant("vn-service-provider", "desk", "VNSVC001", "vn"),
)


def lay_out(data: Path) -> None:
    """Make the folder anew with everything that the participants need.

    Raises `ConfigError` for a folder that holds something else.
    """
    _make_empty(data)
    parties = {
        party: new_seed(data / f"{party.lower()}-party" / "party.key") for party in ("LA", "VN")
    }
    witness_key = new_seed(data / "witness" / "witness.key")
    lines = {
        each.office: new_office_keys(data / each.folder / "keys.json", each.office, _DAYS)
        for each in OFFICES
    }
    _sign(data, lines)
    port = _free_port()
    _write_witness(data, parties, port)
    for each in OFFICES:
        _write_office(data, each, parties, witness_key, port)


def _make_empty(data: Path) -> None:
    if data.exists() and any(data.iterdir()) and not (data / MARKER).exists():
        message = f"{data}: holds something else; name another folder with --data"
        raise ConfigError(message)
    if data.exists():
        shutil.rmtree(data)
    data.mkdir(mode=0o700, parents=True)
    (data / MARKER).write_text("Made by `xref demo`, which removes and makes it anew.\n")


def _sign(data: Path, lines: dict[str, list[KeyLine]]) -> None:
    """Have both Parties sign the bundle, and each its own keyring."""
    draft = build_bundle(data / "bundle")
    window = (now_ms() - _DAY_MS, now_ms() + _DAYS * _DAY_MS)
    keyrings = [data / each.folder / "keyrings" for each in (*OFFICES, WITNESS_PROCESS)]
    for party in ("LA", "VN"):
        signer = party_signer(party, data / f"{party.lower()}-party" / "party.key")
        sign_bundle(data / "bundle", signer, window)
        own = [line for office, some in lines.items() if party_of(office) == party for line in some]
        write_keyring(party, 1, own, draft, signer, keyrings)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _parties(parties: dict[str, str]) -> str:
    rows = "".join(f'{party} = "{key}"\n' for party, key in parties.items())
    return f"# Each Party's own public key, agreed in person.\n[parties]\n{rows}"


def _write_witness(data: Path, parties: dict[str, str], port: int) -> None:
    text = (
        f"# Start: xref witness run --config {data.name}/witness/witness.toml\n"
        f'name = "{WITNESS}"\nport = {port}\nkeys = "witness.key"\n\n{_parties(parties)}'
    )
    (data / "witness" / "witness.toml").write_text(text, "utf-8")


def _write_office(
    data: Path, each: Participant, parties: dict[str, str], witness_key: str, port: int
) -> None:
    folder, lines = (
        data / each.folder,
        [
            f"# Start: xref {each.kind} run --config {data.name}/{each.folder}/{each.kind}.toml",
            f'office = "{each.office}"',
            'bundles = ["../bundle"]',
        ],
    )
    if each.kind == "desk":
        shutil.copytree(data_folder("adapters") / each.country, folder / "adapter")
        (folder / "forms").mkdir()
        lines += ['adapter = "adapter"']
    text = "\n".join(lines) + "\n\n" + _parties(parties)
    text += '\n[transport]\ndriver = "sqlite"\nfolder = "../transport"\n'
    if each.kind == "hop":
        text += (
            f'\n[[witnesses]]\nname = "{WITNESS}"\nurl = "http://127.0.0.1:{port}"\n'
            f'key = "{witness_key}"\n'
        )
    (folder / f"{each.kind}.toml").write_text(text, "utf-8")


def la_form(data: Path) -> Path:
    """Put the Lao spreadsheet of two invented people into LA nrm's folder; return it."""
    file = data / "la-nrm" / "forms" / "referrals.csv"
    shutil.copy(data_folder("adapters") / "la" / "samples" / "referrals.csv", file)
    return file


def vn_answer(data: Path, message: str) -> Path:
    """Put VN nrm's answer to `message`, in its own form, into its folder; return it."""
    sample = data_folder("adapters") / "vn" / "samples" / "answer.json"
    form = json.loads(sample.read_text("utf-8"))
    form["trả lời cho mã tin"] = message
    file = data / "vn-nrm" / "forms" / "answer.json"
    file.write_text(json.dumps(form, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return file
