"""How the cases of the wire's vectors are written down, and the message they are cut from."""

from collections.abc import Iterator
from typing import Any

from interop.wire_scenario import (
    DESK,
    DESK_ABROAD,
    Journey,
)
from xref.wire.key import KeyUse

Case = dict[str, Any]
Made = Iterator[tuple[str, list[Case], dict[str, str]]]
SEED = 20100112
J = Journey(SEED)
DESK_KEY = J.offices[DESK].signing(KeyUse.DESK)
OPENING = J.offices[DESK_ABROAD].opening
OPENING_SEED = J.offices[DESK_ABROAD].secret(KeyUse.SEAL).hex()


def case(name: str, expect: str, comment: str, /, **inputs: object) -> Case:
    return {
        "name": name,
        "comment": comment,
        "expect": expect,
        "inputs": {key.rstrip("_"): shown(value) for key, value in inputs.items()},
    }


def shown(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= bit
    return bytes(changed)


def put(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]


def patched(base: str, data: bytes, *pieces: tuple[int, bytes], size: int | None = None) -> Case:
    value: Case = {"base": base}
    if pieces:
        value["patch"] = [[at % len(data), piece.hex()] for at, piece in pieces]
    if size is not None:
        value["size"] = size
    return value


def sizes(data: bytes, name: str = "bytes", **others: object) -> list[Case]:
    """What every format of fixed or counted size owes: nothing missing, nothing left over."""
    return [
        case("empty", "malformed", "no bytes at all", **{name: b""}, **others),
        case("truncated", "malformed", "the last byte is missing", **{name: data[:-1]}, **others),
        case("trailing", "malformed", "a byte too many", **{name: data + b"\0"}, **others),
    ]
