"""What an agreement asks of a record: on which basis material counts, where people cross."""

from typing import Final

import pytest

from unit.bundle.signed_bundle import draft
from xref.desk.agreed import doubts_of, faults_of
from xref.errors import ConfigError
from xref.policy import Flow
from xref.policy.agreement import read_agreement
from xref.policy.reading import read_toml

POLICY: Final = draft().policy
DIRECTORY: Final = draft().directory
AGREEMENT: Final = POLICY.agreements["la-vn-2010"]
EVIDENCE: Final = POLICY.flow_named("identification-evidence")
BORDER: Final = POLICY.flow_named("travel-notice-border")
RETURN: Final = POLICY.flow_named("return-notice")
BASIS, CROSSING = "identification_basis", "crossing_point"


def basis(code: str, source: str | None = None) -> dict[str, object]:
    return {BASIS: code, "source_office": source}


def faults(values: dict[str, object], own: str = "LANRM001", flow: Flow = EVIDENCE) -> list[str]:
    return [" ".join(each) for each in faults_of(AGREEMENT, flow, values, DIRECTORY, own)]


def doubts(values: dict[str, object], own: str = "LANRM001", flow: Flow = EVIDENCE) -> list[str]:
    return [field for field, _ in doubts_of(AGREEMENT, flow, values, DIRECTORY, own)]


@pytest.mark.parametrize("office", ["LAPOL001", "VNPOL001", "VNBOR001"])
def test_screening_counts_for_the_forces_that_the_agreement_names(office: str) -> None:
    assert faults(basis("SCREENING_RESULT"), office) == []
    assert faults(basis("SCREENING_RESULT", office)) == []


@pytest.mark.parametrize("office", ["LAIMM001", "LASVC001", "LANRM001", "VNCON001"])
def test_screening_by_anybody_else_is_refused(office: str) -> None:
    (said,) = faults(basis("SCREENING_RESULT", office), "LAPOL001")
    assert said.startswith(BASIS)
    assert "LA police, VN police, VN border-guard" in said


def test_material_of_an_office_that_nobody_lists_is_refused() -> None:
    (said,) = faults(basis("PARTY_EVIDENCE", "LANGO999"))
    assert said.startswith("source_office")


@pytest.mark.parametrize("code", ["VICTIM_STATEMENT", "OTHER_SOURCE", "ORGANISATION_INFORMATION"])
def test_material_of_an_organisation_goes_and_is_doubted(code: str) -> None:
    assert faults(basis(code, "LASVC001")) == []
    assert doubts(basis(code, "LASVC001")) == [BASIS]
    assert doubts(basis(code)) == []


def test_a_record_without_a_basis_or_a_crossing_is_neither_refused_nor_doubted() -> None:
    for flow in (EVIDENCE, BORDER, RETURN):
        assert faults({}, flow=flow) == doubts({}, flow=flow) == []


# Crossings.


@pytest.mark.parametrize("code", AGREEMENT.crossings)
def test_every_crossing_of_the_agreement_goes(code: str) -> None:
    for flow in (BORDER, RETURN):
        assert faults({CROSSING: code}, flow=flow) == doubts({CROSSING: code}, flow=flow) == []


def test_an_unknown_crossing_is_refused_where_a_guard_must_stand_there() -> None:
    (said,) = faults({CROSSING: "VNZZZ"}, flow=BORDER)
    assert said.startswith(CROSSING)
    assert "VNZZZ" not in said
    assert doubts({CROSSING: "VNZZZ"}, flow=BORDER) == []


def test_an_unknown_crossing_is_doubted_elsewhere() -> None:
    """A person who comes another way must still be announced."""
    assert faults({CROSSING: "VNZZZ"}, flow=RETURN) == []
    assert doubts({CROSSING: "VNZZZ"}, flow=RETURN) == [CROSSING]


HEAD = """
id = "x-y"
title = "A title"
cite = ["001:1"]
parties = ["LA", "VN"]
origins = ["LA"]
destinations = ["VN"]
"""
GATE = """
[[crossing]]
code = "LA9AA"
name = "A gate"
code_from = "ours"
source = "a source"
taken_on = "2026-11-26"
"""


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        (GATE.replace("LA9AA", "TH9AA"), "in no Party of it"),
        (GATE.replace("LA9AA", "LA0AA"), "no UN/LOCODE"),
        (GATE.replace("2026-11-26", "2026-11"), "or no day"),
        (GATE.replace("LA9AA", "LADVH"), "for ours alone"),
        (GATE.replace('"ours"', '"UN/LOCODE"'), "for ours alone"),
        (GATE + GATE, "given twice"),
        (GATE + 'opposite = "VN9AA"\n', "does not name it"),
        (GATE.replace("source", "sauce"), "source is missing"),
    ],
)
def test_a_faulty_crossing_is_refused(gate: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_agreement(read_toml((HEAD + gate).encode(), "agreement.toml"), "x-y")


def test_an_agreement_without_crossings_takes_any_place() -> None:
    bare = read_agreement(read_toml(HEAD.encode(), "agreement.toml"), "x-y")
    values: dict[str, object] = {CROSSING: "VNZZZ"}
    assert list(faults_of(bare, BORDER, values, DIRECTORY, "LANRM001")) == []
    assert list(doubts_of(bare, RETURN, values, DIRECTORY, "LANRM001")) == []
