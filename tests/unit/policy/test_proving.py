"""The prover: what holds is proved on all facts, what does not has a counterexample in words."""

import json
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.bundle.signed_bundle import changed, draft, sources
from unit.policy.open_mask import open_mask
from xref.bundle import build
from xref.cli import main
from xref.errors import ConfigError
from xref.policy import Permit, Question, tiling
from xref.policy.compare import compare, narrows_only
from xref.policy.conditions import Clause
from xref.policy.corridor import Corridor, corridor_between
from xref.policy.facts import Fact
from xref.policy.invariants import read_invariants
from xref.policy.passages import Passage, passages_of, widest_passages
from xref.policy.proving import Prover
from xref.policy.rulebook import Rulebook
from xref.policy.rules import ForbidRule, PermitRule, Rule, Selector
from xref.policy.tiling import boxes_of, whole

RULEBOOK: Final = draft().policy.rulebook
ASYLUM: Final = "policies/floor/asylum.toml"


def breached(files: dict[str, bytes]) -> set[str]:
    found = build(files)
    invariants = read_invariants(found.files, found.policy.rulebook)
    prover = Prover(found.policy.rulebook, invariants)
    return {each.id for place, each in enumerate(invariants) if next(prover.breaches(place), None)}


def test_the_shipped_rules_are_proved() -> None:
    proof = Prover(RULEBOOK, read_invariants(sources(), RULEBOOK)).prove()
    assert proof.breaches == ()
    assert proof.facts > 10**20
    assert proof.ways > 20_000


def test_open_asylum_to_the_state_of_origin() -> None:
    files = changed(ASYLUM, 'asylum = ["no"]', 'asylum = ["no", "pending"]')
    assert {"asylum-first", "asylum-claimed"} <= breached(files)


def test_hide_a_permit_that_depends_on_who_the_traveller_is() -> None:
    """A border guard whose record lacks the photograph's day could tell who was trafficked."""
    path = "policies/cooperation/return.toml"
    old = 'id = "cooperation/travel-notice-border-child"'
    text = sources()[path].decode()
    at = text.index("[[permit.when]]", text.index(old))
    files = {
        **sources(),
        path: (
            text[:at] + '[[permit.when]]\nvictim_status = ["identified"]\n\n' + text[at:]
        ).encode(),
    }
    assert breached(files) == {"a-traveller-like-any-other"}


def test_block_an_own_choice_by_a_missing_assessment() -> None:
    """A rule that only tightens is a breach too, where it would keep people from going home."""
    path = "policies/floor/return.toml"
    text = sources()[path].decode()
    start = text.index("[[forbid.unless]]", text.index('id = "floor/return-risk"'))
    end = text.index("[[forbid.unless]]", start + 1)
    files = {**sources(), path: (text[:start] + text[end:]).encode()}
    assert {"own-choice-not-blocked", "own-choice-announced"} <= breached(files)


# The boxes are all facts, each once, and right.

FACTS: Final = (*(Fact(f"f{i}", ("a", "b", "c")[: i + 1], "origin", "x") for i in range(3)),)
RULE: Final = Rule("x", "x", (), "derived", "", "", "")
ANY: Final = Selector(None, None, None, None, None, None)


def conditions(*, with_unknown: bool) -> st.SearchStrategy[tuple[Clause, ...]]:
    def term(place: int) -> st.SearchStrategy[tuple[int, int]]:
        known = st.integers(1, (1 << len(FACTS[place].values)) - 1)
        return known.map(lambda bits: (place, bits << 1 | with_unknown))

    clause = st.sets(st.integers(0, 2), min_size=1).flatmap(
        lambda places: st.tuples(*(term(place) for place in sorted(places))).map(Clause)
    )
    return st.lists(clause, max_size=3).map(tuple)


def forbids() -> st.SearchStrategy[ForbidRule]:
    return st.builds(
        lambda when, unless: ForbidRule(RULE, ANY, "refuse", (), (), when, unless),
        conditions(with_unknown=True),
        conditions(with_unknown=False),
    )


def permits() -> st.SearchStrategy[PermitRule]:
    return conditions(with_unknown=False).map(
        lambda when: PermitRule(RULE, ANY, (), (), when, 1, ())
    )


@given(
    st.lists(forbids(), max_size=3),
    st.lists(st.tuples(forbids(), st.integers(1, 7)), max_size=2),
    st.lists(st.tuples(permits(), st.integers(1, 7)), max_size=3),
)
def test_the_boxes_are_all_facts_each_once(
    refuses: list[ForbidRule],
    strips: list[tuple[ForbidRule, int]],
    granted: list[tuple[PermitRule, int]],
) -> None:
    flow = draft().policy.flow_named("victim-referral")
    schema = draft().policy.schema_for(flow)
    corridor = Corridor(flow, schema, (), tuple(refuses), tuple(strips), (), (), tuple(granted))
    boxes = boxes_of(corridor, FACTS)
    for codes in product(range(2), range(3), range(4)):
        inside = [
            box
            for box in boxes
            if all(bits >> code & 1 for bits, code in zip(box.answers, codes, strict=True))
        ]
        assert [box.mask for box in inside] == [open_mask(corridor, bytes(codes))]


