"""Today's code lists, to which the sending office alone is held: `schemas/lists/`.

A schema fixes the form of a code for ever (`xref.wire.value_kind`); which codes there are changes.
The lists ship with this version. The receiving desk does not ask them: a code that is new there
must not cost a person the message.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from xref.errors import ConfigError
from xref.resources import data_folder
from xref.wire.schema import SchemaField

_MEMBERS: Final = frozenset({"standard", "taken_from", "taken_on", "codes"})
_OF_SUCCESSORS: Final = ("successors", "successors_since", "successors_from")
_SUBTAG: Final = re.compile(r"-.*")


@dataclass(frozen=True, slots=True)
class CodeList:
    """One list, with the standard that it comes from and the day on which it was taken.

    `complete` names the countries whose codes are all in it; of any other the form alone counts.
    `successors` gives for a former code, which stays good, the one that took its place on the day
    `successors_since`, by the source `successors_from`.
    """

    name: str
    standard: str
    taken_from: str
    taken_on: str
    codes: frozenset[str]
    complete: frozenset[str] = frozenset()
    successors: Mapping[str, str] = field(default_factory=dict)
    successors_since: str = ""
    successors_from: str = ""


def read_list(name: str, data: bytes) -> CodeList:
    """Return the list in the bytes of a file, or raise `ConfigError`."""
    try:
        document = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"lists/{name}.toml: not TOML ({type(error).__name__}); correct it"
        raise ConfigError(message) from None
    members = {member: document.get(member) for member in sorted(_MEMBERS)}
    complete = document.pop("complete", [])
    later: dict[str, Any] = {
        member: document.pop(member) for member in _OF_SUCCESSORS if member in document
    }
    if document.keys() != _MEMBERS or not all(isinstance(each, str) for each in members.values()):
        message = f"lists/{name}.toml: needs the texts {', '.join(members)} and nothing else"
        raise ConfigError(message)
    codes = document.pop("codes").split()
    if not codes or len(set(codes)) != len(codes):
        raise ConfigError(f"lists/{name}.toml: codes is empty or has one twice; correct it")
    if later and not _are_successors(later, set(codes)):
        raise ConfigError(
            f"lists/{name}.toml: a successor is no code of today, or lacks its day or source; "
            "correct it"
        )
    return CodeList(name, codes=frozenset(codes), complete=frozenset(complete), **document, **later)


def _are_successors(later: Mapping[str, Any], codes: set[str]) -> bool:
    pairs = later.get("successors", {})
    today = codes - pairs.keys()
    complete = later.keys() == set(_OF_SUCCESSORS) and pairs.keys() <= codes
    return complete and set(pairs.values()) <= today


@cache
def shipped_lists() -> Mapping[str, CodeList]:
    """Return the lists that this version ships, by name."""
    return read_lists(data_folder("schemas") / "lists")


def read_lists(folder: Path) -> Mapping[str, CodeList]:
    """Return the lists in a folder, by name."""
    files = sorted(folder.glob("*.toml"))
    return {file.stem: read_list(file.stem, file.read_bytes()) for file in files}


def former(
    asked: SchemaField, value: object, lists: Mapping[str, CodeList]
) -> tuple[str, str] | None:
    """Return the code that took the place of a former one and since when, None for one of today."""
    found = lists.get(asked.value.listed) if asked.value else None
    successor = found.successors.get(value) if found and isinstance(value, str) else None
    return (successor, found.successors_since) if found and successor else None


def unlisted(asked: SchemaField, value: object, lists: Mapping[str, CodeList]) -> str | None:
    """Return what keeps a well-formed value from being sent: a code that is on no list of today.

    `ConfigError` where the schema names a list that this version does not ship.
    """
    if asked.value is None or not asked.value.listed or value is None:
        return None
    name = asked.value.listed
    for code in value if isinstance(value, list) else [value]:
        fault = _unlisted(name, str(code), lists)
        if fault is not None:
            return fault
    return None


def _unlisted(name: str, code: str, lists: Mapping[str, CodeList]) -> str | None:
    found = lists.get(name)
    if found is None:
        raise ConfigError(f"lists/{name}.toml: not there; install the version that has it")
    countries = lists["countries"].codes
    if name in ("subdivisions", "countries"):
        known = code[:2] in countries
        if known and code[:2] in found.complete:
            known = code in found.codes
    elif ":" in code:
        known = code[:2] in countries
    else:
        known = _SUBTAG.sub("", code) in found.codes
    if known:
        return None
    return f"a code that is not in {found.standard} ({found.taken_on})"
