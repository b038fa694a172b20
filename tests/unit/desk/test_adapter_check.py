"""`xref adapter`: what an adapter covers, what is wrong with it, and where."""

import json
from datetime import date
from pathlib import Path

import pytest

from unit.bundle.signed_bundle import draft
from xref.adapter_commands import TEMPLATE_PARTY
from xref.cli import main
from xref.desk.adapter import FILE_NAME, Adapter
from xref.desk.adapter_check import Checked, check_adapter
from xref.desk.adapter_samples import SAMPLES
from xref.desk.read_form import read_form
from xref.desk.toml_lines import line_of, places
from xref.resources import data_folder

ADAPTERS = data_folder("adapters")
SHIPPED = sorted(path.parent.name for path in ADAPTERS.glob(f"*/{FILE_NAME}"))
TODAY = date(2030, 1, 1)  # later than the samples, whose own day counts


def samples_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / SAMPLES).iterdir()}


def checked(text: str, samples: dict[str, bytes]) -> Checked:
    adapter = Adapter.parse(text.encode(), "x.toml")
    return check_adapter(adapter, draft().policy, samples, today=TODAY)


@pytest.fixture(scope="module")
def template() -> tuple[str, dict[str, bytes]]:
    folder = ADAPTERS / "template"
    return (folder / FILE_NAME).read_text("utf-8"), samples_of(folder)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_adapter_passes_its_check(name: str) -> None:
    text = (ADAPTERS / name / FILE_NAME).read_text("utf-8")
    assert checked(text, samples_of(ADAPTERS / name)).findings == ()


DAMAGES = [
    ("publication.referral", "publication.gossip", "[publication.gossip]", "no publication"),
    ("received.referral-response", "received.gossip", "[received.gossip]", "no flow 'gossip'"),
    ('"field/urgency"', '"field/urgenzy"', 'header = "urgency"', "'field/urgenzy'"),
    ('"field/urgency"', '"field/arrival_date"', 'header = "urgency"', "no field 'arrival_date'"),
    ('"field/urgency"', '"stays"', "[publication.referral]", "needs urgency"),
    ('"fact/asylum"', '"fact/asylums"', 'header = "asylum"', "'fact/asylums'"),
    ('is = "not-applicable"', 'is = "nobody"', "[[publication.referral.rule]]", "'fact/guardian'"),
    ('= "LIFE_AT_RISK"', '= "LIFE"', '"life at risk" =', "no code 'LIFE'"),
    ('"field/contact_restrictions"', '"stays"', "[publication.referral]", "protects the person"),
    ('"potential" = "POTENTIAL"\n', "", "[publication.referral]", "no word for POTENTIAL"),
]


@pytest.mark.parametrize(("before", "after", "line", "said"), DAMAGES)
def test_each_fault_names_file_line_and_cure(
    before: str, after: str, line: str, said: str, template: tuple[str, dict[str, bytes]]
) -> None:
    text = template[0].replace(before, after)
    assert text != template[0]
    found = [each for each in checked(text, template[1]).findings if said in each.problem]
    assert found
    near = text.splitlines()[found[0].line - 1 : found[0].line + 1]
    assert any(row.startswith(line) for row in near)
    assert found[0].cure
    assert str(found[0]).startswith(f"x.toml, line {found[0].line}: ")


def test_an_adapter_that_merges_two_statuses_is_told_what_it_loses(
    template: tuple[str, dict[str, bytes]],
) -> None:
    """A form with one word for two statuses would lower somebody's (floor/no-downgrade)."""
    text = template[0].replace('"identified" = "IDENTIFIED"', '"identified" = "PRESUMED"')
    findings = checked(text, template[1]).findings
    assert any("victim_status has no word for IDENTIFIED" in str(each) for each in findings)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("referrals.csv", b",urgent,", b",someday,", "urgency): it is not a word"),
        ("referrals.csv", b",urgent,", b",routine,", "its values urgency is not that of"),
        ("referrals.csv.records.json", b"[", b"", "it is not JSON"),
        ("referral-response.form.json", b"VNNRM001", b"VNSVC001", "it is not what"),
        ("referral-response.values.json", b'"type"', b'"kind"', "it is no message"),
    ],
)
def test_a_sample_that_is_wrong_is_named(
    name: str, old: bytes, new: bytes, said: str, template: tuple[str, dict[str, bytes]]
) -> None:
    text, samples = template
    damaged = {**samples, name: samples[name].replace(old, new, 1)}
    assert damaged[name] != samples[name]
    findings = checked(text, damaged).findings
    assert any(each.file == f"{SAMPLES}/{name}" and said in str(each) for each in findings)


