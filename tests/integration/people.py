"""Generated people for long runs: the sample forms again, with other names and case numbers."""

import csv
import io
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from xref.demo_setup import in_time

_ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
_CASE, _GIVEN, _LATIN = "ຄມ-2026-0001", "ທິ ຕົວຢ່າງ", "THI VI DU"
_HELD_CASE, _HELD_GIVEN, _HELD_LATIN = "ຄມ-2026-0002", "Văn Ví Dụ", "VAN VI DU"
CANARIES = ("ຕົວຢ່າງ", "VI DU ", "NGUYEN", "ຄມ-2026-")
"""In every name and case number that is invented here; no code, rule or file name has them."""

STAGES: dict[str, frozenset[tuple[str, str]]] = {
    "identity-checks.csv": frozenset({("identity-check-asked", "LANAT001")}),
    "referrals.csv": frozenset({("victim-referral", "VNNRM001"), ("service-referral", "VNSVC001")}),
    "assurances.csv": frozenset({("assurance-asked", "VNNRM001")}),
    "readiness.csv": frozenset({("readiness-asked", "VNSVC001")}),
    "returns.csv": frozenset(
        {("return-notice", "VNNRM001"), ("reception-notice", "VNSVC001")}
        | {("travel-asked", "LAIMM001")}
    ),
    "departures.csv": frozenset({("departure", "VNNRM001"), ("departure", "VNSVC001")}),
}
"""What LA nrm hands in of a case, in order, and what becomes of each."""

FOLLOWED = {
    ("la-nationality-authority", "identity-check-asked"): "nationality-check.json",
    ("vn-nationality-authority", "nationality-request"): "nationality-answer.json",
    ("la-immigration", "travel-asked"): "travel.json",
    ("vn-nrm", "victim-referral"): "answer.json",
    ("vn-nrm", "assurance-asked"): "assurance-answer.json",
    ("vn-service-provider", "readiness-asked"): "readiness-answer.json",
    ("vn-service-provider", "departure"): "safe-receipt.json",
}
"""What an office hands in when it has received something."""


@dataclass(slots=True)
class Person:
    """Somebody invented, and how far the case has come; `held` as asylum was not asked about."""

    case: str
    given: str
    latin: str
    held: bool
    stage: int = 0

    @property
    def next_form(self) -> str | None:
        forms = ["referrals.csv"] if self.held else list(STAGES)
        return forms[self.stage] if self.stage < len(forms) else None


class People:
    """Invents people, each with a case number and a name that nobody else has."""

    def __init__(self) -> None:
        self.everybody: list[Person] = []
        self._numbers = itertools.count(1)

    def invent(self, *, held: bool) -> Person:
        number = next(self._numbers)
        given, latin = f"ຕົວຢ່າງ {number}", f"VI DU {letters(number)}"
        self.everybody.append(Person(f"ຄມ-2026-{number + 1000}", given, latin, held))
        return self.everybody[-1]

    @property
    def crossing(self) -> list[Person]:
        return [person for person in self.everybody if not person.held]


def table(form: str, people: Iterable[Person]) -> bytes:
    """A Lao table with a row for each person, after the sample's."""
    text = in_time((_ADAPTERS / "la" / "samples" / form).read_text("utf-8-sig"), _today())
    header, *rows = csv.reader(io.StringIO(text))
    filled = [header]
    for person in people:
        template = _HELD_CASE if person.held else _CASE
        names = {
            template: person.case,
            _HELD_GIVEN if person.held else _GIVEN: person.given,
            _HELD_LATIN if person.held else _LATIN: person.latin,
        }
        row = next(row for row in rows if row[0] == template)
        filled.append([names.get(cell, cell) for cell in row])
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(filled)
    return out.getvalue().encode("utf-8")


def reply(country: str, form: str, about: str, values: dict[str, Any], number: int) -> bytes:
    """An office's form about a received message, with that person's names."""
    text = (_ADAPTERS / country / "samples" / form).read_text("utf-8")
    sample = json.loads(in_time(text, _today()))
    one = sample[0] if isinstance(sample, list) else sample
    names = {
        _GIVEN: values.get("given_names_native"),
        _LATIN: values.get("given_names_romanised"),
    }
    case = next(key for key in one if key in ("ເລກຄະດີ", "số hồ sơ"))
    filled = {
        key: about if _is_number(value) else (names.get(str(value)) or value)
        for key, value in one.items()
    }
    filled[case] = f"{one[case][:8]}{number:05}"
    return json.dumps(filled, ensure_ascii=False).encode()


def _today() -> date:
    return datetime.now(UTC).date()


def _is_number(value: object) -> bool:
    return isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef")


def letters(number: int) -> str:
    """A number in the letters A to J, for fields that take no digits."""
    return str(number).translate(str.maketrans("0123456789", "ABCDEFGHIJ"))
