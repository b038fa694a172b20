"""Deciding: rules compiled to field masks, once for each pair of roles and answer to the facts.

Default deny; a forbid wins over any permit; every reason is collected; any doubt is a refusal.
`decide` asks a table of rulings that it fills as questions come, so a repeated question costs a
few microseconds. Both tables are bounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from xref.errors import ConfigError
from xref.limits import DECISIONS_CACHED_MAX
from xref.policy.agreement import Agreement
from xref.policy.corridor import Corridor, applies, ceiling_of, corridor_between
from xref.policy.decision import (
    ENGINE_RULES,
    NO_PERMIT,
    NOTHING_LEFT,
    UNKNOWN_FIELD,
    UNKNOWN_FLOW,
    WRONG_REACH,
    WRONG_ROLE,
    Permit,
    Question,
    Reason,
    Refusal,
    Withheld,
    reason_of,
)
from xref.policy.facts import FactTable
from xref.policy.flows import Flow, Publication, Purpose
from xref.policy.rulebook import Rulebook, read_rulebook
from xref.policy.rules import Rule
from xref.policy.rulings import NOT_LIVE, Ruling, Way, make_room, rulings
from xref.wire.schema import Schema


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """What a bundle's rules say. Build it with `Policy.load`."""

    _rulebook: Rulebook = field(repr=False)
    facts: FactTable = field(repr=False)
    flows: Mapping[int, Flow]
    _rules: Mapping[str, Rule] = field(repr=False)
    _corridor: Callable[[int, str, str, bool], Corridor | Rule] = field(repr=False)
    _ruling: Callable[[Way, bytes, bool], Ruling | Rule] = field(repr=False)
    _answer: Callable[[Way, bytes, int, int, bool], Permit | Refusal] = field(repr=False)
    _ceiling: Callable[[int, str, str, bool], int] = field(repr=False)
    _tighter: "Policy | None" = field(repr=False, default=None)

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> "Policy":
        """Return the policy in a bundle's files, by path, or raise `ConfigError`."""
        return cls.of(read_rulebook(files))

    @classmethod
    def of(cls, rulebook: Rulebook) -> "Policy":
        """Return the policy of a rulebook."""
        flows = {flow.code: flow for flow in rulebook.flows.values()}
        corridor = lru_cache(maxsize=DECISIONS_CACHED_MAX)(_corridors(rulebook, flows))
        ruling = rulings(corridor, rulebook)
        answer = lru_cache(maxsize=DECISIONS_CACHED_MAX)(_answers(ruling))
        return cls(
            _rulebook=rulebook,
            facts=rulebook.table,
            flows=flows,
            _rules={rule.id: rule for rule in (*rulebook.rules, *ENGINE_RULES)},
            _corridor=corridor,
            _ruling=ruling,
            _answer=answer,
            _ceiling=lru_cache(maxsize=DECISIONS_CACHED_MAX)(_ceilings(rulebook, corridor)),
        )

    def under(self, tighter: Rulebook) -> "Policy":
        """Return this policy as a Party applies it that has tightened its rules.

        Both rulebooks are asked, and nothing goes that one of them keeps. Ceilings stay those of
        this policy: more than that is the other Party's fault; see `admitted`.
        """
        over = Policy.of(tighter)

        def answer(
            way: Way,
            facts: bytes,
            carried: int,
            scope: int,
            live: bool,  # noqa: FBT001 - a cache key
        ) -> Permit | Refusal:
            given = self._answer(way, facts, carried, scope, live)
            return _tighter(given, over._answer(way, facts, carried, scope, live))  # noqa: SLF001 - of the same class

        return replace(
            self,
            _rules={**self._rules, **over._rules},  # noqa: SLF001 - of the same class
            _answer=lru_cache(maxsize=DECISIONS_CACHED_MAX)(answer),
            _tighter=over,
        )

    def admitted(self, mask: int, flow: int, from_role: str, to_role: str) -> int:
        """Return what of a disclosed mask the own Party lets in from abroad; 0 for none of it.

        It does not know the facts, so it keeps out what it would let go on no facts whatsoever.
        """
        over = self._tighter
        if over is None:
            return mask
        left = mask & over.ceiling(flow, from_role, to_role, same_party=False)
        corridor = over._corridor(flow, from_role, to_role, False)  # noqa: FBT003, SLF001 - a cache key, of the same class
        if isinstance(corridor, Rule) or any(mask & kept & ~left for _, kept in corridor.keeps):
            return 0
        return left

    @property
    def purposes(self) -> Mapping[str, Purpose]:
        """The purposes by name."""
        return self._rulebook.purposes

    @property
    def obligations(self) -> Mapping[str, str]:
        """The sentence of each obligation, by name."""
        return {name: each.explain for name, each in self._rulebook.obligations.items()}

    @property
    def publications(self) -> Mapping[str, Publication]:
        """What offices publish, by kind."""
        return self._rulebook.publications

    @property
    def agreements(self) -> Mapping[str, Agreement]:
        """The agreements by id."""
        return self._rulebook.agreements

    @property
    def rules(self) -> Mapping[str, Rule]:
        """All rules by id, the engine's own too."""
        return self._rules

    @property
    def rulebook(self) -> Rulebook:
        """The rules as read, for printing, proving and translating them."""
        return self._rulebook

    def rule(self, rule_id: str) -> Rule:
        """Return the rule, or raise `ConfigError` for an id that this bundle does not have."""
        if rule_id not in self._rules:
            raise ConfigError(f"rule {rule_id!r} is not in this bundle; look in the message's own")
        return self._rules[rule_id]

    def flow_named(self, name: str) -> Flow:
        """Return the flow, or raise `ConfigError` for a name that this bundle does not have."""
        flow = self._rulebook.flows.get(name)
        if flow is None:
            known = ", ".join(self._rulebook.flows)
            raise ConfigError(f"flow {name!r} is not in this bundle; use one of {known}")
        return flow

    def agreement_of(self, flow: Flow) -> Agreement | None:
        """Return the agreement under which a flow's messages go; None for the operation's own."""
        return self._rulebook.agreement_of(flow)

    def schema_for(self, flow: Flow) -> Schema:
        """Return the schema of a flow's messages."""
        return self._rulebook.schema_of(flow)

    @property
    def schemas(self) -> Mapping[str, Schema]:
        """The schemas by full name."""
        return self._rulebook.schemas

    def decide(self, question: Question) -> Permit | Refusal:
        """Return what may go and what is withheld, or why nothing goes."""
        return self._answer(
            (
                question.flow,
                question.from_role,
                question.to_role,
                question.same_party,
                question.cause_flow,
            ),
            question.facts,
            question.carried_mask,
            question.sharing_consent_mask,
            question.sharing_consent_live,
        )

    def flags(self, flow: int, from_role: str, to_role: str, facts: bytes) -> tuple[str, ...]:
        """Return the ids of the flags on a message of these facts, whichever way it goes."""
        named, codes = self.flows[flow], facts + NOT_LIVE
        return tuple(
            each.rule.id
            for each in self._rulebook.flags
            if each.selector.matches(
                named, from_role, to_role, same_party=named.reach == "domestic"
            )
            and applies(each, codes)
        )

    def carried_over(self, mask: int, cause: Flow, caused: Flow) -> int:
        """Return a mask over `cause`'s fields as one over the fields of these names in `caused`.

        So the scope of the sharing consent that came with a cause bounds what it causes.
        """
        wanted = self.schema_for(caused).by_name
        names = self.schema_for(cause).names_of(mask)
        return self.schema_for(caused).mask_of([name for name in names if name in wanted])

    def ceiling(self, flow: int, from_role: str, to_role: str, *, same_party: bool) -> int:
        """Return the mask of all that some facts could open here; 0 where nothing ever goes."""
        return self._ceiling(flow, from_role, to_role, same_party)


