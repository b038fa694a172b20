"""Laying out the demonstration: a folder a participant, with keys, configuration and forms.

Only what an operator does by command is done here, by the same functions; the files stay to be
read, and every participant can be started again from its folder.
"""

import csv
import io
import json
import re
import shutil
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from xref.adapter_commands import LIKES, TEMPLATE_PARTY
from xref.bundle import write_bundle
from xref.consultation import none_held
from xref.desk.adapter import FILE_NAME
from xref.errors import ConfigError
from xref.limits import DAY_MS
from xref.operations import (
    draft_bundle,
    new_office_keys,
    new_seed,
    party_signer,
    sign_bundle,
    write_keyring,
)
from xref.resources import data_folder
from xref.running import now_ms
from xref.sources import SHIPPED
from xref.wire.keyring import KeyLine, SubscribeLine
from xref.wire.office import party_of

MARKER: Final = ".xref-demo"
WITNESS: Final = "xref/witness/v1/demo"
NOBODY_CONSULTED: Final = "A demonstration: its offices and people are invented."
INSIDE: Final = "police-ngo"
INSIDE_OF: Final = "LA"
"""The model for exchange inside one country, and the country that takes it over here."""
NOW: Final = "0000000000000"
"""Stands in a form's content for when it is handed in, in Unix ms: an agreement of this moment."""
_DAYS: Final = 365
_BUDDHIST: Final = 543
_BUDDHIST_FROM: Final = 2400


@dataclass(frozen=True, slots=True)
class Participant:
    """One process of the demonstration: its folder's name and how it is started."""

    folder: str
    kind: str
    office: str = ""
    country: str = ""


WITNESS_PROCESS: Final = Participant("witness", "witness")
HOPS: Final = (
    Participant("la-hop", "hop", "LAHOP001"),
    Participant("vn-hop", "hop", "VNHOP001"),
)
DESKS: Final = (
    Participant("la-nrm", "desk", "LANRM001", "la"),
    Participant("la-nationality-authority", "desk", "LANAT001", "la"),
    Participant("la-immigration", "desk", "LAIMM001", "la"),
    Participant("vn-nrm", "desk", "VNNRM001", "vn"),
    Participant("vn-nationality-authority", "desk", "VNNAT001", "vn"),
    Participant("vn-consular-office", "desk", "VNCON001", "vn"),
    Participant("vn-service-provider", "desk", "VNSVC001", "vn"),
    Participant("vn-border-guard", "desk", "VNBOR001", "vn"),
)
OFFICES: Final = (*HOPS, *DESKS)
"""Everybody; a case may take fewer."""
_SUBSCRIPTIONS: Final = {"VNCON001": "travel-notice-consular"}
_FOLDER: Final = 'driver = "sqlite"\nfolder = "../transport"\n'
_STORY_TOLD_ON: Final = date(2026, 11, 26)
_DAY: Final = re.compile(r"\b(\d\d)/(\d\d)/(\d{4})\b")
_MESSAGE_NUMBER: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Kafka:
    """The brokers of each Party's cluster; topics' names begin with `prefix`."""

    servers: Mapping[str, tuple[str, ...]]
    prefix: str

    def text(self, party: str) -> str:
        """Return the configuration of an office's transport."""
        own = self.servers[party]
        text = f'driver = "kafka"\nservers = {json.dumps(own)}\nprefix = "{self.prefix}"\n'
        for peer, servers in self.servers.items():
            if peer != party and servers != own:
                text += (
                    f'\n[[transport.peers]]\nparty = "{peer}"\nservers = {json.dumps(servers)}\n'
                    f'prefix = "{self.prefix}"\n'
                )
        return text

    @property
    def homes(self) -> list[str]:
        """A Party for each cluster."""
        return list({servers: party for party, servers in self.servers.items()}.values())


def offices_of(desks: Collection[str]) -> tuple[Participant, ...]:
    """Return both hops and the named desks."""
    return (*HOPS, *(each for each in DESKS if each.folder in desks))


def lay_out(
    data: Path,
    offices: Sequence[Participant] = OFFICES,
    kafka: Kafka | None = None,
    agreement: str = SHIPPED,
) -> None:
    """Make the folder anew with everything that the witness and `offices` need.

    They share a folder as their transport, or clusters. Raises `ConfigError` for a `data` that
    holds something else.
    """
    _make_empty(data)
    parties = {
        party: new_seed(data / f"{party.lower()}-party" / "party.key")
        for party in dict.fromkeys(party_of(each.office) for each in offices)
    }
    witness_key = new_seed(data / "witness" / "witness.key")
    lines = {
        each.office: new_office_keys(data / each.folder / "keys.json", each.office, _DAYS)
        for each in offices
    }
    if agreement == INSIDE:
        agreement = _take_over(data / f"{INSIDE_OF.lower()}-{INSIDE}")
    _sign(data, offices, lines, agreement)
    port = _free_port()
    _write_witness(data, parties, port)
    for each in offices:
        transport = kafka.text(party_of(each.office)) if kafka else _FOLDER
        _write_office(data, each, parties, witness_key, port, transport)


def _make_empty(data: Path) -> None:
    if data.exists() and any(data.iterdir()) and not (data / MARKER).exists():
        message = f"{data}: holds something else; name another folder with --data"
        raise ConfigError(message)
    if data.exists():
        shutil.rmtree(data)
    data.mkdir(mode=0o700, parents=True)
    (data / MARKER).write_text("Made by `xref demo`, which removes and makes it anew.\n")


