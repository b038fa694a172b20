"""What there is to prove: every way that a message can take, and every way that one ever could.

`passages_of` lists the corridors of a bundle. `widest_passages` lists those of the *widest
agreement*: a flow of every nature and purpose between any two roles, whose record has a field of
every category that no rule of the floor bans, all of it permitted on any facts. Whatever flow an
agreement may define, its corridor is bound by the rules of one of these and opens no more. So what
is proved of the widest agreement holds for every agreement that can ever be written under this
floor. Ways that the same rules bind are listed once.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from xref.policy.corridor import Corridor, corridor_between
from xref.policy.flows import Flow
from xref.policy.rulebook import Rulebook
from xref.policy.rules import PermitRule, Rule, Selector
from xref.policy.vocabulary import NATURES, ROLES
from xref.wire.schema import CATEGORIES, Schema

_NEVER_CROSSES = ("decision", "domestic", "home")


@dataclass(frozen=True, slots=True)
class Passage:
    """A corridor with its ends; `ways` is how many others the same rules bind.

    `chosen` are the places of the selectors that mean it, in the order in which they were given.
    """

    corridor: Corridor
    from_role: str
    to_role: str
    same_party: bool
    chosen: frozenset[int]
    ways: int = 1

    @property
    def words(self) -> str:
        """The passage for a person."""
        where = "at home" if self.same_party else "across the border"
        return f"{self.corridor.flow.name} from {self.from_role} to {self.to_role} {where}"


def passages_of(rulebook: Rulebook, selectors: Sequence[Selector]) -> list[Passage]:
    """Return the passages of a bundle's flows."""
    found: dict[object, Passage] = {}
    for flow in rulebook.flows.values():
        for from_role, to_role, same_party in ends_of(flow):
            corridor = corridor_between(rulebook, flow, from_role, to_role, same_party=same_party)
            ends = (from_role, to_role, same_party)
            chosen = _chosen(selectors, flow, ends)
            _count(found, (flow.name, corridor.full_key, chosen), corridor, ends, chosen)
    return list(found.values())


def ends_of(flow: Flow) -> Iterator[tuple[str, str, bool]]:
    """Yield sender's role, recipient's role and whether of one Party, for all ways of a flow."""
    reaches = {"any": (False, True), "domestic": (True,), "crossing": (False,)}[flow.reach]
    yield from product(flow.from_roles, flow.to_roles, reaches)


def _chosen(
    selectors: Sequence[Selector], flow: Flow, ends: tuple[str, str, bool]
) -> frozenset[int]:
    from_role, to_role, same_party = ends
    return frozenset(
        place
        for place, each in enumerate(selectors)
        if each.matches(flow, from_role, to_role, same_party=same_party)
    )


def _count(
    found: dict[object, Passage],
    key: object,
    corridor: Corridor,
    ends: tuple[str, str, bool],
    chosen: frozenset[int],
) -> None:
    if key in found:
        found[key] = replace(found[key], ways=found[key].ways + 1)
    else:
        found[key] = Passage(corridor, *ends, chosen)


# The widest agreement.


def widest_passages(
    rulebook: Rulebook, selectors: Sequence[Selector], named: Collection[str] = ()
) -> list[Passage]:
    """Return the passages of the widest agreement under a bundle's floor.

    `named` are fields to look at by name; the others stand together, by category.
    """
    flows, schemas = _widest_flows(rulebook, named)
    widest = replace(rulebook, flows=flows, schemas=schemas, permits=(_everything(flows),))
    told_apart = _Apart((*(each.selector for each in rulebook.forbids), *selectors))
    found: dict[object, tuple[Flow, tuple[str, str, bool], int]] = {}
    for flow in flows.values():
        for ends in ends_of(flow):
            key = (flow.nature, flow.schema, told_apart.bits(flow, *ends))
            first = found.get(key, (flow, ends, 0))
            found[key] = (*first[:2], first[2] + 1)
    return [
        Passage(
            corridor_between(widest, flow, ends[0], ends[1], same_party=ends[2]),
            *ends,
            _chosen(selectors, flow, ends),
            ways,
        )
        for flow, ends, ways in found.values()
    ]