def _corridors(
    rulebook: Rulebook, flows: Mapping[int, Flow]
) -> Callable[[int, str, str, bool], Corridor | Rule]:
    def corridor(code: int, from_role: str, to_role: str, same_party: bool) -> Corridor | Rule:  # noqa: FBT001 - a cache key
        flow = flows.get(code)
        if flow is None:
            return UNKNOWN_FLOW
        if from_role not in flow.from_roles or to_role not in flow.to_roles:
            return WRONG_ROLE
        if flow.reach != "any" and (flow.reach == "domestic") is not same_party:
            return WRONG_REACH
        return corridor_between(rulebook, flow, from_role, to_role, same_party=same_party)

    return corridor


def _answers(
    ruling_of: Callable[[Way, bytes, bool], Ruling | Rule],
) -> Callable[[Way, bytes, int, int, bool], Permit | Refusal]:
    def answer(
        way: Way,
        facts: bytes,
        carried: int,
        scope: int,
        live: bool,  # noqa: FBT001 - a cache key
    ) -> Permit | Refusal:
        ruling = ruling_of(way, facts, live)
        if isinstance(ruling, Rule):
            return Refusal((reason_of(ruling),))
        known = ruling.answers.get((carried, scope))
        if known is not None:
            return known
        full = ruling.corridor.schema.full_mask
        if not 0 <= carried <= full or not 0 <= scope <= full:
            return Refusal((reason_of(UNKNOWN_FIELD),))
        decided = make_room(ruling.answers)[carried, scope] = _decided(ruling, carried, scope)
        return decided

    return answer


