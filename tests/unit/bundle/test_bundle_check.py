"""What nobody can sign: a bundle whose schemas or legal bases break a rule is not even built."""

import json
import shutil
from pathlib import Path

import pytest

from world import NOW_MS, YEAR_MS, party_signer
from xref import bundle as bundles
from xref import operations
from xref.cli import main
from xref.consultation import none_held
from xref.errors import ConfigError
from xref.resources import data_folder
from xref.sources import read_sources


def changed_schemas(folder: Path, **members: object) -> Path:
    """Return a folder of the shipped schemas, the victim referral with one more field."""
    shutil.copytree(data_folder("schemas"), folder)
    file = folder / "victim_referral.avsc"
    document = json.loads(file.read_bytes())
    document["fields"].append({**document["fields"][-1], "xref.id": 60_000, **members})
    file.write_text(json.dumps(document), encoding="utf-8")
    return folder


def changed_policies(folder: Path, file: str, old: str, new: str) -> Path:
    shutil.copytree(data_folder("policies"), folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_a_schema_with_what_no_record_may_carry_is_not_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas = changed_schemas(tmp_path / "schemas", name="will_testify_ref")
    out = tmp_path / "bundle"
    assert main(["bundle", "build", "--out", str(out), "--schemas", str(schemas)]) == 1
    told = capsys.readouterr().err
    assert "schemas/victim_referral.avsc: will_testify_ref [content/cooperation]" in told
    assert not out.exists()


@pytest.mark.parametrize(
    ("record", "is_neutral", "says"),
    [
        ("nationality_result", None, "is not declared neutral: flow nationality-result"),
        ("safe_receipt", True, "is declared neutral, its purpose labels: flow safe-receipt"),
    ],
)
def test_a_record_is_neutral_where_its_purposes_are_and_nowhere_else(
    tmp_path: Path, record: str, is_neutral: bool | None, says: str
) -> None:
    shutil.copytree(data_folder("schemas"), tmp_path / "schemas")
    file = tmp_path / "schemas" / f"{record}.avsc"
    document = json.loads(file.read_bytes())
    document.pop("xref.neutral", None)
    document |= {"xref.neutral": True} if is_neutral else {}
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        operations.draft_bundle(schemas=tmp_path / "schemas")


def test_a_purpose_that_names_no_term_is_not_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = changed_policies(
        tmp_path / "policies", "purposes.toml", "dpv#IdentityVerification", "dpv#Marketing"
    )
    assert main(["bundle", "build", "--out", str(tmp_path / "b"), "--policies", str(changed)]) == 1
    assert "identity-and-residence: iri is no term" in capsys.readouterr().err


def test_a_ground_without_a_legal_basis_is_not_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = changed_policies(
        tmp_path / "policies", "facts.toml", '"court-order", ', '"court-order", "convenience", '
    )
    assert main(["bundle", "build", "--out", str(tmp_path / "b"), "--policies", str(changed)]) == 1
    assert "disclosure_ground convenience: no legal basis" in capsys.readouterr().err


def test_a_party_does_not_sign_what_another_built_around_the_check(tmp_path: Path) -> None:
    schemas = changed_schemas(tmp_path / "schemas", name="claim_ref", **{"xref.category": "asylum"})
    sources = read_sources(data_folder("policies"), schemas)
    bundles.write_bundle(tmp_path / "bundle", bundles.build(sources))
    with pytest.raises(ConfigError, match="nobody should sign") as refusal:
        operations.sign_bundle(tmp_path / "bundle", party_signer("LA"), (NOW_MS, NOW_MS + YEAR_MS))
    assert "content/never" in str(refusal.value)
    assert (tmp_path / "bundle" / "bundle.note").read_bytes() == b""


def test_what_ships_is_built_and_signed(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    schemas, policies = data_folder("schemas"), data_folder("policies")
    record = none_held("A test.")
    draft = operations.draft_bundle(schemas=schemas, policies=policies, consultation=record)
    bundles.write_bundle(out, draft)
    operations.sign_bundle(out, party_signer("LA"), (NOW_MS, NOW_MS + YEAR_MS))
    assert "xref/party/v1/LA" in (out / "bundle.note").read_text(encoding="utf-8")


def test_a_folder_without_schemas_or_policies_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \*\.avsc there"):
        operations.draft_bundle(schemas=tmp_path)
