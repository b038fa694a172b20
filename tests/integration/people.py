"""Generated people for long runs: the sample forms again, with other names and case numbers."""

import csv
import io
import itertools
import json
from pathlib import Path

_ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
_SURNAMES = ("ຫງວຽນ", "ເຈິ່ນ", "ເລ", "ຟ້າມ", "ຮວ່າງ", "ວູ")
_LATIN = ("NGUYEN", "TRAN", "LE", "PHAM", "HOANG", "VU")


class People:
    """Invents people, each with a case number and a name that nobody else has."""

    def __init__(self) -> None:
        text = (_ADAPTERS / "la" / "samples" / "referrals.csv").read_text("utf-8-sig")
        self._header, self._crossing, self._held = csv.reader(io.StringIO(text))
        self._numbers = itertools.count(1)

    def form(self, crossing: int, held: int) -> tuple[bytes, list[str], list[str]]:
        """A Lao form of new people; returns it with the names that may cross, and held cases."""
        rows = [self._header]
        names, cases = [], []
        for template, count in ((self._crossing, crossing), (self._held, held)):
            for _ in range(count):
                number = next(self._numbers)
                row = self._person(template, number)
                rows.append(row)
                if template is self._crossing:
                    names.append(row[2])
                else:
                    cases.append(row[0])
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode("utf-8"), names, cases

    def _person(self, template: list[str], number: int) -> list[str]:
        row = list(template)
        place = number % len(_SURNAMES)
        row[0] = f"ຄມ-2026-{number + 1000}"
        row[1], row[2] = _SURNAMES[place], f"ຕົວຢ່າງ {number}"
        row[4], row[5] = _LATIN[place], f"VI DU {letters(number)}"
        row[6] = f"{number % 28 + 1:02}/{number % 12 + 1:02}/{1970 + number % 35}"
        return row


def letters(number: int) -> str:
    """A number in the letters A to J, for fields that take no digits."""
    return str(number).translate(str.maketrans("0123456789", "ABCDEFGHIJ"))


def answer(message: str, number: int) -> bytes:
    """A Vietnamese office's answer to a received message, in its own form."""
    form = json.loads((_ADAPTERS / "vn" / "samples" / "answer.json").read_text("utf-8"))
    form["số hồ sơ"] = f"VD-2026-{number:05}"
    form["trả lời cho mã tin"] = message
    return json.dumps(form, ensure_ascii=False).encode()