def _tighter(given: Permit | Refusal, tighter: Permit | Refusal) -> Permit | Refusal:
    """Return the narrower of two answers, of which the second was proved to be no wider."""
    if isinstance(tighter, Refusal) or isinstance(given, Refusal):
        return tighter if isinstance(tighter, Refusal) else given
    if tighter.mask & ~given.mask:
        raise RuntimeError("an overlay opens what its bundle keeps, so its proof is at fault")
    return replace(
        tighter,
        retention_days=min(given.retention_days, tighter.retention_days),
        obligations=tuple(dict.fromkeys((*given.obligations, *tighter.obligations))),
    )


def _decided(ruling: Ruling, carried: int, scope: int) -> Permit | Refusal:
    mask = carried & ruling.granted
    for _, stripped in ruling.strips:
        mask &= ~stripped
    for _, scoped in ruling.scopes:
        mask &= ~scoped | scope
    reasons = _reasons(ruling, carried, scope, mask)
    if reasons:
        return Refusal(reasons)
    flow = ruling.corridor.flow
    used = [permit for permit, opened in ruling.permits if opened & mask]
    obligations = dict.fromkeys(name for permit in used for name in permit.obligations)
    return Permit(
        mask=mask,
        retention_days=min([flow.retention_days, *(each.retention_days for each in used)]),
        obligations=tuple(obligations),
        withheld=_withheld(ruling, carried & ~mask, scope),
        rules=(*(permit.rule.id for permit in used), *ruling.flags),
    )


def _reasons(ruling: Ruling, carried: int, scope: int, mask: int) -> tuple[Reason, ...]:
    reasons = list(ruling.refused)
    for forbid, kept in ruling.corridor.keeps:
        if carried & kept & ~mask:
            reasons.append(reason_of(forbid.rule))
    for forbid, scoped in ruling.scopes:
        # A sharing consent that covers nothing carried of the person's record is none.
        if carried & scoped and not carried & scoped & scope:
            reasons.append(reason_of(forbid.rule))
    if not reasons and not mask:
        reasons.append(reason_of(NOTHING_LEFT))
    return tuple(reasons)


def _withheld(ruling: Ruling, withheld: int, scope: int) -> tuple[Withheld, ...]:
    found = []
    while withheld:
        mask = withheld & -withheld
        withheld ^= mask
        key = mask << 1 | bool(scope & mask)
        stays = ruling.stays.get(key)
        if stays is None:
            stays = ruling.stays[key] = _kept(ruling, mask, covered=bool(scope & mask))
        found.append(stays)
    return tuple(found)


def _kept(ruling: Ruling, field_mask: int, *, covered: bool) -> Withheld:
    rules = [forbid.rule.id for forbid, mask in ruling.strips if mask & field_mask]
    if not covered:
        rules += [rule.rule.id for rule, mask in ruling.scopes if mask & field_mask]
    if not ruling.granted & field_mask:
        rules.append(NO_PERMIT.id)
    [name] = ruling.corridor.schema.names_of(field_mask)
    return Withheld(name, tuple(rules))


def _ceilings(
    rulebook: Rulebook, corridor_of: Callable[[int, str, str, bool], Corridor | Rule]
) -> Callable[[int, str, str, bool], int]:
    memo: dict[object, int] = {}  # many roles share their rules: one search for each set

    def ceiling(flow: int, from_role: str, to_role: str, same_party: bool) -> int:  # noqa: FBT001 - a cache key
        corridor = corridor_of(flow, from_role, to_role, same_party)
        if isinstance(corridor, Rule):
            return 0
        if corridor.key not in memo:
            memo[corridor.key] = ceiling_of(corridor, rulebook.facts)
        return memo[corridor.key]

    return ceiling