def test_no_decision_of_a_box_differs_from_the_engines() -> None:
    for passage in passages_of(RULEBOOK, []):
        for box in boxes_of(passage.corridor, RULEBOOK.facts):
            codes = box.first()
            assert open_mask(passage.corridor, codes) == box.mask
            assert decided(passage, codes) == box.mask


def decided(passage: Passage, codes: bytes) -> int:
    """Ask the engine, with all that may go carried, covered and in force."""
    flow = passage.corridor.flow
    cause = draft().policy.flow_named(flow.caused_by[0]).code if flow.caused_by else 0
    full = passage.corridor.schema.full_mask
    ceiling = draft().policy.ceiling(
        flow.code, passage.from_role, passage.to_role, same_party=passage.same_party
    )
    ends = (flow.code, passage.from_role, passage.to_role, passage.same_party)
    carried = open_mask(passage.corridor, codes) or ceiling
    asked = Question(*ends, codes[:-1], carried, full, codes[-1] == 1, cause)
    answer = draft().policy.decide(asked)
    return answer.mask if isinstance(answer, Permit) else 0


def test_too_many_cases_name_the_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "BOXES_MAX", 10)
    flow = draft().policy.flow_named("return-notice")
    corridor = corridor_between(RULEBOOK, flow, "nrm", "nrm", same_party=False)
    with pytest.raises(ConfigError, match=r"return-notice: over 10 cases.*best_interests"):
        boxes_of(corridor, RULEBOOK.facts)


def test_every_way_is_bound_as_a_way_of_the_widest_agreement() -> None:
    """What is proved of the widest agreement is proved of this one: same rules, no more opened."""
    selectors = [each.selector for each in RULEBOOK.forbids]
    widest = widest_passages(RULEBOOK, selectors)
    for own in passages_of(RULEBOOK, selectors):
        found = [
            each
            for each in widest
            if each.chosen == own.chosen
            and each.corridor.flow.nature == own.corridor.flow.nature
            and {field.category for field in own.corridor.schema.fields}
            <= {field.category for field in each.corridor.schema.fields}
        ]
        assert found, own.words
        assert {each.corridor.refuses for each in found} == {own.corridor.refuses}


def test_the_whole_space_counts_unknown_and_the_record() -> None:
    sizes = [len(fact.values) + 1 for fact in RULEBOOK.facts]
    assert [bits.bit_count() for bits in whole(RULEBOOK.facts)] == sizes


# Comparing.


def rules_of(files: dict[str, bytes]) -> Rulebook:
    return build(files).policy.rulebook


def test_a_diff_is_exact_and_only_that() -> None:
    assert compare(RULEBOOK, RULEBOOK) == []
    wider = rules_of(changed(ASYLUM, 'asylum = ["no"]', 'asylum = ["no", "pending"]'))
    opens = compare(RULEBOOK, wider)
    assert {each.change for each in opens} == {"opens"}
    assert {each.facts["asylum"] for each in opens} == {"pending"}
    assert {each.rules for each in opens} == {("floor/asylum",)}
    assert {each.flow for each in opens} == {
        flow.name for flow in RULEBOOK.flows.values() if flow.nature in ("contact", "domestic")
    }
    closes = compare(wider, RULEBOOK)
    assert {each.change for each in closes} == {"closes"}
    assert narrows_only(wider, RULEBOOK) is None
    assert narrows_only(RULEBOOK, wider) is not None


def test_a_field_that_a_permit_drops_closes_for_good() -> None:
    path = "policies/cooperation/protection.toml"
    old = '"contact", "family", "identity", "language"'
    new = '"contact", "identity", "language"'
    [change] = compare(RULEBOOK, rules_of(changed(path, old, new)))
    assert (change.change, change.fields, change.entirely) == ("closes", ("dependants",), True)


def test_facts_appended_can_be_compared_and_facts_moved_cannot() -> None:
    path = "policies/facts.toml"
    fact = '\n[[fact]]\nname = "weather"\nknown_at = "origin"\nvalues = ["fair"]\nexplain = "X."\n'
    more = rules_of({**sources(), path: sources()[path] + fact.encode()})
    assert compare(RULEBOOK, more) == []
    with pytest.raises(ConfigError, match="weather"):
        compare(more, RULEBOOK)


# The commands.


def test_prove_ends_with_a_counterexample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = changed(ASYLUM, 'asylum = ["no"]', 'asylum = ["no", "appeal"]')
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert main(["policy", "prove", "--policies", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["proved"]
    assert {each["facts"]["asylum"] for each in told["breaches"]} >= {"appeal"}
