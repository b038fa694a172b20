"""Files: private keys, keyrings, what a desk hands to its office. Written whole or not at all."""

import base64
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from xref.errors import ConfigError, UnavailableError, cause_of
from xref.keychain import Keychain, OwnKey
from xref.limits import KEYRING_BYTES_MAX, NOTE_BYTES_MAX
from xref.wire.key import SEED_BYTES, KeyUse
from xref.wire.office import check_office

_PRIVATE: Final = 0o600


def write_whole(file: Path, data: bytes, *, private: bool = True) -> None:
    """Write a file durably; a reader sees the old bytes or all of the new ones."""
    part = _part_of(file)
    mode = _PRIVATE if private else 0o644
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # what another left there would give its place and its mode
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        _sync_folder(file.parent)
    except OSError as error:
        message = f"{file.name}: cannot be written: {cause_of(error)}; see to its folder"
        raise UnavailableError(message) from error


def _part_of(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def remove_file(file: Path) -> None:
    """Remove a file, if it is there, and what a write that was broken off left of it."""
    try:
        _part_of(file).unlink(missing_ok=True)
        file.unlink(missing_ok=True)
    except OSError as error:
        message = f"{file.name}: cannot be removed: {cause_of(error)}; see to its folder"
        raise UnavailableError(message) from error


def make_private(file: Path) -> None:
    """Have a file that only its owner may use, before anything opens it; raises `OSError`.

    What SQLite makes beside a file, and removes again, has the file's mode at that moment.
    """
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, _PRIVATE))
    file.chmod(_PRIVATE)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_keys(file: Path, owner: str, keys: Iterable[OwnKey], storage: bytes) -> None:
    """Write private keys with the seed that seals the owner's spool; only the owner may read it."""
    members = {
        "owner": owner,
        "storage": base64.b64encode(storage).decode(),
        "keys": [
            {
                "use": str(key.use),
                "seed": base64.b64encode(key.seed).decode(),
                "from_ms": key.from_ms,
                "until_ms": key.until_ms,
            }
            for key in keys
        ],
    }
    write_whole(file, (json.dumps(members, indent=2) + "\n").encode())


def read_keys(file: Path) -> tuple[Keychain, bytes]:
    """Return the owner's keychain and storage seed; `ConfigError` names file and cure."""
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            message = f"{file}: others may read it; run `chmod 600 {file.name}`"
            raise ConfigError(message)
        members: Any = json.loads(file.read_bytes())
        keys = [
            OwnKey(
                KeyUse(each["use"]),
                _seed(each["seed"]),
                int(each["from_ms"]),
                int(each["until_ms"]),
            )
            for each in members["keys"]
        ]
        return Keychain(check_office(members["owner"]), keys), _seed(members["storage"])
    except OSError as error:
        message = f"{file}: cannot be read: {cause_of(error)}; make it with `xref keys new`"
        raise ConfigError(message) from error
    except (ValueError, KeyError, TypeError) as error:
        message = f"{file}: not a key file; make one with `xref keys new`"
        raise ConfigError(message) from error


def _seed(text: str) -> bytes:
    seed = base64.b64decode(text, validate=True)
    if len(seed) != SEED_BYTES:
        raise ValueError("seed")
    return seed


def read_seed(file: Path) -> bytes:
    """Return the 32-byte seed of a Party's or witness's key file (base64, one line)."""
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            message = f"{file}: others may read it; run `chmod 600 {file.name}`"
            raise ConfigError(message)
        return _seed(file.read_text("ascii").strip())
    except OSError as error:
        message = f"{file}: cannot be read: {cause_of(error)}; make it with `xref party new`"
        raise ConfigError(message) from error
    except ValueError as error:
        message = f"{file}: not the key file of a Party or witness; `xref party new` makes one"
        raise ConfigError(message) from error


def write_seed(file: Path, seed: bytes) -> None:
    """Write the key file of a Party or witness; only the owner may read it."""
    write_whole(file, base64.b64encode(seed) + b"\n")


class OverlayFile:
    """A Party's overlay beside the keyrings, `PARTY.overlay`: read again when it has changed."""

    def __init__(self, folder: Path, party: str) -> None:
        """Look for the Party's own overlay in `folder`; nothing is verified here."""
        self._file = folder / f"{party}.overlay"
        self._seen: tuple[int, int, int] | None = None
        self._taken: tuple[int, int, int] | None = None

    def new(self) -> str | None:
        """Return the note if the file has changed since `taken`; `ConfigError` if unreadable.

        A file that was taken away changes nothing: the office keeps what it has used.
        """
        try:
            found = self._file.stat()
            self._seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if self._seen == self._taken:
                return None
            if found.st_size > NOTE_BYTES_MAX:
                raise ConfigError(f"{self._file}: too large for an overlay")
            return self._file.read_bytes().decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            message = f"{self._file}: cannot be read: {cause_of(error)}; put it there anew"
            raise ConfigError(message) from error

    def taken(self) -> None:
        """Remember that what `new` returned is in use."""
        self._taken = self._seen


def read_keyrings(folder: Path) -> dict[Path, str]:
    """Return the keyring notes in a folder (`*.keyring`), by file; nothing is verified here."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; put the Parties' keyrings, *.keyring, there")
    notes = {}
    for file in sorted(folder.glob("*.keyring")):
        try:
            with file.open("rb") as stream:
                data = stream.read(KEYRING_BYTES_MAX + 1)
        except OSError as error:
            message = f"{file}: cannot be read: {cause_of(error)}; put it there anew"
            raise ConfigError(message) from error
        if len(data) > KEYRING_BYTES_MAX:
            message = f"{file}: too large for a keyring"
            raise ConfigError(message)
        notes[file] = data.decode("utf-8", "replace")
    return notes
