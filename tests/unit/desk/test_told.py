"""Which notice a person was told: bound by digest, and refused where nobody has its words."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shipped import shipped
from unit.desk.test_plain_form import CONSENT, GOOD
from unit.desk.test_sharing_consent import RECORD
from world import SeededEntropy, signed_bundle
from xref.desk.adapter import FILE_NAME, Adapter
from xref.desk.adapter_check import check_adapter
from xref.desk.consent import Explanation
from xref.desk.read_form import Record
from xref.desk.spool import Spool
from xref.desk.told import ToldFault, bound, notices_of
from xref.drivers.memory import MemoryStore
from xref.errors import ConfigError
from xref.policy import Notice
from xref.resources import data_folder
from xref.submitting import FormReader, Submission, take_form

ADAPTERS, DRAFT = data_folder("adapters"), "draft-2026-1"
TEXTS = data_folder("policies") / "notices" / DRAFT
LA = (ADAPTERS / "la" / FILE_NAME).read_text("utf-8")
NOTICES, KEEPING = (
    signed_bundle().policy.rulebook.notices,
    next(iter(signed_bundle().policy.rulebook.keeping)),
)
TOLD = replace(
    RECORD,
    notice_version=DRAFT,
    explanation=Explanation("read-aloud", "interpreter", "", ("this-office",)),
)


def digest(language: str) -> str:
    return hashlib.sha256((TEXTS / f"{language}.toml").read_bytes()).hexdigest()


def submitted(
    folder: Path, adapter: Adapter, name: str, form: bytes
) -> tuple[Submission, list[Record]]:
    """What an office's desk makes of a form."""
    file, spool = folder / name, Spool(MemoryStore(), bytes(32), SeededEntropy("told"))
    file.write_bytes(form)
    notices = notices_of(adapter, [signed_bundle().policy])
    done = take_form(FormReader(adapter, "LANRM001", signed_bundle(), notices), file, spool)
    return done, [row for _, row in spool.take(100) if isinstance(row, Record)]


REFERRALS = (ADAPTERS / "la" / "samples" / "referrals.csv").read_bytes()


def plain(**members: Any) -> bytes:
    return json.dumps({**GOOD, "sharing_consent": {**CONSENT, **members}}).encode()


@pytest.mark.parametrize("name", ["htcds", "kh", "la", "primero", "template", "th", "vn"])
def test_every_shipped_form_that_asks_binds_the_text_that_was_told(name: str) -> None:
    """In the language of the explanation, else the one that interpreters of that office use."""
    forms = shipped(name).file.publications
    asked = {form for form, each in forms.items() if each.sharing_consent}
    bound_by = set()
    for path in (ADAPTERS / name / "samples").glob("*.records.json"):
        for record in json.loads(path.read_text("utf-8")):
            if (given := record["sharing_consent"]) is None:
                continue
            form = forms[record["publication"]].sharing_consent
            assert form
            language = given["language"].partition("-")[0]
            is_shipped = (TEXTS / f"{language}.toml").is_file()
            assert given["notice_version"] == DRAFT
            assert given["notice_sha256"] == digest(
                language if is_shipped else form.interpreted_from
            )
            bound_by.add(record["publication"])
    assert asked
    assert bound_by == asked - {"emergency-protection-referral"}, "whose sample has another ground"


def test_a_form_on_a_notice_that_nobody_ships(tmp_path: Path) -> None:
    """The record does not go; field, problem and cure are named, and nothing of the person."""
    adapter = Adapter.parse(LA.replace(DRAFT, "LA-2020-9").encode(), "la")
    done, records = submitted(tmp_path, adapter, "referrals.csv", REFERRALS)
    assert (done.accepted, records) == (0, [])
    assert {each.field for each in done.problems} == {"sharing consent: notice_version"}
    assert all(DRAFT in each.cure and "notices/VERSION/" in each.cure for each in done.problems)
    assert "ຫງວຽນ" not in str(done)


def test_a_language_without_a_text_goes_by_the_one_that_was_interpreted(tmp_path: Path) -> None:
    done, records = submitted(tmp_path, shipped("la"), "referrals.csv", REFERRALS)
    assert done.problems == ()
    assert {r.sharing_consent.language for r in records if r.sharing_consent} == {"vi"}
    given = replace(TOLD, language="hmn-Latn")
    explained = bound(given, NOTICES, "lo").explanation
    assert explained
    assert explained.notice_sha256 == digest("lo")


@pytest.mark.parametrize(("interpreter", "used"), [("", "lo"), ("interpreter", ""), ("nrm", "my")])
def test_a_language_without_a_text_that_nobody_interpreted(interpreter: str, used: str) -> None:
    """Nor where it is not said from which text, or from one that there is not."""
    told = replace(TOLD.explanation or Explanation("", "", "", ()), interpreted_by=interpreter)
    with pytest.raises(ToldFault) as fault:
        bound(replace(TOLD, language="kjg", explanation=told), NOTICES, used)
    member, _, cure = fault.value.args
    assert member == "language"
    assert "say who interpreted" in cure


def test_script_and_region_of_a_language_are_no_other_text() -> None:
    for language in ("vi", "vi-VN", "vi-Latn-VN"):
        explained = bound(replace(TOLD, language=language), NOTICES, "").explanation
        assert explained
        assert explained.notice_sha256 == digest("vi")


