"""Where each table and key of a TOML file stands, which Python's own reader does not tell. Pure.

It is for messages alone, and worked out when one is written: the file was, or will be, read by
`tomllib`, and a place that is not found here falls back to the table around it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

Place = tuple[str | int, ...]

_HEADER: Final = re.compile(r"\s*(\[\[?[^\]]+\]\]?)\s*(#.*)?")
_KEY: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")


@lru_cache(maxsize=4)
def places(text: str) -> Mapping[Place, int]:
    """Return the line of every table and key, by path: `("publication", "referral", "column", 3)`.

    The items of an array of tables count from 0, as in the errors of pydantic.
    """
    found: dict[Place, int] = {(): 1}
    counted: dict[tuple[str, ...], int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            names = _names(header[1])
            if header[1].startswith("[["):
                counted[names] = counted.get(names, -1) + 1
            table = tuple(_indexed(names, counted))
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_names(f"[{key[1]}]")), number)
    return found


def line_of(known: Mapping[Place, int], place: Sequence[str | int]) -> int:
    """Return the line of a place, or of the nearest table around it."""
    return next(
        known[tuple(place[:end])]
        for end in range(len(place), -1, -1)
        if tuple(place[:end]) in known
    )


def _names(header: str) -> tuple[str, ...]:
    """Return the keys in a table's header, without their quotes."""
    try:
        inside: object = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return (header,)
    names: list[str] = []
    while isinstance(inside, dict | list) and inside:
        if isinstance(inside, list):
            inside = inside[0]
            continue
        [(name, inside)] = cast("dict[str, object]", inside).items()
        names.append(name)
    return tuple(names)


def _indexed(names: tuple[str, ...], counted: Mapping[tuple[str, ...], int]) -> Iterator[str | int]:
    for end, name in enumerate(names, 1):
        yield name
        if names[:end] in counted:
            yield counted[names[:end]]