def test_a_form_without_a_sample_is_named(template: tuple[str, dict[str, bytes]]) -> None:
    findings = checked(template[0], {}).findings
    assert {each.problem for each in findings} == {
        "no sample of referral",
        "no sample of referral-response",
    }


def test_coverage_tells_mapped_defaulted_and_lost(template: tuple[str, dict[str, bytes]]) -> None:
    text = template[0].replace('to = "field/dependants"', 'to = "stays"', 1)
    text = text.replace('kind = "number"\n', "").replace("most = 30\n", "")
    found = {(each.record, each.field): each.state for each in checked(text, template[1]).coverage}
    assert found["xref.victim_referral", "sex"] == "mapped"
    assert found["xref.victim_referral", "age_band"] == "defaulted"
    assert found["xref.victim_referral", "referral_id"] == "defaulted"
    assert found["xref.victim_referral", "dependants"] == "lost"


def test_places_of_a_toml_file() -> None:
    known = places('a = 1\n[b]\n"x y" = 2\n[[c."d e".f]]\ng = 1\n[[c."d e".f]]\n\ng = [\n  1]\n')
    assert line_of(known, ("b", "x y")) == 3
    assert line_of(known, ("c", "d e", "f", 0, "g")) == 5
    assert line_of(known, ("c", "d e", "f", 1, "g")) == 8
    assert line_of(known, ("c", "d e", "f", 1, "g", 0)) == 9
    assert line_of(known, ("nowhere",)) == 1


def test_places_of_the_items_of_an_array() -> None:
    text = 'a = ["x", "]", # [\n {b = "}", c = [1,\n2]}, [\'"\', 4\n],\n  # ,\n  5]\n'
    known = places(f'{text}d = "[x,"\n[t]\ne = [\n1')
    items = [line for place, line in known.items() if place[:1] == ("a",) and len(place) == 2]
    assert items == [1, 1, 2, 3, 6]
    assert (known["d",], known["t", "e", 0]) == (7, 10)
    assert ("d", 0) not in known