def test_a_digest_of_other_words_under_a_shipped_version(tmp_path: Path) -> None:
    version_2 = {
        "version": 2,
        "notice_version": DRAFT,
        "explained_how": "read-aloud",
        "interpreted_by": "",
        "withdrawal_routes": ["this-office"],
    }
    for sha256, field in (
        ("ab" * 32, "sharing consent: notice_sha256"),
        (digest("lo"), ""),
        (digest("en"), ""),  # the text that was interpreted
        ("", ""),
    ):
        form = plain(**version_2, notice_sha256=sha256)
        done, records = submitted(tmp_path, shipped("la"), "x.json", form)
        assert [each.field for each in done.problems] == ([field] if field else [])
        for record in records:
            assert record.sharing_consent
            assert record.sharing_consent.explanation
            assert record.sharing_consent.explanation.notice_sha256 == (sha256 or digest("lo"))


def test_a_record_of_version_1_on_a_notice_that_nobody_ships(tmp_path: Path) -> None:
    done, _ = submitted(tmp_path, shipped("la"), "x.json", plain(notice_version="1"))
    assert [each.field for each in done.problems] == ["sharing consent: notice_version"]
    done, records = submitted(tmp_path, shipped("la"), "x.json", plain(notice_version=DRAFT))
    assert (done.problems, len(records)) == ((), 1)


# -- an office's own notices -----------------------------------------------------------------------


def own_notices(folder: Path, version: str, kept_by: str = KEEPING) -> Adapter:
    """The Lao adapter in a folder, with a notice of its own in Lao."""
    place = folder / "notices" / version
    place.mkdir(parents=True)
    statements = f'[[statement]]\nid = "family"\nkept_by = ["{kept_by}"]\n'
    (place / "statements.toml").write_text(statements, "utf-8")
    text = f'version = "{version}"\nlanguage = "lo"\ntitle = "t"\n[texts]\nfamily = "f"\n'
    (place / "lo.toml").write_text(text, "utf-8")
    (folder / FILE_NAME).write_text(LA.replace(DRAFT, version), "utf-8")
    return Adapter.load(folder)


def test_a_notice_in_the_adapters_folder_is_bound(tmp_path: Path) -> None:
    adapter = own_notices(tmp_path, "LA-2027-1")
    expected = hashlib.sha256((tmp_path / "notices/LA-2027-1/lo.toml").read_bytes()).hexdigest()
    _, records = submitted(tmp_path, adapter, "referrals.csv", REFERRALS)
    told = [record.sharing_consent.explanation for record in records if record.sharing_consent]
    assert {each.notice_sha256 for each in told if each and each.interpreted_by} == {expected}


def test_an_adapters_notice_that_promises_what_no_rule_keeps(tmp_path: Path) -> None:
    adapter = own_notices(tmp_path, "LA-2027-1", kept_by="floor/imagined")
    with pytest.raises(ConfigError, match=r"notices/LA-2027-1/statements\.toml.*kept_by"):
        notices_of(adapter, [signed_bundle().policy])


def test_an_adapters_text_under_a_version_of_the_bundle(tmp_path: Path) -> None:
    """What every Party signed is what is bound."""
    notices = notices_of(own_notices(tmp_path, DRAFT), [signed_bundle().policy])
    explained = bound(replace(TOLD, language="lo"), notices, "").explanation
    assert explained
    assert explained.notice_sha256 == digest("lo")


# -- what `xref adapter check` says ----------------------------------------------------------------


def found(text: str) -> list[tuple[str, str]]:
    adapter = Adapter.parse(text.encode(), "x.toml")
    policy = signed_bundle().policy
    findings = check_adapter(adapter, policy, {}, today=shipped("la").day_at(0)).findings
    line = text.splitlines()
    return [
        (line[each.line - 1], f"{each.problem}; {each.cure}")
        for each in findings
        if "the notice" in each.problem
    ]


def test_the_check_names_forms_whose_notice_nobody_has() -> None:
    old = f'notice_version = "{DRAFT}"'
    [(line, said)] = found(LA.replace(old, 'notice_version = "LA-1"', 1))
    assert line.startswith("sharing_consent = {")
    assert "neither the bundle nor the adapter has the notice LA-1" in said
    [(line, said)] = found(LA.replace('interpreted_from = "lo"\n', "", 1))
    assert line.startswith("sharing_consent = {")
    assert "no text in hmn, kjg" in said
    [(_, said)] = found(LA.replace('interpreted_from = "lo"', 'interpreted_from = "my"', 1))
    assert "no text in my" in said
    assert found(LA) == []


def test_interpreted_from_without_a_column_for_who_interpreted() -> None:
    gone = LA.replace('"sharing-consent/interpreted_by", ', "")
    with pytest.raises(ConfigError, match="interpreted_from needs a column"):
        Adapter.parse(gone.encode(), "x.toml")


def test_notices_of_an_earlier_bundle_still_count() -> None:
    """A sharing consent outlives the bundle under which it was given."""
    earlier: tuple[Notice, ...] = tuple(replace(each, version="old-1") for each in NOTICES)
    with pytest.raises(ToldFault):
        bound(replace(TOLD, notice_version="old-1"), NOTICES, "")
    assert bound(replace(TOLD, notice_version="old-1"), (*NOTICES, *earlier), "").explanation
