"""Who was consulted on a bundle and with what effect by sex and age: part of what Parties sign.

A bundle either says whom the Parties consulted, and what the rules do to women and men, children
and adults, or that nobody was consulted, and why (002:159-170). Either is signed with the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from xref.errors import ConfigError
from xref.policy.reading import Entry, read_toml
from xref.policy.rulebook import CONSULTATION_PATH

KINDS: Final = (
    "judicial",
    "legislative",
    "human-rights-institution",
    "civil-society",
    "persons-concerned",
    "authority",
)
"""Bodies that the sources name (002:159-161), those concerned, and authorities."""
GROUPS: Final = ("female", "male", "other-sex", "child", "adult")
_NEEDED: Final = ("female", "male", "child", "adult")


@dataclass(frozen=True, slots=True)
class Consulted:
    """A body that was consulted: on which day, what it said, and what changed by it."""

    body: str
    kind: str
    on: str
    said: str
    effect: str


@dataclass(frozen=True, slots=True)
class Consultation:
    """Who was consulted and the effect on each group; or, with `none_took_place`, why nobody."""

    none_took_place: str
    consulted: tuple[Consulted, ...]
    effects: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """The record for a signatory, a paragraph an item."""
        if self.none_took_place:
            return [f"NOBODY was consulted: {self.none_took_place}"]
        bodies = [
            f"{each.body} ({each.kind}) was consulted on {each.on}: {each.said} "
            f"What changed: {each.effect}"
            for each in self.consulted
        ]
        return bodies + [f"effect, {group}: {says}" for group, says in self.effects.items()]


def none_held(reason: str) -> bytes:
    """Return the file that says that nobody was consulted."""
    clean = reason.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'none_took_place = "{clean}"\n'.encode()


def consultation_of(files: Mapping[str, bytes]) -> Consultation:
    """Return a bundle's record of consultation, or raise `ConfigError` with the cure."""
    if CONSULTATION_PATH not in files:
        raise ConfigError(
            f"the bundle has no {CONSULTATION_PATH}, so nobody signs it; build it with "
            "--consultation FILE, or say why none took place with --no-consultation"
        )
    file = read_toml(files[CONSULTATION_PATH], CONSULTATION_PATH)
    none = file.text("none_took_place", "")
    consulted = tuple(_consulted(entry) for entry in file.entries("consulted"))
    effects: dict[str, str] = {}
    for entry in file.entries("effect"):
        group = entry.word("group", GROUPS)
        if group in effects:
            raise entry.fault(f"{group} is given twice", "keep one")
        effects[group] = entry.text("says")
        entry.finish()
    file.finish()
    if bool(none) == bool(consulted):
        raise file.fault("neither or both of none_took_place and consulted", "give one of them")
    missing = [group for group in _NEEDED if group not in effects]
    if none and effects:
        raise file.fault("an effect without a consultation", "say who was consulted")
    if not none and missing:
        raise file.fault(f"no effect on the group {missing[0]}", "say it, if only that it is alike")
    return Consultation(none, consulted, effects)


def _consulted(entry: Entry) -> Consulted:
    found = Consulted(
        body=entry.text("body"),
        kind=entry.word("kind", KINDS),
        on=entry.text("on"),
        said=entry.text("said"),
        effect=entry.text("effect"),
    )
    entry.finish()
    try:
        date.fromisoformat(found.on)
    except ValueError:
        raise entry.fault(f"on: {found.on!r} is no day", "write it like 2026-10-01") from None
    return found
