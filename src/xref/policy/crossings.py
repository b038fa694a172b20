"""Where people cross between the Parties of an agreement, each place with its source."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from xref.policy.reading import Entry
from xref.wire.value_kind import KINDS

CROSSING_FIELD: Final = "crossing_point"
"""The field that names one of the crossings."""
_OURS: Final = "ours"
_CODES_FROM: Final = ("UN/LOCODE", _OURS)
_OUR_MARK: Final = "9"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A place where people cross between the Parties; `opposite` is the gate across the border.

    `code` is a UN/LOCODE, or one of ours where that has none: with a 9 in third place.
    """

    code: str
    name: str
    opposite: str
    is_ours: bool
    source: str
    taken_on: str


def read_crossings(files: Sequence[Entry], parties: Sequence[str]) -> dict[str, Crossing]:
    """Return the crossings in an agreement's files by code, or raise `ConfigError`."""
    crossings: dict[str, Crossing] = {}
    for entry in (each for file in files for each in file.entries("crossing")):
        crossing = _crossing(entry)
        if crossing.code in crossings:
            raise entry.fault(f"{crossing.code} is given twice", "keep one")
        if crossing.code[:2] not in parties:
            raise entry.fault(f"{crossing.code} is in no Party of it", "remove or correct it")
        crossings[crossing.code] = crossing
    for crossing in crossings.values():
        across = crossings.get(crossing.opposite)
        if crossing.opposite and (across is None or across.opposite != crossing.code):
            raise files[0].fault(f"{crossing.code}: its opposite does not name it", "correct one")
    return crossings


def _crossing(entry: Entry) -> Crossing:
    crossing = Crossing(
        code=entry.text("code"),
        name=entry.text("name"),
        opposite=entry.text("opposite", ""),
        is_ours=entry.word("code_from", _CODES_FROM) == _OURS,
        source=entry.text("source"),
        taken_on=entry.text("taken_on"),
    )
    entry.finish()
    if KINDS["locode"].fault(crossing.code) or KINDS["date"].fault(crossing.taken_on):
        raise entry.fault(f"{crossing.code}: no UN/LOCODE, or no day", "correct it")
    if crossing.is_ours != (crossing.code[2] == _OUR_MARK):
        raise entry.fault(f"{crossing.code}: a 9 in third place is for ours alone", "correct it")
    return crossing
