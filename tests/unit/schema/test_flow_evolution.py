"""A flow keeps its code, record and purpose; what opens or closes to whom is told."""

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import releases
from world import draft_bundle
from xref.bundle import DIRECTORY_PATH, Draft, build
from xref.cli import main
from xref.flow_evolution import compare_flows
from xref.sources import read_sources

FOLDER = "policies/cooperation"


def changed(*edits: tuple[str, str, str]) -> Draft:
    """Return what is shipped with some text in place of another, in files that agreements share."""
    sources = read_sources(releases.ROOT / "policies", releases.ROOT / "schemas")
    for file, old, new in edits:
        path = f"{FOLDER}/{file}.toml"
        assert old.encode() in sources[path], old
        sources[path] = sources[path].replace(old.encode(), new.encode(), 1)
    return build(sources)


def told(new: Draft, old: Draft | None = None) -> list[tuple[bool, str]]:
    changes = compare_flows((old or draft_bundle()).policy, new.policy)
    return [(each.breaks, f"{each.schema} {each.field}: {each.says}") for each in changes]


def flow_of(name: str, file: str) -> Callable[[str, str], tuple[str, str, str]]:
    """Return what edits a line of one flow's table."""
    path = releases.ROOT / FOLDER / f"{file}.toml"
    text = path.read_text(encoding="utf-8")
    (table,) = [t for t in text.split("\n\n") if "[[flow]]" in t and f'name = "{name}"' in t]

    def edit(old: str, new: str) -> tuple[str, str, str]:
        assert old in table, table
        return file, table, table.replace(old, new, 1)

    return edit


SIGNAL = flow_of("signal-action", "identification")
WELFARE = flow_of("welfare-report", "return")


def test_nothing_changed() -> None:
    assert told(draft_bundle()) == []
    assert told(changed()) == []


def test_a_code_that_becomes_another() -> None:
    (first, second, third) = told(changed(SIGNAL("code = 86", "code = 87")))
    assert first == (False, "flow signal-action : no longer there; code 86 is never used again")
    assert second[0] is False
    assert third == (True, "flow signal-action : code 86 became 87; a flow keeps its code")


def test_a_code_that_another_flow_had() -> None:
    gone = changed(SIGNAL("code = 86", "code = 87"))
    (breaks, *_) = [said for said in told(draft_bundle(), gone) if said[0]]
    assert "a flow keeps its code" in breaks[1]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (
            SIGNAL('purpose = "signal-of-risk"', 'purpose = "identification"'),
            "purpose signal-of-risk became identification",
        ),
        (SIGNAL("receipted = true", "receipted = false"), "receipted True became False"),
    ],
)
def test_a_flow_of_another_purpose_or_without_a_receipt_breaks(
    edit: tuple[str, str, str], says: str
) -> None:
    assert any(breaks and says in said for breaks, said in told(changed(edit)))


def test_a_flow_of_another_record_or_fewer_questions_breaks() -> None:
    """The rules would have to change with it; so the flows alone are compared."""
    policy = draft_bundle().policy
    flow = policy.flow_named("handover-response")
    for change, says in (
        ({"schema": "xref.receipt"}, "schema xref.referral_response became xref.receipt"),
        ({"nature": "contact"}, "nature answer became contact"),
        ({"reach": "any"}, "reach crossing became any"),
        ({"answers": ()}, "no longer answers provider-handover"),
    ):
        flows = {**policy.flows, flow.code: replace(flow, **change)}
        later = copy.copy(policy)
        object.__setattr__(later, "flows", flows)
        found = compare_flows(policy, later)
        assert [each.breaks for each in found if says in each.says] == [True], says


def test_a_recipient_more_and_less() -> None:
    policy = draft_bundle().policy
    roles = policy.flow_named("welfare-report").to_roles
    assert roles == ("nrm",)
    more = changed(WELFARE('to_roles = ["nrm"]', 'to_roles = ["nrm", "service-provider"]'))
    assert (False, "flow welfare-report : OPENS: service-provider receives it too") in told(more)
    closes = (False, "flow welfare-report : CLOSES: service-provider receives it no longer")
    assert closes in told(draft_bundle(), more)
    assert not any(breaks for breaks, _ in [*told(more), *told(draft_bundle(), more)])


def test_a_field_more_and_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrowed = changed(("return", 'fields = ["next_check_by"]\n', ""))
    assert told(narrowed) == [(False, "flow welfare-report next_check_by: CLOSES to nrm abroad")]
    assert told(draft_bundle(), narrowed) == [
        (False, "flow welfare-report next_check_by: OPENS to nrm abroad")
    ]
    # The command says the same of two folders.
    for name, draft in (("old", draft_bundle()), ("new", narrowed)):
        for file, data in draft.files.items():
            if file != DIRECTORY_PATH:
                (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name / file).write_bytes(data)
    assert main(["schema", "diff", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    assert "next_check_by: CLOSES to nrm abroad" in capsys.readouterr().out
    assert main(["schema", "diff", str(tmp_path / "old"), str(tmp_path / "new"), "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {each["schema"] for each in changes} == {"flow welfare-report"}


def test_folders_of_schemas_alone_have_no_flows(tmp_path: Path) -> None:
    shutil.copytree(releases.ROOT / "schemas", tmp_path / "schemas")
    assert main(["schema", "diff", str(tmp_path), str(releases.ROOT)]) == 0
