"""Machine-readable zones made by chance: npm's `mrz`, which shares no code, must agree."""

import json
import random
from pathlib import Path

import pytest

import node_packages
from xref.errors import MalformedError
from xref.wire.mrz import check_digit, read

pytestmark = pytest.mark.needs_node
ZONES = 400
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"


class Maker:
    """Writes zones as ICAO 9303 says, in its own way."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def some(self, alphabet: str, least: int, most: int) -> str:
        return "".join(self.chance.choices(alphabet, k=self.chance.randint(least, most)))

    def state(self) -> str:
        return self.chance.choice(("VNM", "LAO", "THA", "KHM", "MMR", "CHN"))

    def day(self) -> str:
        month, day = self.chance.randint(1, 12), self.chance.randint(1, 28)
        day_text = f"{self.chance.randint(0, 99):02}{month:02}{day:02}"
        return day_text + check_digit(day_text)

    def names(self, places: int) -> str:
        given = "<".join(self.some(LETTERS, 1, 5) for _ in range(self.chance.randint(1, 2)))
        return f"{self.some(LETTERS, 2, 9)}<<{given}".ljust(places, "<")[:places]

    def number(self, optional_places: int) -> tuple[str, str]:
        """Return number with its digit, and the optional data, for a size that lets it be long."""
        if self.chance.random() < 0.5:
            number = self.some(LETTERS + DIGITS, 5, 9).ljust(9, "<")
            return number + check_digit(number), "<" * optional_places
        number = self.some(LETTERS + DIGITS, 11, 9 + optional_places - 2)
        rest = number[9:] + check_digit(number)
        return number[:9] + "<", rest.ljust(optional_places, "<")

    def zone(self) -> str:
        return self.chance.choice((self.card, self.old_card, self.passport))()

    def card(self) -> str:
        number, optional = self.number(15)
        birth, sex, until = self.day(), self.chance.choice("MF"), self.day()
        whole = number + optional + birth + until + "<" * 11
        second = birth + sex + until + self.state() + "<" * 11 + check_digit(whole)
        return "\n".join((f"I<{self.state()}{number}{optional}", second, self.names(30)))

    def old_card(self) -> str:
        number, optional = self.number(7)
        birth, sex, until = self.day(), self.chance.choice("MF"), self.day()
        digit = check_digit(number + birth + until + optional)
        second = number + self.state() + birth + sex + until + optional + digit
        return f"I<{self.state()}{self.names(31)}\n{second}"

    def passport(self) -> str:
        number = self.some(LETTERS + DIGITS, 5, 9).ljust(9, "<")
        number += check_digit(number)
        optional = self.some(LETTERS + DIGITS, 1, 14).ljust(14, "<")
        optional += check_digit(optional)
        birth, sex, until = self.day(), self.chance.choice("MF"), self.day()
        digit = check_digit(number + birth + until + optional)
        return (
            f"P<{self.state()}{self.names(39)}\n"
            f"{number}{self.state()}{birth}{sex}{until}{optional}{digit}"
        )

    def spoilt(self, zone: str) -> str:
        """Return the zone with one digit changed to another."""
        places = [place for place, character in enumerate(zone) if character in DIGITS]
        place = self.chance.choice(places)
        other = self.chance.choice(DIGITS.replace(zone[place], ""))
        return zone[:place] + other + zone[place + 1 :]


def reads(zone: str) -> bool:
    try:
        read(zone)
    except MalformedError:
        return False
    return True


def test_npms_reader_agrees_on_zones_made_by_chance(tmp_path: Path) -> None:
    maker = Maker(20261127)
    good = [maker.zone() for _ in range(ZONES)]
    spoilt = [maker.spoilt(zone) for zone in good]
    (tmp_path / "zones.json").write_text(json.dumps(good + spoilt), encoding="utf-8")
    said = json.loads(node_packages.run("read_mrz.mjs", "zones.json", folder=tmp_path))
    differ = [
        zone
        for zone, theirs in zip(good + spoilt, said, strict=True)
        if reads(zone) != theirs["valid"]
    ]
    assert not differ
    assert all(reads(zone) for zone in good)
    assert not any(reads(zone) for zone in spoilt)
    for zone, theirs in zip(good, said, strict=False):
        mine = read(zone)
        named = (mine.number, mine.family_name, mine.given_names)
        assert named == (theirs["number"], theirs["family"], theirs["given"])