class _Apart:
    """Which of the selectors mean a way, as bits: flow, roles and direction each rule some out."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        """Look at each role and direction once."""
        self._selectors = selectors
        self._from = {role: self._where("from_roles", role) for role in ROLES}
        self._to = {role: self._where("to_roles", role) for role in ROLES}
        self._reach = [self._reaching(same_party=each) for each in (False, True)]
        self._flows: dict[str, int] = {}

    def _where(self, member: str, role: str) -> int:
        named = [getattr(each, member) for each in self._selectors]
        return sum(1 << i for i, roles in enumerate(named) if roles is None or role in roles)

    def _reaching(self, *, same_party: bool) -> int:
        named = [each.crossing for each in self._selectors]
        return sum(1 << i for i, way in enumerate(named) if way is None or way is not same_party)

    def bits(self, flow: Flow, from_role: str, to_role: str, same_party: bool) -> int:  # noqa: FBT001 - the last of three ends
        """Return the bits of the selectors that mean this way."""
        if flow.name not in self._flows:
            takes = [each.takes(flow) for each in self._selectors]
            self._flows[flow.name] = sum(1 << i for i, one in enumerate(takes) if one)
        ends = self._from[from_role] & self._to[to_role] & self._reach[same_party]
        return self._flows[flow.name] & ends


def _widest_flows(
    rulebook: Rulebook, named: Collection[str]
) -> tuple[dict[str, Flow], dict[str, Schema]]:
    flows: dict[str, Flow] = {}
    schemas: dict[str, Schema] = {}
    for nature, purpose in product(NATURES, rulebook.purposes):
        flow = Flow(
            code=0,
            name=f"any {nature} for {purpose}",
            owner="any",
            explain="",
            purpose=purpose,
            schema="",
            nature=nature,
            reach="domestic" if nature in _NEVER_CROSSES else "any",
            from_roles=ROLES,
            to_roles=ROLES,
            answers=(),
            life_days=1,
            retention_days=1,
            receipted=False,
        )
        schema = _widest_schema(rulebook, flow, named)
        if schema is not None:
            flows[flow.name] = replace(flow, schema=schema.name)
            schemas[schema.name] = schema
    return flows, schemas


def _widest_schema(rulebook: Rulebook, flow: Flow, named: Collection[str]) -> Schema | None:
    """Return a record with all that no ban keeps out; None where the flow itself is banned."""
    bans = [each for each in rulebook.forbids if each.effect == "ban" and each.selector.takes(flow)]
    if any(not each.fields and not each.categories for each in bans):
        return None
    apart = {name for rule in rulebook.forbids for name in rule.fields}.union(named)
    fields = [each for schema in rulebook.schemas.values() for each in schema.fields]
    categories = {each.name: each.category for each in fields if each.name in apart}
    banned = {name for each in bans for name in (*each.fields, *each.categories)}
    kept = [(category.replace("-", "_"), category) for category in sorted(CATEGORIES - banned)]
    kept += [
        (name, category) for name, category in categories.items() if not {name, category} & banned
    ]
    return _schema_with(tuple(kept)) if kept else None


@cache
def _schema_with(kinds: tuple[tuple[str, str], ...]) -> Schema:
    fields = [
        {
            "name": name,
            "type": ["null", "string"],
            "default": None,
            "xref.id": number,
            "xref.category": category,
            "xref.sensitivity": "sensitive",
        }
        for number, (name, category) in enumerate(kinds, 1)
    ]
    name = "any_" + "_".join(f"{sorted(CATEGORIES).index(each):x}" for _, each in kinds)
    document = {"type": "record", "name": name, "fields": fields, "namespace": "any"}
    return Schema.parse(json.dumps(document).encode(), "the widest record")


def _everything(flows: Iterable[str]) -> PermitRule:
    rule = Rule("any/permit", "permit", (), "derived", "", "Whatever an agreement could allow.", "")
    selector = Selector(tuple(flows), None, None, None, None, None)
    return PermitRule(rule, selector, (), tuple(sorted(CATEGORIES)), (), 1, ())
