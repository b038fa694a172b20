"""Agreements as profiles: small, sourced, on flows that they share; proved once for all."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from unit.bundle.signed_bundle import ROOT, draft
from xref.bundle import build, read_directory
from xref.cli import main
from xref.desk.adapter import Adapter
from xref.desk.agreed import faults_of
from xref.errors import ConfigError
from xref.policy.agreement import SHARED
from xref.policy.compare import compare
from xref.policy.flows import Flow
from xref.policy.invariants import read_invariants
from xref.policy.rulebook import Rulebook, read_rulebook
from xref.sources import profiles_in, read_rules, read_sources

POLICIES: Final = ROOT / "policies"
SCHEMAS: Final = ROOT / "schemas"
# Pair, year and personal scope, as the table of 001:2317-2349 gives them.
CORRIDORS: Final = {
    "la-vn-2010": ({"LA", "VN"}, "all", "001:2338-2340"),
    "la-th-2005": ({"LA", "TH"}, "all", "001:2334-2336"),
    "kh-th-2003": ({"KH", "TH"}, "women-and-children", "001:2319-2322"),
    "kh-vn-2005": ({"KH", "VN"}, "women-and-children", "001:2324-2326"),
    "cn-vn-2010": ({"CN", "VN"}, "all", "001:2328-2332"),
    "mm-th-2009": ({"MM", "TH"}, "all", "001:2342-2344"),
    "th-vn-2008": ({"TH", "VN"}, "all", "001:2346-2349"),
}
PROFILE_LINES_MAX: Final = 80


@cache
def of(agreement: str) -> Rulebook:
    return read_rulebook(read_sources(POLICIES, SCHEMAS, None, (agreement,)))


@cache
def shipped() -> Rulebook:
    return draft().policy.rulebook


def decides(book: Rulebook) -> object:
    """All that a proof, and Cedar, look at: neither the days nor the name of an agreement."""

    def plain(flow: Flow) -> Flow:
        return replace(flow, retention_days=1, expects=None)

    return (
        book.facts,
        book.purposes,
        {name: plain(flow) for name, flow in book.flows.items()},
        {name: schema.digest32 for name, schema in book.schemas.items()},
        book.forbids,
        book.permits,
        read_invariants(draft().files, book),
    )


@pytest.mark.parametrize("name", CORRIDORS)
def test_every_corridor_is_proved_by_the_one_proof_that_the_suite_makes(name: str) -> None:
    """The prover and Cedar see the same values for each, so what they show of one holds for all."""
    assert decides(of(name)) == decides(shipped())


@pytest.mark.parametrize("name", CORRIDORS)
def test_a_profile_says_whom_it_covers_and_which_line_says_so(name: str) -> None:
    parties, persons, line = CORRIDORS[name]
    agreement = of(name).agreements[name]
    assert (set(agreement.parties), agreement.personal_scope.persons) == (parties, persons)
    assert line in (*agreement.cite, *agreement.personal_scope.cite)
    assert agreement.personal_scope.says
    assert agreement.silent
    assert set(agreement.languages or {}) == parties
    assert agreement.bases_agreed is (name == "la-vn-2010")
    assert list(agreement.identification_bases) == list(
        draft().policy.agreements["la-vn-2010"].identification_bases
    )
    head = POLICIES / "agreements" / name / "agreement.toml"
    assert len(head.read_text(encoding="utf-8").splitlines()) <= PROFILE_LINES_MAX
    beside = {each.name for each in head.parent.iterdir()} - {"agreement.toml"}
    assert beside <= {"crossings.toml"}


@pytest.mark.parametrize("name", CORRIDORS)
def test_a_corridor_says_where_people_cross_by_land_and_by_air(name: str) -> None:
    """A pair of gates is of both States; Thailand and Viet Nam have no common border."""
    crossings = of(name).agreements[name].crossings
    paired = [each for each in crossings.values() if each.opposite]
    assert len(paired) >= (0 if name == "th-vn-2008" else 6)
    for each in paired:
        across = crossings[each.opposite]
        assert {each.code[:2], across.code[:2]} == CORRIDORS[name][0]
    alone = [each for each in crossings.values() if not each.opposite]
    assert alone
    assert not any(each.is_ours for each in alone)


def test_nothing_of_the_first_agreement_was_lost_when_it_became_a_profile() -> None:
    """An earlier bundle, kept as a vector, holds its flows and permits in the agreement's files."""
    vector = json.loads((ROOT / "tests/vectors/bundle/open.json").read_text(encoding="utf-8"))
    files = {path: text.encode() for path, text in vector["bases"]["files"].items()}
    old, new = build(files).policy, draft().policy
    assert {each.name for each in old.flows.values()} <= {each.name for each in new.flows.values()}
    assert old.publications.keys() <= new.publications.keys()
    was, now = old.agreements["la-vn-2010"], new.agreements["la-vn-2010"]
    assert was.identification_bases == now.identification_bases
    assert (was.title, was.cite, was.parties) == (now.title, now.cite, now.parties)

    def permits(rulebook: Rulebook) -> set[str]:
        return {each.rule.id.partition("/")[2] for each in rulebook.permits}

    assert permits(old.rulebook) <= permits(new.rulebook)