def _take_over(folder: Path) -> str:
    """Copy the model into a new folder with an id and a Party of its own; return where it is."""
    folder.mkdir()
    for file in sorted((data_folder("policies") / "agreements" / INSIDE).iterdir()):
        text = file.read_text("utf-8").replace(INSIDE, folder.name)
        text = text.replace('"XX"', f'"{INSIDE_OF}"').replace("\nXX = ", f"\n{INSIDE_OF} = ")
        (folder / file.name).write_text(text, "utf-8")
    return str(folder)


def _sign(
    data: Path, offices: Sequence[Participant], lines: dict[str, list[KeyLine]], agreement: str
) -> None:
    """Have every Party sign the bundle, and its own keyring."""
    record = none_held(NOBODY_CONSULTED)
    draft = draft_bundle(None, (agreement,), consultation=record)
    write_bundle(data / "bundle", draft)
    window = (now_ms() - DAY_MS, now_ms() + _DAYS * DAY_MS)
    keyrings = [data / each.folder / "keyrings" for each in (*offices, WITNESS_PROCESS)]
    for party in draft.directory.parties:
        signer = party_signer(party, data / f"{party.lower()}-party" / "party.key")
        sign_bundle(data / "bundle", signer, window)
        own = [line for office, some in lines.items() if party_of(office) == party for line in some]
        subscribed = [
            SubscribeLine(office, draft.policy.flow_named(flow).code)
            for office, flow in _SUBSCRIPTIONS.items()
            if office in lines and party_of(office) == party
        ]
        write_keyring(party, 1, own, draft, signer, keyrings, subscribed)


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
    data: Path,
    each: Participant,
    parties: dict[str, str],
    witness_key: str,
    port: int,
    transport: str,
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
        shutil.copytree(adapter_of(each.country), folder / "adapter")
        _name_party(folder / "adapter", party_of(each.office))
        (folder / "forms").mkdir()
        _place_samples(folder, each.country)
        lines += ['adapter = "adapter"']
    text = "\n".join(lines) + "\n\n" + _parties(parties)
    text += f"\n[transport]\n{transport}"
    if each.kind == "hop":
        text += (
            f'\n[[witnesses]]\nname = "{WITNESS}"\nurl = "http://127.0.0.1:{port}"\n'
            f'key = "{witness_key}"\n'
        )
    (folder / f"{each.kind}.toml").write_text(text, "utf-8")


def adapter_of(country: str) -> Path:
    """Return the folder of a country's adapter, or of the template where it has none."""
    folder = data_folder("adapters") / country
    return folder if country and folder.is_dir() else data_folder("adapters") / LIKES[0]


def _name_party(adapter: Path, party: str) -> None:
    """Make a copy of the template the Party's own, as `xref adapter new` does."""
    file = adapter / FILE_NAME
    text = file.read_text("utf-8")
    file.write_text(text.replace(f'"{TEMPLATE_PARTY}"', f'"{party}"'), "utf-8")


def _place_samples(folder: Path, country: str) -> None:
    """Put the country's sample forms beside its adapter, with days that are still to come.

    Those in the adapter keep theirs: what they become is written down there, to the day.
    """
    samples = folder / "samples"
    samples.mkdir()
    for sample in (adapter_of(country) / "samples").iterdir():
        if not sample.name.endswith((".records.json", ".values.json", ".form.json")):
            text = in_time(sample.read_text("utf-8"), datetime.now(UTC).date())
            (samples / sample.name).write_text(text, "utf-8")


def place_form(
    data: Path, folder: str, form: str, *, case: str = "", about: str = "", content: str = ""
) -> Path:
    """Put a form into an office's folder and return it: `content`, or a sample of its country.

    `case` keeps that person's row of a table alone. `about` is the number of the received message
    that the form is about, in place of the sample's.
    """
    file = data / folder / "forms" / form
    sample = adapter_of(folder[:2]) / "samples" / form
    text = content or in_time(sample.read_text("utf-8"), datetime.now(UTC).date())
    text = text.replace(f'"{NOW}"', str(now_ms()))
    if case and file.suffix == ".csv":
        text = _one_person(text, case)
    if about:
        told = json.loads(text)
        one = told[0] if isinstance(told, list) else told
        filled = {name: _filled(value, about) for name, value in one.items()}
        text = json.dumps(filled, ensure_ascii=False, indent=2) + "\n"
    file.write_text(text, "utf-8")
    return file


def in_time(text: str, today: date) -> str:
    """Return a sample with the days of its story moved on, so that it is always of today.

    Its people were born before, and stay as old as they are written.
    """
    ahead = max(today - _STORY_TOLD_ON, timedelta())

    def moved(found: re.Match[str]) -> str:
        year, month, day = (int(found[group]) for group in (3, 2, 1))
        era = _BUDDHIST if year > _BUDDHIST_FROM else 0
        if not ahead or year - era < _STORY_TOLD_ON.year:
            return found[0]
        then = date(year - era, month, day) + ahead
        return f"{then:%d/%m}/{then.year + era}"

    return _DAY.sub(moved, text)


def _one_person(text: str, case: str) -> str:
    """Return a table with the rows of one case number alone, which is in its first column."""
    header, *rows = csv.reader(io.StringIO(text))
    kept = io.StringIO()
    csv.writer(kept, lineterminator="\r\n").writerows([header, *(r for r in rows if r[0] == case)])
    return kept.getvalue()


def _filled(value: object, about: str) -> object:
    is_number = isinstance(value, str) and _MESSAGE_NUMBER.fullmatch(value)
    return about if is_number else value
