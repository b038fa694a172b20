"""What changed between two bundles' flows: codes, ends and what each office may receive. Pure.

Two bundles overlap, so a code must mean one flow in both, of one record for one purpose. What opens
or closes to somebody is no break, because each message is judged by its own bundle and every Party
signs both; but none of it may pass unseen (docs/spec/policy.md, "Flows between versions").
"""

from collections.abc import Collection, Iterator
from typing import Final

from xref.evolution import Change
from xref.policy import Flow, Policy

_FIXED: Final = (
    ("schema", "a flow keeps its record"),
    ("purpose", "what a person agreed to names it"),
    ("nature", "gates go by it"),
    ("reach", "gates go by it"),
    ("receipted", "whoever sends waits for it"),
)
"""What a flow never changes, each with the reason: another flow under another code instead."""
_ENDS: Final = (("from_roles", "sends"), ("to_roles", "receives"))


def compare_flows(old: Policy, new: Policy) -> list[Change]:
    """Return what changed between the flows of two bundles, by their codes."""
    found: list[Change] = []
    for code in sorted(old.flows.keys() | new.flows.keys()):
        was, is_now = old.flows.get(code), new.flows.get(code)
        if is_now is not None and was is not None:
            found += [
                Change(f"flow {is_now.name}", field, breaks=breaks, says=said)
                for field, breaks, said in _of_flow(was, is_now, old, new)
            ]
        elif is_now is not None:
            found.append(
                Change(f"flow {is_now.name}", "", breaks=False, says=f"added with code {code}")
            )
        elif was is not None:
            said = f"no longer there; code {code} is never used again"
            found.append(Change(f"flow {was.name}", "", breaks=False, says=said))
    return found + list(_moved(old, new))


def _moved(old: Policy, new: Policy) -> Iterator[Change]:
    codes = {flow.name: flow.code for flow in old.flows.values()}
    for flow in new.flows.values():
        before = codes.get(flow.name, flow.code)
        if before != flow.code:
            said = f"code {before} became {flow.code}; a flow keeps its code"
            yield Change(f"flow {flow.name}", "", breaks=True, says=said)


def _of_flow(was: Flow, is_now: Flow, old: Policy, new: Policy) -> Iterator[tuple[str, bool, str]]:
    if was.name != is_now.name:
        yield "", True, f"code {was.code} was {was.name}; a code is never used again"
        return
    for member, why in _FIXED:
        values = getattr(was, member), getattr(is_now, member)
        if values[0] != values[1]:
            yield "", True, f"{member} {values[0]} became {values[1]}; {why}"
    for gone in sorted(set(was.answers) - set(is_now.answers)):
        yield "", True, f"no longer answers {gone}; the older side goes on asking"
    for more in sorted(set(is_now.answers) - set(was.answers)):
        yield "", False, f"answers {more} too"
    for member, does in _ENDS:
        yield from _ends(getattr(was, member), getattr(is_now, member), does)
    for member in ("life_days", "retention_days"):
        values = getattr(was, member), getattr(is_now, member)
        if values[0] != values[1]:
            yield "", False, f"{member} {values[0]} became {values[1]}"
    if was.schema == is_now.schema:
        yield from _fields(was, is_now, old, new)


def _ends(
    was: Collection[str], is_now: Collection[str], does: str
) -> Iterator[tuple[str, bool, str]]:
    for role in sorted(set(is_now) - set(was)):
        yield "", False, f"OPENS: {role} {does} it too"
    for role in sorted(set(was) - set(is_now)):
        yield "", False, f"CLOSES: {role} {does} it no longer"


def _fields(was: Flow, is_now: Flow, old: Policy, new: Policy) -> Iterator[tuple[str, bool, str]]:
    """Yield the fields that opened or closed to a role that could receive the flow before too."""
    for role in sorted(set(was.to_roles) & set(is_now.to_roles)):
        before, after = _open_to(old, was, role), _open_to(new, is_now, role)
        for name, where in sorted(after - before):
            yield name, False, f"OPENS to {role} {where}"
        for name, where in sorted(before - after):
            yield name, False, f"CLOSES to {role} {where}"


def _open_to(policy: Policy, flow: Flow, role: str) -> set[tuple[str, str]]:
    """Return each field that some facts could open to a role, and whether abroad or at home."""
    schema = policy.schema_for(flow)
    return {
        (name, where)
        for where, same in (("abroad", False), ("at home", True))
        for sender in flow.from_roles
        for name in schema.names_of(policy.ceiling(flow.code, sender, role, same_party=same))
    }