def test_one_corridor_opens_what_another_does() -> None:
    assert compare(shipped(), of("kh-th-2003")) == []


@pytest.mark.parametrize("name", CORRIDORS)
def test_bundles_come_out_alike_and_hold_no_other_agreement(name: str) -> None:
    sources = read_sources(POLICIES, SCHEMAS, None, (name,))
    assert sources == read_sources(POLICIES, SCHEMAS, None, (str(POLICIES / "agreements" / name),))
    folders = {path.rpartition("/")[0] for path in sources if "/agreements/" in path}
    assert folders == {f"policies/agreements/{name}"}
    assert set(read_directory(sources["directory.toml"]).parties) == CORRIDORS[name][0]


# Which agreement is meant.


def written(folder: Path, parties: Mapping[str, str]) -> Path:
    file = folder / "directory.toml"
    listed = "\n".join(
        f'[parties.{party}]\nname = "{party}"\n[offices.{code}]\nparty = "{party}"\n'
        f'role = "hop"\nhop = "{code}"\nname = "x"\n'
        for party, code in parties.items()
    )
    file.write_text(listed, encoding="utf-8")
    return file


def test_the_directory_says_which_agreement_is_meant(tmp_path: Path) -> None:
    directory = written(tmp_path, {"TH": "THHOP001", "LA": "LAHOP001"})
    found = read_rulebook(read_sources(POLICIES, SCHEMAS, directory))
    assert list(found.agreements) == ["la-th-2005"]


def test_three_parties_must_say_whose_days_and_scope_count(tmp_path: Path) -> None:
    parties = {party: f"{party}HOP001" for party in ("TH", "LA", "VN")}
    with pytest.raises(ConfigError, match="put one of them into a bundle"):
        read_rulebook(read_sources(POLICIES, SCHEMAS, written(tmp_path, parties)))


def test_parties_without_an_agreement_are_told_so(tmp_path: Path) -> None:
    directory = written(tmp_path, {"PH": "PHHOP001", "ID": "IDHOP001"})
    with pytest.raises(ConfigError, match="no agreement of ID and PH is here"):
        read_sources(POLICIES, SCHEMAS, directory)
    with pytest.raises(ConfigError, match="no such agreement; use one of cn-vn-2010"):
        read_sources(POLICIES, SCHEMAS, None, ("ph-id-2027",))


