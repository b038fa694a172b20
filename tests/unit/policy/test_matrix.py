"""The matrix and its page say what the ceilings say; situations and samples are read strictly."""

import json
from html.parser import HTMLParser
from typing import Final

import pytest

from unit.bundle.signed_bundle import changed, draft
from xref.bundle import build
from xref.cli import main
from xref.errors import ConfigError
from xref.policy.matrix import cells_of
from xref.policy.reading import Entry
from xref.policy.simulation import read_cases, simulate
from xref.policy.situation import read_situation
from xref.policy_page import page_of

POLICY: Final = draft().policy
CELLS: Final = list(cells_of(POLICY.rulebook))


def test_a_cell_is_never_exactly_where_the_ceiling_has_no_such_field() -> None:
    for cell in CELLS:
        flow = POLICY.flow_named(cell.flow)
        ceiling = POLICY.ceiling(
            flow.code, cell.from_role, cell.to_role, same_party=not cell.crossing
        )
        mask = POLICY.schema_for(flow).mask_of([cell.field])
        assert (cell.verdict != "never") is bool(ceiling & mask)


def test_every_open_cell_names_the_permit_and_the_gates_that_bind_it() -> None:
    for cell in CELLS:
        if cell.verdict == "never":
            continue
        assert any(not rule.startswith("floor/") for rule in cell.rules)
        assert {need.rule for need in cell.conditions} <= set(cell.rules)
        if POLICY.flow_named(cell.flow).nature in ("contact", "domestic"):
            assert "floor/asylum" in {need.rule for need in cell.conditions}


def test_the_matrix_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "matrix", "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert len(cells) == len(CELLS)
    assert {"flow", "from_role", "to_role", "field", "verdict", "conditions", "rules"} <= set(
        cells[0]
    )


class Page(HTMLParser):
    """Counts what is open, and what leads outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids |= {str(given["id"])} if "id" in given else set()
        self.links |= {str(given[name]) for name in ("href", "src") if name in given}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_nothing_from_outside() -> None:
    page = Page()
    page.feed(page_of(draft()))
    assert page.open == []
    assert "script" not in page.tags
    assert {link.removeprefix("#") for link in page.links} <= page.ids


def test_a_misspelt_situation_is_refused() -> None:
    for table, match in (
        ({"flow": "gossip"}, "gossip"),
        ({"flow": "victim-referral", "facts": {"weather": "fair"}}, "weather"),
        ({"flow": "victim-referral", "facts": {"asylum": "maybe"}}, "asylum"),
        ({"flow": "victim-referral", "carried": ["shoe_size"]}, "shoe_size"),
        ({"flow": "victim-referral", "form": "nrm"}, "form"),
    ):
        with pytest.raises(ConfigError, match=match):
            read_situation(Entry(dict(table), "here"), POLICY)


def test_a_change_that_falls_on_one_group_is_seen() -> None:
    path = "policies/floor/asylum.toml"
    new = build(
        changed(path, 'origin_fear = ["none-stated"]', 'origin_fear = ["none-stated", "non-state"]')
    )
    facts = {
        "asylum": "no",
        "age_status": "verified-adult",
        "sharing_consent": "granted",
        "assistance_consent": "granted",
        "disclosure_ground": "sharing-consent",
        "confidentiality_warning": "before-understood",
        "consular_conflict": "none-known",
    }
    tables = [
        {"id": sex, "sex": sex, "age": "18-24", "nationality": "VN", "facts": {**facts, **fear}}
        for sex, fear in (
            ("F", {"origin_fear": "non-state"}),
            ("M", {"origin_fear": "none-stated"}),
        )
    ]
    cases = read_cases(Entry({"case": tables}, "cases"), POLICY)
    found = simulate(POLICY, new.policy, cases)
    assert {each.case for each in found.effects} == {"F"}
    assert {each.effect for each in found.effects} == {"newly-passed"}
    touched = {(each.attribute, each.group): each.touched["newly-passed"] for each in found.shares}
    assert touched["sex", "F"] == 1
    assert touched["sex", "M"] == 0
    back = simulate(new.policy, POLICY, cases)
    assert {(each.effect, each.rules) for each in back.effects} == {
        ("newly-refused", ("floor/origin-fear",))
    }