def test_new_makes_an_adapter_that_passes_its_own_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adapter", "new", "mm", "--out", str(tmp_path / "mm")]) == 0
    assert Adapter.load(tmp_path / "mm").file.party == "MM"
    assert f'"{TEMPLATE_PARTY}"' not in (tmp_path / "mm" / FILE_NAME).read_text("utf-8")
    capsys.readouterr()
    assert main(["adapter", "check", str(tmp_path / "mm"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["good"]
    assert {each["state"] for each in shown["coverage"]} == {"mapped", "defaulted"}
    assert main(["adapter", "new", "mm", "--out", str(tmp_path / "mm")]) == 1
    assert "--out" in capsys.readouterr().err
    assert main(["adapter", "new", "mmm"]) == 1


def test_check_exits_with_1_and_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mm"
    main(["adapter", "new", "mm", "--out", str(folder)])
    file = folder / FILE_NAME
    file.write_text(file.read_text("utf-8").replace('"fact/asylum"', '"fact/asylums"'), "utf-8")
    capsys.readouterr()
    assert main(["adapter", "check", str(folder)]) == 1
    shown = capsys.readouterr()
    assert f"{file}, line " in shown.err
    assert "NOT GOOD" in shown.out
    assert all(len(line) <= 80 for line in shown.out.splitlines())
    file.write_text("version = 2\n", "utf-8")
    assert main(["adapter", "check", str(folder), "--json"]) == 1
    assert str(file) in capsys.readouterr().out


def test_try_shows_before_and_after_and_leaves_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "referrals.csv"
    sample = (ADAPTERS / "template" / SAMPLES / "referrals.csv").read_text("utf-8")
    second = sample.splitlines()[1].replace("EX-2026-0001", "EX-2").replace(",urgent,", ",soon,")
    file.write_text(sample + second + "\n", "utf-8")
    arguments = ["adapter", "try", str(ADAPTERS / "template"), str(file)]
    assert main([*arguments, "--json"]) == 1
    shown = capsys.readouterr()
    assert "on this terminal alone" in shown.err
    (record,) = json.loads(shown.out)["records"]
    assert record["before"]["sex"] == "female"
    assert record["after"]["sex"] == "F"
    assert "field birth_year" in record["defaulted"]
    assert "fact guardian" in record["defaulted"]
    assert "internal remarks" in record["stays"]
    assert "internal remarks" not in record["before"]
    assert [each["line"] for each in json.loads(shown.out)["problems"]] == [3]
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert "nothing was sent" in shown.out
    assert "line 3: urgency" in shown.err
    assert [path.name for path in tmp_path.iterdir()] == ["referrals.csv"]


def test_try_reads_xrefs_own_form_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "record.json"
    record = {
        "xref_form": 1,
        "publication": "referral-response",
        "case": "EX-7",
        "fields": {"answer": "ACCEPTED"},
        "reply_to": "00" * 16,
    }
    file.write_text(json.dumps(record), "utf-8")
    assert main(["adapter", "try", str(ADAPTERS / "template"), str(file), "--json"]) == 0
    (tried,) = json.loads(capsys.readouterr().out)["records"]
    assert (tried["after"], tried["lost"]) == ({"answer": "ACCEPTED"}, [])
    file.write_text(json.dumps(record | {"fields": {"answr": "ACCEPTED"}}), "utf-8")
    assert main(["adapter", "try", str(ADAPTERS / "template"), str(file)]) == 1


def test_try_shows_cells_that_are_lists(capsys: pytest.CaptureFixture[str]) -> None:
    folder = ADAPTERS / "primero"
    assert main(["adapter", "try", str(folder), str(folder / SAMPLES / "cases.json")]) == 0
    shown = capsys.readouterr().out
    assert "no_family, no_community" in shown
    assert "2 records could go" in shown


def test_check_names_the_types_that_go_in_xrefs_own_form(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["adapter", "check", str(ADAPTERS / "template"), "--json"]) == 0
    own = json.loads(capsys.readouterr().out)["own_form"]
    assert {"group": "publication", "type": "identity-check"} in own
    assert {"group": "received", "type": "victim-referral"} in own
    assert {"group": "publication", "type": "referral"} not in own
    assert not {each["type"] for each in own} & {"receipt", "decision", "definition-mismatch"}


@pytest.mark.parametrize("like", ["primero", "htcds"])
def test_new_begins_like_a_case_system(
    tmp_path: Path, like: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mm"
    assert main(["adapter", "new", "mm", "--like", like, "--out", str(folder)]) == 0
    assert main(["adapter", "check", str(folder)]) == 0
    assert Adapter.load(folder).file.party == "MM"
    assert "GOOD: 10 sample files" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('scripts = ["Thai", "Latn"]', 'scripts = ["Thai", "Hani"]', "script Hani"),
        ('notices = ["th",', 'notices = ["shn",', "language of notices shn"),
    ],
)
def test_forms_have_words_for_what_the_conventions_name(old: str, new: str, said: str) -> None:
    text = (ADAPTERS / "th" / FILE_NAME).read_text("utf-8")
    assert old in text
    adapter = Adapter.parse(text.replace(old, new).encode(), "th")
    found = check_adapter(
        adapter, draft().policy, samples_of(ADAPTERS / "th"), today=TODAY
    ).findings
    assert any(said in each.problem for each in found)


PERIOD = '{ days = 45, source = "invented for this test", as_of = 2026-01-31 }'


def test_a_record_cannot_say_that_the_law_has_no_reflection_period_where_it_has_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ADAPTERS / "la" / FILE_NAME).read_text("utf-8")
    sample = (ADAPTERS / "la" / SAMPLES / "returns.csv").read_text("utf-8")
    silent = sample.replace(",ສິ້ນສຸດແລ້ວ,ເສລີ,", ",ກົດໝາຍບໍ່ໄດ້ກຳນົດ,ເສລີ,")
    given = text.replace('reflection = "unspecified"', f"reflection = {PERIOD}")
    assert silent != sample
    assert given != text
    for adapter, data, said in (
        (text, silent, []),
        (given, sample, []),
        (given, silent, ["45 days (invented for this test, as of 2026-01-31)"]),
    ):
        read = Adapter.parse(adapter.encode(), "x.toml")
        reading = read_form(read, "returns.csv", data.encode(), today=date(2026, 11, 23))
        told = [p.problem.partition("reflection period of ")[2] for p in reading.problems]
        assert sorted(set(told)) == said
    (tmp_path / FILE_NAME).write_text(given, "utf-8")
    main(["adapter", "check", str(tmp_path)])
    assert "reflection  45 days (invented for this test" in capsys.readouterr().out