def test_a_bundle_is_read_with_the_agreement_that_it_holds(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    assert main(["bundle", "build", "--out", str(out), "--agreement", "mm-th-2009"]) == 0
    assert list(read_rules(out).policy.agreements) == ["mm-th-2009"]


# What a profile may say.

HEAD: Final = """id = "ph-id-2027"
title = "The Philippines and Indonesia"
cite = ["article:1"]
parties = ["PH", "ID"]
shared_flows = true

[personal_scope]
persons = "all"
says = "all persons"
cite = ["article:2.1"]

[[term]]
flow = "nationality-request"
within_days = 21
retention_days = 45
weight = "treaty"
cite = ["article:7.3"]
explain = "Three weeks."
"""


def profile(tmp_path: Path, text: str) -> Rulebook:
    file = tmp_path / "ph-id-2027.toml"
    file.write_text(text, encoding="utf-8")
    return read_rulebook(read_sources(POLICIES, SCHEMAS, None, (str(file),)))


def test_two_states_bring_a_profile_of_their_own(tmp_path: Path) -> None:
    rules = profile(tmp_path, HEAD)
    flow, shared = (each.flows["nationality-request"] for each in (rules, shipped()))
    assert flow.retention_days == 45 < shared.retention_days
    assert flow.expects is not None
    assert shared.expects is not None
    assert flow.expects.within_days == 21 != shared.expects.within_days
    assert decides(rules) == decides(shipped())
    agreement = rules.agreement_of(flow)
    assert agreement is not None
    assert (agreement.id, agreement.bases_agreed) == ("ph-id-2027", False)


WOMEN: Final = 'persons = "women-and-children"'
BASIS: Final = '\n[[identification_basis]]\ncode = "{}"\nexplain = "x"\n'
WRONG: Final = {
    "unshared-flow": ('"nationality-request"', '"nationality-requests"', "no shared flow"),
    "operation-flow": ('"nationality-request"', '"receipt"', "no shared flow"),
    "kept-for-longer": ("retention_days = 45", "retention_days = 3650", "at most; give less"),
    "nobody-waits": ('"nationality-request"', '"nationality-result"', "nobody waits"),
    "sets-nothing": ("within_days = 21\nretention_days = 45\n", "", "it sets nothing"),
    "no-fallback": ('persons = "all"', WOMEN, "on what authority the others go"),
    "unknown-scope": ('persons = "all"', 'persons = "nationals"', "use one of all"),
    "no-shared-flows": ("shared_flows = true", "shared_flows = false", "a term without shared"),
    "no-source": ('cite = ["article:2.1"]', "", "cite"),
    "no-article": ('"article:2.1"', '"article:0"', "no line range"),
    "unknown-basis": ("\n[[term]]", BASIS.format("RUMOUR") + "\n[[term]]", "same order"),
    "misspelt": ("says =", "says_so =", "says is missing"),
    "left-over": ('id = "', 'term_days = 9\nid = "', "unknown member"),
    "foreign-language": ("\n[[term]]", '\n[languages]\nPH = ["fil"]\n\n[[term]]', "ID must be"),
    "no-language": (
        "\n[[term]]",
        '\n[languages]\nPH = ["Filipino"]\nID = ["id"]\n\n[[term]]',
        "no language",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_profile_is_refused_with_the_cure(tmp_path: Path, case: str) -> None:
    old, new, says = WRONG[case]
    assert old in HEAD
    with pytest.raises(ConfigError, match=says):
        profile(tmp_path, HEAD.replace(old, new, 1))


def test_a_profile_may_agree_on_fewer_bases(tmp_path: Path) -> None:
    fewer = "".join(BASIS.format(code) for code in ("PARTY_EVIDENCE", "VICTIM_STATEMENT"))
    rules = profile(tmp_path, HEAD + fewer)
    agreement = rules.agreements["ph-id-2027"]
    assert (agreement.bases_agreed, len(agreement.identification_bases)) == (True, 2)


def test_name_a_basis_that_the_agreement_does_not_have(tmp_path: Path) -> None:
    fewer = "".join(BASIS.format(code) for code in ("PARTY_EVIDENCE", "VICTIM_STATEMENT"))
    agreement = profile(tmp_path, HEAD + fewer).agreements["ph-id-2027"]
    directory = draft().directory
    good = {"identification_bases": ["PARTY_EVIDENCE"], "identification_basis": "VICTIM_STATEMENT"}
    flow = draft().policy.flow_named("determination")
    assert list(faults_of(agreement, flow, good, directory, "LANRM001")) == []
    for name, value in (
        ("identification_bases", ["PARTY_EVIDENCE", "OTHER_SOURCE"]),
        ("identification_basis", "OTHER_SOURCE"),
    ):
        faults = list(faults_of(agreement, flow, {name: value}, directory, "LANRM001"))
        assert [field for field, _ in faults] == [name]
        assert faults[0][1].startswith("ph-id-2027 has no such basis; use one of ")
        assert "OTHER_SOURCE" not in faults[0][1]


def test_shared_flows_need_one_agreement_that_takes_them() -> None:
    sources = read_sources(POLICIES, SCHEMAS)
    folder = "policies/agreements/la-vn-2010/"
    alone = {path: data for path, data in sources.items() if not path.startswith(folder)}
    with pytest.raises(ConfigError, match="shared_flows = true"):
        read_rulebook(alone)
    bare = {path: data for path, data in sources.items() if f"/{SHARED}/" not in path}
    with pytest.raises(ConfigError, match=f"policies/{SHARED} is missing"):
        read_rulebook(bare)


def test_nobody_else_may_permit_a_shared_flow() -> None:
    sources = read_sources(POLICIES, SCHEMAS)
    path = "policies/agreements/la-vn-2010/more.toml"
    shared = (POLICIES / SHARED / "protection.toml").read_text(encoding="utf-8")
    permit = shared[shared.index("[[permit]]") :].split("\n[[permit]]")[0]
    own = permit.replace(f'"{SHARED}/', '"la-vn-2010/').encode()
    with pytest.raises(ConfigError, match="permit your own only"):
        read_rulebook({**sources, path: own})


# The commands.


def test_agreements_are_listed_with_their_scope_and_silences(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["policy", "agreements", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed.keys() >= CORRIDORS.keys()
    assert listed.keys() == {each.id for each in profiles_in(POLICIES)}
    assert listed["kh-th-2003"]["personal_scope"]["fallback"]["cite"]
    assert main(["policy", "agreements"]) == 0
    assert "women and children: Children and Women" in capsys.readouterr().out


def test_an_agreement_is_copied_to_start_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own"
    copy = ["policy", "agreements", "--copy", "police-ngo", str(out)]
    assert main(copy) == 0
    assert {each.name for each in out.iterdir()} == {
        each.name for each in (POLICIES / "agreements" / "police-ngo").iterdir()
    }
    assert main(copy) == 1
    assert "name a new folder" in capsys.readouterr().err
    assert main(["policy", "agreements", "--copy", "nobody", str(tmp_path / "x")]) == 1
    assert "no such agreement" in capsys.readouterr().err


@pytest.mark.parametrize("name", CORRIDORS)
def test_a_country_s_forms_are_in_the_languages_of_its_agreement(name: str) -> None:
    for party, languages in (of(name).agreements[name].languages or {}).items():
        folder = ROOT / "adapters" / party.lower()
        if folder.is_dir():
            assert set(languages) <= set(Adapter.load(folder).file.languages)


def test_the_commands_take_any_agreement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(HEAD, encoding="utf-8")
    facts = ["asylum=pending", "--flow", "victim-referral"]
    assert main(["policy", "explain", "--agreement", str(own), *facts]) == 1
    assert "floor/asylum" in capsys.readouterr().out
    assert main(["policy", "diff", "la-vn-2010", str(own)]) == 0
    assert "Nothing opens or closes." in capsys.readouterr().out


def test_a_bundle_of_states_without_listed_offices_is_not_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(HEAD, encoding="utf-8")
    out = tmp_path / "out"
    assert main(["bundle", "build", "--out", str(out), "--agreement", str(own)]) == 1
    assert "has no office; list its offices in a file for --directory" in capsys.readouterr().err
    assert not out.exists()
