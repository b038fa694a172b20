"""An independent reader, in Go, must make of every vector and of new material what xref makes."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interop.wire_operations import FORMATS, load, run
from interop.wire_scenario import (
    ACROSS,
    DESK,
    DESK_ABROAD,
    HOP,
    HOP_ABROAD,
    TO_DESK,
    TO_HOP,
    Journey,
)

pytestmark = pytest.mark.needs_go

SOURCE = Path(__file__).parent / "go"
VECTORS = Path(__file__).resolve().parents[1] / "vectors"
LOG_FORMATS = ("tree", "note", "checkpoint", "cosignature", "proof")
SEEDS = range(8)
FLIPS = 40

Read = Callable[[list[Path]], dict[tuple[str, str], Any]]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Build the reader once; return what runs it over files, by file and case name."""
    program = tmp_path_factory.mktemp("go") / "reader"
    subprocess.run(["go", "build", "-o", program, "."], cwd=SOURCE, check=True)

    def over(files: list[Path]) -> dict[tuple[str, str], Any]:
        done = subprocess.run([program, *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return {(item["file"], item["name"]): item for item in json.loads(done.stdout)}

    return over


def write(path: Path, operation: str, cases: list[dict[str, Any]]) -> Path:
    """Write new cases as a vector file, as xref itself ends them."""
    for case in cases:
        case["expect"], case["shows"] = run(operation, case, {})
    format_, _, name = operation.partition("/")
    content = {"format": format_, "operation": name, "bases": {}, "cases": cases}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def disagreements(read: Read, files: list[Path]) -> list[str]:
    found = read(files)
    wrong = []
    for path in files:
        content = load(path)
        for case in content["cases"] if isinstance(content, dict) else content:
            item = found.pop((str(path), case["name"]))
            same = item["outcome"] == case["expect"]
            if not same or item["shows"] != case.get("shows", {}):
                wrong.append(f"{path.parent.name}/{path.stem} {case['name']}: {item['outcome']}")
    return wrong + [str(key) for key in found]


@pytest.mark.parametrize("format_", [*FORMATS, *LOG_FORMATS])
def test_both_readers_agree_on_the_vectors(read: Read, format_: str) -> None:
    files = sorted((VECTORS / format_).glob("*.json"))
    assert files
    assert not disagreements(read, files)


def test_both_readers_agree_on_new_journeys(read: Read, tmp_path: Path) -> None:
    cases = []
    for seed in SEEDS:
        journey = Journey(seed)
        legs = ((TO_HOP, journey.from_desk), (ACROSS, journey.across), (TO_DESK, journey.to_desk))
        cases += [
            {"name": f"{seed} {link.name}", "inputs": journey.read_inputs(link, envelope)}
            for link, envelope in legs
        ]
    path = write(tmp_path / "read.json", "parcel/read", cases)
    assert {case["expect"] for case in cases} == {"ok"}
    assert not disagreements(read, [path])


def test_both_readers_agree_on_new_keyrings(read: Read, tmp_path: Path) -> None:
    cases = []
    for seed in SEEDS:
        journey = Journey(seed)
        for offices in ((HOP, DESK), (HOP_ABROAD, DESK_ABROAD)):
            keyring = journey.keyring(*offices)
            public = journey.party_key(keyring.party).public.public.hex()
            inputs = {"party": keyring.party, "public": public}
            note = journey.signed_keyring(keyring)
            cases.append({"name": f"{seed} {keyring.party}", "inputs": {**inputs, "note": note}})
    path = write(tmp_path / "open.json", "keyring/open", cases)
    assert {case["expect"] for case in cases} == {"ok"}
    assert not disagreements(read, [path])


def test_both_readers_end_alike_on_bits_flipped_at_random(read: Read, tmp_path: Path) -> None:
    chance = random.Random(3)
    journey = Journey(3)
    inputs = journey.read_inputs(TO_DESK, journey.to_desk)
    cases = []
    for number in range(FLIPS):
        data = bytearray.fromhex(str(inputs["bytes"]))
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        cases.append({"name": str(number), "inputs": {**inputs, "bytes": data.hex()}})
    path = write(tmp_path / "flips.json", "parcel/read", cases)
    assert {case["expect"] for case in cases} == {"unauthentic"}
    assert not disagreements(read, [path])


@pytest.mark.parametrize("leg", ["from_desk", "across", "to_desk"])
def test_both_readers_end_alike_on_mutated_envelopes(read: Read, tmp_path: Path, leg: str) -> None:
    """An envelope that was cut, extended or changed parses alike, to the same release, or fails."""
    chance = random.Random(leg)
    data = getattr(Journey(4), leg).encode()
    shape = {"facts_open": leg == "from_desk", "has_passed": leg == "to_desk"}
    cases = []
    for number in range(20 * FLIPS):
        changed = bytearray(data)
        changed[chance.randrange(700)] = chance.choice((0, 1, 64, 255))
        if number % 5 == 0:
            del changed[chance.randrange(len(data)) :]
        cases.append({"name": str(number), "inputs": {**shape, "bytes": changed.hex()}})
    path = write(tmp_path / "mutated.json", "envelope/parse", cases)
    assert {case["expect"] for case in cases} == {"ok", "malformed"}
    assert not disagreements(read, [path])
