"""Bundles: schemas, rules and directory, in force only when every Party has signed them.

A bundle is a set of files; its manifest is their `sha256sum` lines, its name the SHA-256 of the
manifest. The note says that name and a validity, signed by every Party of the directory and by
nobody else. See docs/spec/bundle.md.

A `Draft` is built and self-consistent; only `open_bundle` makes a `Bundle`, which is signed too.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from xref.errors import ConfigError, MalformedError, cause_of
from xref.limits import BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX, SHARDS_MAX
from xref.policy.policy import Policy
from xref.policy.reading import Entry, read_toml
from xref.policy.vocabulary import ROLES
from xref.tlog.note import NoteError, SignatureLine, Signer, Verifier, split
from xref.tlog.note import sign as sign_note
from xref.wire.office import check_office, party_name, party_of
from xref.wire.schema import Schema

DIRECTORY_PATH: Final = "directory.toml"
_MANIFEST: Final = "manifest"
_NOTE: Final = "bundle.note"
_SIGNED_BYTES_MAX: Final = 256 * 1024  # the manifest and its note, which are beside the files
_HEADER: Final = "xref/bundle/v1"
_PATH: Final = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)*\.(toml|avsc)")
_PARTY: Final = re.compile(r"[A-Z]{2}")
_TEXT: Final = re.compile(_HEADER + r"\n([0-9a-f]{64})\n(0|[1-9][0-9]{0,15})\n([1-9][0-9]{0,15})\n")
_PARTIES_MIN: Final = 1
_FILES_TOLD_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Office:
    """A competent authority or service; `hop` is where its messages cross, itself for a hop.

    `suspended` is the own Party's overlay's word (`xref.overlay`), never the bundle's.
    """

    code: str
    party: str
    role: str
    hop: str
    name: str
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    """The Parties' names, the offices by code, and how many shards every hop has."""

    parties: Mapping[str, str]
    offices: Mapping[str, Office]
    shards: int = 1

    def find(self, code: str) -> Office | None:
        """Return the office, None for a code that the bundle does not list."""
        return self.offices.get(code)

    def office(self, code: str) -> Office:
        """Return the office, or raise `ConfigError` for a code that the bundle does not list."""
        found = self.find(code)
        if found is None:
            raise ConfigError(f"office {code!r} is not in the directory; use a listed one")
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A bundle that is consistent, and signed by nobody as far as this value can tell."""

    files: Mapping[str, bytes] = field(repr=False)
    manifest: bytes = field(repr=False)
    digest32: bytes
    policy: Policy = field(repr=False)
    directory: Directory = field(repr=False)
    schemas: Mapping[bytes, Schema] = field(repr=False)

    def schema(self, digest32: bytes) -> Schema:
        """Return the schema of this digest, or raise `MalformedError`: a message named it."""
        found = self.schemas.get(digest32)
        if found is None:
            raise MalformedError("schema: not in this bundle", fault="unknown-schema")
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Bundle(Draft):
    """A draft that every Party has signed, in force from `valid_from_ms` until `valid_until_ms`.

    Times are Unix ms; the bundle is no longer in force at `valid_until_ms` itself.
    """

    note: str = field(repr=False)
    valid_from_ms: int
    valid_until_ms: int

    def active_at(self, time_ms: int) -> bool:
        """Return whether the bundle is in force at this time."""
        return self.valid_from_ms <= time_ms < self.valid_until_ms


def newest_in_force(bundles: Iterable[Bundle], now_ms: int) -> Bundle:
    """Return the bundle that began last of those in force now; `ConfigError` where none is."""
    active = [bundle for bundle in bundles if bundle.active_at(now_ms)]
    if not active:
        raise ConfigError("no bundle is active now; install one that every Party has signed")
    return max(active, key=lambda bundle: bundle.valid_from_ms)


def shards_of(bundles: Iterable[Draft]) -> int:
    """Return how many shards every hop has under these bundles: the most that one of them gives."""
    return max(bundle.directory.shards for bundle in bundles)


def build(sources: Mapping[str, bytes]) -> Draft:
    """Return the draft of source files by path; schemas are brought into their canonical form."""
    files = {
        path: Schema.parse(data, path).canonical if path.endswith(".avsc") else bytes(data)
        for path, data in sources.items()
    }
    return _draft(files)


def _draft(files: Mapping[str, bytes]) -> Draft:
    _check_files(files)
    for path, data in files.items():
        if path.endswith(".avsc") and Schema.parse(data, path).canonical != data:
            raise ConfigError(f"{path}: not in canonical form; build the bundle anew")
    manifest = manifest_of(files)
    policy = Policy.load(files)
    directory = _directory(files)
    for agreement in policy.agreements.values():
        unlisted = set(agreement.parties) - set(directory.parties)
        if unlisted:
            raise ConfigError(f"{agreement.id}: {min(unlisted)} is not in {DIRECTORY_PATH}; add it")
    return Draft(
        files=dict(sorted(files.items())),
        manifest=manifest,
        digest32=hashlib.sha256(manifest).digest(),
        policy=policy,
        directory=directory,
        schemas={schema.digest32: schema for schema in policy.schemas.values()},
    )


def _directory(files: Mapping[str, bytes]) -> Directory:
    if DIRECTORY_PATH not in files:
        raise ConfigError(f"{DIRECTORY_PATH} is missing; add it to the bundle")
    return read_directory(files[DIRECTORY_PATH])


def _check_files(files: Mapping[str, bytes]) -> None:
    if len(files) > BUNDLE_FILES_MAX or sum(map(len, files.values())) > BUNDLE_BYTES_MAX:
        raise ConfigError(f"bundle: over {BUNDLE_FILES_MAX} files or {BUNDLE_BYTES_MAX} bytes")
    for path in files:
        if not _PATH.fullmatch(path):
            raise ConfigError(f"bundle: {path!r} is no path in lower case; rename it")


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """Return the lines that `sha256sum` writes for the files, paths ascending."""
    rows = (f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))
    return "".join(rows).encode("ascii")


# The directory.


def read_directory(data: bytes) -> Directory:
    """Return the directory in the bytes of directory.toml, or raise `ConfigError`."""
    file = read_toml(data, DIRECTORY_PATH)
    shards = file.number("shards", 1, SHARDS_MAX, default=1)
    parties = _parties(file.entry("parties"))
    section = file.entry("offices")
    offices = {code: _office(code, section.entry(code), parties) for code in section.members()}
    file.finish()
    for office in offices.values():
        hop = offices.get(office.hop)
        if hop is None or hop.role != "hop" or hop.party != office.party:
            raise section.fault(f"{office.code}: {office.hop} is no hop of its Party", "correct it")
        if office.role == "hop" and office.hop != office.code:
            raise section.fault(f"{office.code}: a hop is its own hop", "correct it")
    return Directory(parties, offices, shards)


def _parties(section: Entry) -> dict[str, str]:
    parties = {}
    for code in section.members():
        party = section.entry(code)
        parties[code] = party.text("name")
        party.finish()
        if not _PARTY.fullmatch(code):
            raise section.fault(f"{code!r} is no ISO 3166-1 alpha-2 code", "correct it")
    if len(parties) < _PARTIES_MIN:
        raise section.fault("no Party", "add one")
    return parties


def _office(code: str, entry: Entry, parties: Mapping[str, str]) -> Office:
    try:
        check_office(code)
    except MalformedError as error:
        raise entry.fault(f"{code!r}: {error}", "correct the code") from None
    office = Office(
        code=code,
        party=entry.word("party", parties),
        role=entry.word("role", ROLES),
        hop=entry.text("hop"),
        name=entry.text("name"),
    )
    entry.number("shard", 0, 0, default=0)  # written before a bundle said `shards`
    entry.finish()
    if party_of(code) != office.party:
        raise entry.fault(f"{code} does not start with {office.party}", "correct the code")
    return office


# Signing.


def note_text(digest32: bytes, valid_from_ms: int, valid_until_ms: int) -> str:
    """Return what the Parties sign."""
    return f"{_HEADER}\n{digest32.hex()}\n{valid_from_ms}\n{valid_until_ms}\n"


def sign(note: str | None, bundle: Draft, window: tuple[int, int], signer: Signer) -> str:
    """Return the note with one more signature; `window` is (valid from, valid until) in ms.

    Raises:
        ConfigError: the note is of another bundle or validity, or this Party has signed it.

    """
    text = note_text(bundle.digest32, *window)
    if not _TEXT.fullmatch(text) or window[0] >= window[1]:
        raise ConfigError("bundle: the validity is empty or out of range; correct it")
    if signer.name not in {party_name(party) for party in bundle.directory.parties}:
        raise ConfigError(f"bundle: {signer.name} is no Party of the directory; nobody else signs")
    check_signer(note or "", signer)
    if note is None:
        return sign_note(text, [signer])
    signed_text, lines = _split(note)
    if signed_text != text:
        raise ConfigError("bundle: the others signed another bundle or validity; compare with them")
    if any(line.name == signer.name for line in lines):
        raise ConfigError(f"bundle: {signer.name} has signed already; nothing is left to do")
    return note + sign_note(text, [signer]).removeprefix(f"{text}\n")


def check_signer(note: str, signer: Signer) -> None:
    """Raise `ConfigError` for a key that signed this note in another Party's name, or did not.

    A Party that takes another's key file by mistake learns it here, not from every office.
    """
    own = signer.verifier.public
    for line in _split(note)[1] if note else ():
        is_ours = line.is_by(Verifier(line.name, own))
        if is_ours != (line.name == signer.name):
            whose = f"signed as {line.name}" if is_ours else f"is not the one of {line.name}"
            raise ConfigError(f"{signer.name}: the key {whose} in the bundle's note; name its own")


def _split(note: str) -> tuple[str, list[SignatureLine]]:
    try:
        return split(note)
    except NoteError as error:
        raise ConfigError(f"bundle note: {error}; fetch it anew") from None


def open_bundle(files: Mapping[str, bytes], note: str, party_keys: Mapping[str, bytes]) -> Bundle:
    """Return the bundle if its files are consistent and every Party, and only they, signed it.

    `party_keys` holds the raw Ed25519 public key of each Party that the caller knows; a Party of
    the directory without a key here is an error. Does not check the time: see `active_at`.

    Raises:
        ConfigError: naming what is wrong and what to do.

    """
    _check_files(files)
    text, lines = _split(note)
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ConfigError("bundle note: not the text of a bundle; fetch it anew")
    if bytes.fromhex(match[1]) != hashlib.sha256(manifest_of(files)).digest():
        raise ConfigError("bundle note: signed for other files; fetch files and note together")
    valid_from_ms, valid_until_ms = int(match[2]), int(match[3])
    if valid_from_ms >= valid_until_ms:
        raise ConfigError("bundle note: its validity is empty; have the Parties sign anew")
    _verify(text, lines, _directory(files), party_keys)
    draft = _draft(files)  # only what the Parties signed is read as schemas and rules
    return Bundle(
        files=draft.files,
        manifest=draft.manifest,
        digest32=draft.digest32,
        policy=draft.policy,
        directory=draft.directory,
        schemas=draft.schemas,
        note=note,
        valid_from_ms=valid_from_ms,
        valid_until_ms=valid_until_ms,
    )


def _verify(
    text: str, lines: list[SignatureLine], directory: Directory, party_keys: Mapping[str, bytes]
) -> None:
    parties = {party_name(party): party for party in directory.parties}
    names = [line.name for line in lines]
    missing = sorted(set(parties) - set(names))
    if missing:
        raise ConfigError(f"bundle note: not signed by {missing[0]}; it is not in force without")
    if len(names) != len(parties):
        raise ConfigError("bundle note: signed twice or by someone else; only the Parties sign")
    for line in lines:
        party = parties[line.name]
        if party not in party_keys:
            raise ConfigError(f"bundle note: no key of Party {party} is configured; add it")
        try:
            verifier = Verifier(line.name, party_keys[party])
            if not line.is_by(verifier):
                raise ConfigError(f"bundle note: {line.name} signed with another key; ask them")
            verifier.verify(text, line.signature)
        except NoteError:
            raise ConfigError(f"bundle note: the signature of {line.name} is wrong") from None


# The rim: folders.


def check_new(folder: Path) -> None:
    """Raise `ConfigError` for a folder in which something is."""
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: is not empty; name a new folder")


def write_bundle(folder: Path, draft: Draft, note: str = "") -> None:
    """Write the files, `manifest` and `bundle.note` into an empty or new folder."""
    check_new(folder)
    contents = {**draft.files, _MANIFEST: draft.manifest, _NOTE: note.encode()}
    for path, data in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def read_bundle(folder: Path, party_keys: Mapping[str, bytes]) -> Bundle:
    """Return the bundle in a folder, all of it verified; a file beyond the manifest is an error."""
    files, note = read_files(folder)
    if not note:
        raise ConfigError(f"{folder}: nobody signed this bundle; see `xref bundle sign`")
    try:
        return open_bundle(files, note, party_keys)
    except ConfigError as error:
        raise ConfigError(f"{folder}: {error}") from None


def read_files(folder: Path) -> tuple[dict[str, bytes], str]:
    """Return a folder's files and note with the manifest checked; verifies no signature."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; name the folder of a bundle")
    try:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        # Before anything is read: the folder is of another Party, or of nobody yet.
        if sum(path.stat().st_size for path in paths) > BUNDLE_BYTES_MAX + _SIGNED_BYTES_MAX:
            raise ConfigError(f"{folder}: over {BUNDLE_BYTES_MAX} bytes; fetch the bundle anew")
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        manifest, note = found.pop(_MANIFEST), found.pop(_NOTE).decode()
    except KeyError as error:
        raise ConfigError(f"{folder}: {error.args[0]} is missing; fetch the bundle anew") from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{folder}: no readable bundle: {cause_of(error)}; fetch it anew"
        raise ConfigError(message) from None
    _check_names(found)
    if manifest_of(found) != manifest:
        changed = set(manifest_of(found).splitlines()) ^ set(manifest.splitlines())
        named = sorted({line.partition(b"  ")[2].decode(errors="replace") for line in changed})
        which = ", ".join(named[:_FILES_TOLD_MAX]) or "the order of its files"
        message = f"{folder}: differs from the manifest: {which}; fetch the bundle anew"
        raise ConfigError(message)
    return found, note


def _check_names(files: Mapping[str, bytes]) -> None:
    for path in files:
        if not _PATH.fullmatch(path):
            raise ConfigError(f"bundle: {path!r} has no place in a bundle; remove it")
