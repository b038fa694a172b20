"""Nobody signs a bundle without a record of who was consulted, a proof, and sight of the change."""

import json
import shutil
from pathlib import Path

import pytest

from world import NOW_MS, YEAR_MS, party_signer
from xref import operations
from xref.bundle import write_bundle
from xref.bundle_check import check_proof
from xref.cli import main
from xref.consultation import consultation_of, none_held
from xref.errors import ConfigError
from xref.operations import new_seed
from xref.policy.rulebook import INVARIANTS_PATH
from xref.sources import read_rules

HELD = """
[[consulted]]
body = "The national human rights institution"
kind = "human-rights-institution"
on = "2026-10-01"
said = "Addresses of shelters must not cross."
effect = "They are in no record."

[[effect]]
group = "female"
says = "As men, but for needs that are asked for more often."

[[effect]]
group = "male"
says = "No field asks for the form of exploitation."

[[effect]]
group = "child"
says = "The child path everywhere."

[[effect]]
group = "adult"
says = "An own choice is not held up."
"""


def built(folder: Path, record: bytes) -> Path:
    write_bundle(folder, operations.draft_bundle(consultation=record))
    return folder


def said(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        consultation_of({"consultation.toml": text.encode()})
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('group = "male"', 'group = "other-sex"', "no effect on the group male"),
        ('group = "male"', 'group = "female"', "female is given twice"),
        ('group = "male"', 'group = "boys"', "unknown 'boys'"),
        ("2026-10-01", "October", "is no day"),
        ('kind = "human', 'kind = "my-human', "unknown 'my-human"),
        ("[[consulted]]", "[[asked]]", "unknown member 'asked'"),
        ("[[consulted]]", 'none_took_place = "No time."\n[[consulted]]', "neither or both"),
        ('said = "Addresses', 'heard = "Addresses', "said is missing"),
    ],
)
def test_record_that_says_half(old: str, new: str, fault: str) -> None:
    assert fault in said(HELD.replace(old, new, 1))


def test_record_that_says_nothing() -> None:
    assert "neither or both" in said("")
    assert "effect without" in said('none_took_place = "x"\n' + HELD[HELD.index("[[effect]]") :])


def test_reason_in_any_letters_is_kept_as_it_is() -> None:
    for reason in ('ບໍ່ມີ "ເວລາ" \\ ພໍ', "Không có thời gian"):
        found = consultation_of({"consultation.toml": none_held(reason)})
        assert found.words == [f"NOBODY was consulted: {reason}"]


def test_party_signs_no_bundle_without_a_record(tmp_path: Path) -> None:
    folder = built(tmp_path / "bundle", b"")
    with pytest.raises(ConfigError, match="--no-consultation"):
        operations.sign_bundle(folder, party_signer("LA"), (NOW_MS, NOW_MS + YEAR_MS))


@pytest.mark.long
def test_signing_tells_who_was_consulted_and_what_opens_and_closes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = built(tmp_path / "new", HELD.encode())
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    file = next(old.glob("policies/**/protection.toml"))
    text = file.read_text("utf-8")
    assert '"family", ' in text
    operations_changed = text.replace('"family", ', "", 1)
    policies = tmp_path / "policies"
    shutil.copytree(folder / "policies", policies)
    (policies / file.relative_to(old / "policies")).write_text(operations_changed, "utf-8")
    shutil.rmtree(old)
    write_bundle(old, operations.draft_bundle(folder / "directory.toml", policies=policies))
    new_seed(tmp_path / "party.key")
    command = ["bundle", "sign", str(folder), "--party", "LA", "--key", str(tmp_path / "party.key")]
    assert main([*command, "--instead-of", str(old)]) == 0
    told = capsys.readouterr().out
    assert "OPENS" in told
    assert "dependants" in told
    assert "The national human rights institution" in told
    assert "effect, child" in told
    assert main(["bundle", "diff", str(old), str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {field for each in found["changes"] for field in each["fields"]} >= {"dependants"}
    assert found["offices"] == {"added": [], "removed": [], "changed": []}
    assert found["consultation"]["consulted"][0]["on"] == "2026-10-01"


def test_bundle_without_invariants_is_proved_by_nobody() -> None:
    draft = read_rules(None)
    files = {path: data for path, data in draft.files.items() if path != INVARIANTS_PATH}
    bare = type(draft)(
        files, draft.manifest, draft.digest32, draft.policy, draft.directory, draft.schemas
    )
    with pytest.raises(ConfigError, match=r"invariants\.toml is missing"):
        check_proof(bare, lambda *_: None)


@pytest.mark.long
def test_building_proves_and_writes_nothing_that_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(Path(__file__).parents[3] / "policies", policies)
    file = policies / "floor" / "asylum.toml"
    text = file.read_text("utf-8")
    assert 'asylum = ["no"]' in text
    file.write_text(text.replace('asylum = ["no"]', 'asylum = ["no", "pending"]', 1), "utf-8")
    out = tmp_path / "bundle"
    options = ["--policies", str(policies), "--no-consultation", "A test."]
    assert main(["bundle", "build", "--out", str(out), *options]) == 1
    assert "asylum" in capsys.readouterr().err
    assert not out.exists()
