"""The vectors of the wire, one test a case."""

from pathlib import Path
from typing import Any

import pytest

from interop.wire_operations import FORMATS, OPERATIONS, load, run, vector_files
from vectors import make_wire

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def every_case() -> list[Any]:
    cases = []
    for path in vector_files(VECTORS):
        content = load(path)
        operation = f"{content['format']}/{content['operation']}"
        cases += [
            pytest.param(operation, case, content["bases"], id=f"{operation}/{case['name']}")
            for case in content["cases"]
        ]
    return cases


@pytest.mark.parametrize(("operation", "case", "bases"), every_case())
def test_vector(operation: str, case: dict[str, Any], bases: dict[str, str]) -> None:
    """Every case ends as it says; a good one also shows what it says."""
    assert run(operation, case, bases) == (case["expect"], case.get("shows", {}))


def test_the_generator_still_makes_these_cases() -> None:
    """New bytes each time, for sealing is random; the same cases, and each ends as it should."""
    assert make_wire.main([]) == 0


def test_every_operation_has_vectors() -> None:
    found = {f"{path.parent.name}/{path.stem}" for path in vector_files(VECTORS)}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_fails_in_some_vector(format_: str) -> None:
    """A format whose vectors are all good would not show that anybody checks anything."""
    outcomes = {
        case["expect"]
        for path in (VECTORS / format_).glob("*.json")
        for case in load(path)["cases"]
    }
    assert "ok" in outcomes
    assert outcomes - {"ok"}
