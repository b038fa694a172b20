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
_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*)|(?P<line>\n)|(?P<opens>[\[{])|(?P<closes>[\]}])|(?P<comma>,)
    |"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^][{},\s"'\#]+|.""",
    re.VERBOSE,
)
_KEY: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")


@lru_cache(maxsize=4)
def places(text: str) -> Mapping[Place, int]:
    """Return the line of every table and key, by path: `("publication", "referral", "column", 3)`.

    The items of an array count from 0, as in the errors of pydantic.
    """
    found: dict[Place, int] = {(): 1}
    counted: dict[tuple[str, ...], int] = {}
    table: Place = ()
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.fullmatch(line):
            names = _names(header[1])
            if header[1].startswith("[["):
                counted[names] = counted.get(names, -1) + 1
            table = tuple(_indexed(names, counted))
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            place = (*table, *_names(f"[{key[1]}]"))
            found.setdefault(place, number)
            for item, down in enumerate(_item_lines(text, start + key.end())):
                found.setdefault((*place, item), number + down)
        start += len(line) + 1
    return found


def _item_lines(text: str, start: int) -> Iterator[int]:
    """Yield for each item of the array that begins here how many lines below it stands."""
    depth, down, is_new = 0, 0, False
    for token in _TOKEN.finditer(text, start):
        if token["line"]:
            down += 1
        elif token["closes"]:
            depth -= 1
        elif token["comma"]:
            is_new = depth == 1
        elif not token["blank"]:
            if not depth and token[0] != "[":
                return
            if depth == 1 and is_new:
                yield down
                is_new = False
            if token["opens"]:
                is_new, depth = not depth, depth + 1
        if depth == 0 and (token["line"] or token["closes"]):
            return


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
