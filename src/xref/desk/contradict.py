"""Whether a coarser sibling says something else than the finer values beside it. Pure.

A body that carries both must not say two things: each office may be shown another of the two. What
people write in their own way, initials and whole names, need only be possible.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from xref.desk.derive import SIBLINGS, age_band, birth_year, province

Values = Mapping[str, object]
_EXACT: Final = ("birth_year", "province")
_DAYS_AROUND: Final = (0, -1, 1)
"""An office's day may be another than that of the clock in the header."""
_NAMES: Final = (
    *("given_names_romanised", "family_name_romanised"),
    *("given_names_native", "family_name_native"),
)
_BEFORE_THEIR_CONSONANT: Final = frozenset("ເແໂໃໄเแโใไ")
_D_WITH_STROKE: Final = str.maketrans("Đđ", "Dd")


def contradicts(name: str, values: Values, today: date) -> bool:
    """Return whether the sibling called `name` cannot be true beside the values that it is from.

    `today` is the day on which the body was written, give or take one. False for what is no
    sibling, is absent, or has nothing beside it.
    """
    made, given = SIBLINGS.get(name), values.get(name)
    if made is None or given is None:
        return False
    return _IS_WRONG[made.function](values, made.source, given, today)


def contradicts_exactly(name: str, values: Values) -> bool:
    """Return whether a sibling whose function leaves no choice, on any day, is another."""
    made = SIBLINGS.get(name)
    return made is not None and made.function in _EXACT and contradicts(name, values, date.max)


def impossible_siblings(values: Values, today: date) -> Iterator[tuple[str, str]]:
    """Yield each sibling that cannot be true, with the field that it is from."""
    for name, made in SIBLINGS.items():
        if contradicts(name, values, today):
            yield name, made.source


def _year(values: Values, source: str, given: object, _today: date) -> bool:
    return birth_year(values.get(source)) not in (None, given)


def _place(values: Values, source: str, given: object, _today: date) -> bool:
    return province(values.get(source)) not in (None, given)


def _band(values: Values, source: str, given: object, today: date) -> bool:
    """A partial date counts as the youngest, here as where the band is derived."""
    born = values.get(source)
    bands = (age_band(born, today + timedelta(days)) for days in _DAYS_AROUND)
    return all(band is not None and band != given for band in bands)


def _initials(values: Values, _source: str, given: object, _today: date) -> bool:
    possible = {letter for name in _NAMES for letter in _first_letters(values.get(name))}
    letters = {_plain(letter) for letter in str(given) if letter.isalpha()}
    return bool(possible) and not letters <= possible


def _first_letters(name: object) -> Iterator[str]:
    """Yield with what each word may be said to begin: a Lao vowel stands before its consonant."""
    for word in str(name or "").split():
        yield _plain(word[0])
        if word[0] in _BEFORE_THEIR_CONSONANT and len(word) > 1:
            yield _plain(word[1])


def _plain(letter: str) -> str:
    return unicodedata.normalize("NFD", letter.translate(_D_WITH_STROKE))[0].upper()


def _whole_name(values: Values, _source: str, given: object, _today: date) -> bool:
    whole = _joined(given)
    return any(_joined(values.get(name)) not in whole for name in _NAMES if name.endswith("native"))


def _joined(name: object) -> str:
    return "".join(str(name or "").casefold().split())


_IS_WRONG: Final[Mapping[str, Callable[[Values, str, object, date], bool]]] = {
    "birth_year": _year,
    "age_band": _band,
    "initials": _initials,
    "full_name_native": _whole_name,
    "province": _place,
}
