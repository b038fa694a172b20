"""Make the vectors of the wire.

    PYTHONPATH=src:tests .venv/bin/python tests/vectors/make_wire.py           # check only
    PYTHONPATH=src:tests .venv/bin/python tests/vectors/make_wire.py --write   # replace the files

What is sealed with HPKE takes its randomness from the library, so the files hold fixed bytes that
another run would not repeat. They are final: `--write` is for a new version of a format. Without
it the script makes every case anew, and checks that each ends as it is meant to and that the files
have these cases. They are in `wire_message_cases.py` and `wire_carriage_cases.py`, `tests/interop`.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from interop import wire_carriage_cases as carriage
from interop import wire_message_cases as messages
from interop.wire_operations import run

FOLDER = Path(__file__).resolve().parent
MAKERS = {
    "key": messages.make_key,
    "header": messages.make_header,
    "facts": messages.make_facts,
    "statement": messages.make_statement,
    "author": messages.make_author,
    "body": messages.make_body,
    "release": messages.make_release,
    "envelope": messages.make_envelope,
    "parcel": carriage.make_parcel,
    "payload": carriage.make_payload,
    "keyring": carriage.make_keyring,
    "link": carriage.make_link,
}


def checked(operation: str, cases: list[dict[str, Any]], bases: dict[str, str]) -> list[str]:
    """Complete the good cases with what they show; return what does not end as meant."""
    wrong = []
    if len({item["name"] for item in cases}) != len(cases):
        wrong.append(f"{operation}: a name twice")
    for item in cases:
        outcome, shows = run(operation, item, bases)
        if outcome != item["expect"]:
            wrong.append(f"{operation} {item['name']}: {outcome}, not {item['expect']}")
        if outcome == "ok":
            item["shows"] = shows
    return wrong


def kept(path: Path, cases: list[dict[str, Any]]) -> list[str]:
    """Return an error unless the file has the same cases in the same order."""
    members = ("name", "comment", "expect")
    filed = json.loads(path.read_text(encoding="utf-8"))["cases"]
    told = [[[item[member] for member in members] for item in part] for part in (filed, cases)]
    return [] if told[0] == told[1] else [f"{path.parent.name}/{path.name}: other cases"]


def write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Make every case, and the files if asked; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the vectors of the wire.")
    parser.add_argument("--write", action="store_true", help="replace the files in this folder")
    replaces = parser.parse_args(arguments).write
    wrong: list[str] = []
    count = 0
    for format_, maker in MAKERS.items():
        for operation, cases, bases in maker():
            path = FOLDER / format_ / f"{operation}.json"
            wrong += checked(f"{format_}/{operation}", cases, bases)
            count += len(cases)
            if replaces and not wrong:
                head = {"format": format_, "operation": operation, "bases": bases}
                write(path, {**head, "cases": cases})
            wrong += kept(path, cases)
    sys.stdout.write("".join(f"{line}\n" for line in wrong) + f"{count} cases\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
