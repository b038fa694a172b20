"""Make the vectors of values, as `make_policy.py` makes those of schemas."""

import json
from pathlib import Path
from typing import Any

from unit.schema import value_cases
from xref.errors import MalformedError
from xref.wire import mrz
from xref.wire.value_kind import kind_named

HERE = Path(__file__).parent / "value"


def cases_of(kind: str, good: list[Any], bad: list[Any]) -> list[dict[str, Any]]:
    """Return the cases of one kind; bytes are hexadecimal."""
    found = kind_named(kind)
    assert found is not None
    cases = []
    for expect, values in (("ok", good), ("wrong-value", bad)):
        for number, value in enumerate(values, 1):
            assert (found.fault(value) is None) == (expect == "ok"), (kind, value)
            shown = value.hex() if isinstance(value, bytes) else value
            name = f"{kind} {'good' if expect == 'ok' else 'bad'} {number}"
            cases.append({"name": name, "kind": kind, "expect": expect, "value": shown})
    return cases


def zone(text: str) -> dict[str, Any]:
    """Return one zone with what it says, or that it is none."""
    try:
        read = mrz.read(text)
    except MalformedError:
        return {"value": text, "expect": "wrong-value"}
    shows = {name: getattr(read, name) for name in mrz.TravelDocument.__slots__}
    return {"value": text, "expect": "ok", "shows": {**shows, "optional": list(read.optional)}}


def write(name: str, cases: list[dict[str, Any]]) -> None:
    """Write one file."""
    HERE.mkdir(exist_ok=True)
    document = {"format": "value", "operation": name, "cases": cases}
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    kinds = [cases_of(kind, good, value_cases.BAD[kind]) for kind, good in value_cases.GOOD.items()]
    kinds += [
        cases_of(kind, good, value_cases.BAD_BYTES[kind])
        for kind, good in value_cases.GOOD_BYTES.items()
    ]
    write("form", [case for cases in kinds for case in cases])
    zones = [zone(text) for text in [*value_cases.GOOD["mrz"], *value_cases.BAD["mrz"]]]
    write("mrz", [{"name": f"zone {number}", **each} for number, each in enumerate(zones, 1)])
