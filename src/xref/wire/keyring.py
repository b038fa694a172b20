"""Keyrings: a Party's signed list of its offices' keys, logs and subscriptions.

See docs/spec/keyring.md.

Each Party signs its own, so that rotating a key needs nobody abroad. Retired keys stay listed, for
what was signed while they were good.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from xref.errors import MalformedError
from xref.limits import KEYRING_BYTES_MAX, LOG_SIZE_MAX, WIRE_NUMBER_MAX
from xref.wire.cursor import require
from xref.wire.key import KeyUse, PublicKey, check_public
from xref.wire.office import Link, check_office, parse_link, party_of

_TITLE: Final = "xref/keyring/v1"
_NUMBER_DIGITS_MAX: Final = 19  # of 2**63 - 1
_PARTY: Final = re.compile(r"[A-Z]{2}")
_FLOW_MAX: Final = 2**16 - 1


@dataclass(frozen=True, slots=True)
class KeyLine:
    """An office's key of one use.

    Good for what was created or signed from `from_ms` until just before `until_ms`.
    """

    office: str
    use: KeyUse
    key: PublicKey
    from_ms: int
    until_ms: int

    def text(self) -> str:
        """Return the keyring's line."""
        return f"key {self.office} {self.use} {_encode(self.key)} {self.from_ms} {self.until_ms}"


@dataclass(frozen=True, slots=True)
class LogLine:
    """The key of a link's log, good for checkpoints of `first_size` to `last_size` leaves."""

    link: Link
    key: PublicKey
    first_size: int
    last_size: int

    def text(self) -> str:
        """Return the keyring's line."""
        return f"log {self.link.name} {_encode(self.key)} {self.first_size} {self.last_size}"


@dataclass(frozen=True, slots=True)
class SubscribeLine:
    """An office's subscription to a flow."""

    office: str
    flow: int

    def text(self) -> str:
        """Return the keyring's line."""
        return f"subscribe {self.office} {self.flow}"


@dataclass(frozen=True, slots=True)
class Keyring:
    """A Party's keyring of one version."""

    party: str
    version: int
    keys: tuple[KeyLine, ...]
    logs: tuple[LogLine, ...]
    subscriptions: tuple[SubscribeLine, ...]

    def text(self) -> str:
        """Return the text that the Party signs."""
        lines = [line.text() for line in self.keys]
        lines += [line.text() for line in self.logs]
        lines += [line.text() for line in self.subscriptions]
        return "\n".join([_TITLE, self.party, str(self.version), *sorted(lines)]) + "\n"


def parse_keyring(text: str) -> Keyring:
    """Return the keyring in a note's text, or raise `MalformedError`."""
    require(text.isascii() and len(text) <= KEYRING_BYTES_MAX, "keyring: too long or not ASCII")
    require(text.endswith("\n"), "keyring: does not end in a newline")
    title, *rest = text[:-1].split("\n")
    require(title == _TITLE and len(rest) > 1, "keyring: not a keyring of version 1")
    party, version, *lines = rest
    require(_PARTY.fullmatch(party) is not None, "keyring: not a Party")
    require(all(a < b for a, b in pairwise(lines)), "keyring: lines are not in order")
    keyring = Keyring(
        party,
        _number(version, 1, WIRE_NUMBER_MAX),
        tuple(_key_line(line, party) for line in _of_kind(lines, "key")),
        tuple(_log_line(line, party) for line in _of_kind(lines, "log")),
        tuple(_subscribe_line(line, party) for line in _of_kind(lines, "subscribe")),
    )
    require(keyring.text() == text, "keyring: a line of no known kind or not canonical")
    _check_one_use(keyring)
    return keyring


def _check_one_use(keyring: Keyring) -> None:
    """Refuse a key with two uses, offices or validities: a signature must say what it is for."""
    owners = {line.key.key_id: (line.office, line.use) for line in keyring.keys}
    require(len(owners) == len(keyring.keys), "keyring: a key on two key lines")
    for line in keyring.logs:
        owner = (line.link.sender, KeyUse.LOG)
        require(owners.setdefault(line.key.key_id, owner) == owner, "keyring: a key of two uses")


def _of_kind(lines: Iterable[str], kind: str) -> Iterable[list[str]]:
    for line in lines:
        first, *words = line.split(" ")
        if first == kind:
            yield words


def _key_line(words: list[str], party: str) -> KeyLine:
    require(len(words) == 5, "keyring: a key line has five words after `key`")  # noqa: PLR2004 - said beside
    office, use, key, from_ms, until_ms = words
    _check_own(office, party)
    require(use in set(KeyUse), "keyring: a use that is not known")
    line = KeyLine(
        check_office(office),
        KeyUse(use),
        _decode(key),
        _number(from_ms, 0, WIRE_NUMBER_MAX),
        _number(until_ms, 0, WIRE_NUMBER_MAX),
    )
    require(line.from_ms < line.until_ms, "keyring: a key that ends before it begins")
    require(line.key.algorithm == line.use.algorithm, "keyring: a key of another algorithm")
    return line


def _log_line(words: list[str], party: str) -> LogLine:
    require(len(words) == 4, "keyring: a log line has four words after `log`")  # noqa: PLR2004 - said beside
    name, key, first, last = words
    link = parse_link(name)
    _check_own(link.sender, party)
    line = LogLine(
        link, _decode(key), _number(first, 0, LOG_SIZE_MAX), _number(last, 0, LOG_SIZE_MAX)
    )
    require(line.first_size <= line.last_size, "keyring: a log key that ends before it begins")
    require(line.key.algorithm == KeyUse.LOG.algorithm, "keyring: a key of another algorithm")
    return line


def _subscribe_line(words: list[str], party: str) -> SubscribeLine:
    require(len(words) == 2, "keyring: a subscribe line has two words after `subscribe`")  # noqa: PLR2004 - said beside
    _check_own(words[0], party)
    return SubscribeLine(check_office(words[0]), _number(words[1], 1, _FLOW_MAX))


def _check_own(office: str, party: str) -> None:
    require(party_of(office) == party, "keyring: an office of another Party")


def _number(word: str, least: int, most: int) -> int:
    digits = word.isascii() and word.isdigit() and (word == "0" or word[0] != "0")
    short = len(word) <= _NUMBER_DIGITS_MAX
    in_range = digits and short and least <= int(word) <= most
    require(in_range, "keyring: not a number in range")
    return int(word)


def _encode(key: PublicKey) -> str:
    return base64.b64encode(bytes([key.algorithm]) + key.public).decode("ascii")


def _decode(word: str) -> PublicKey:
    try:
        data = base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("keyring: a key that is not base64") from error
    require(len(data) > 1, "keyring: an empty key")
    key = PublicKey(data[0], data[1:])
    require(_encode(key) == word, "keyring: base64 that is not canonical")
    check_public(key)
    return key
