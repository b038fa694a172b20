"""The open mask of a corridor, rule by rule as a reader of the rules would work it out.

The product never does: it asks compiled rules for merged facts, and proves by boxes of facts.
"""

from xref.policy.conditions import any_holds
from xref.policy.corridor import Corridor, applies
from xref.policy.rules import PermitRule


def opens(permit: PermitRule, codes: bytes) -> bool:
    """Return whether a permit opens on these facts."""
    return not permit.when or any_holds(permit.when, codes)


def open_mask(corridor: Corridor, codes: bytes) -> int:
    """Return what may go on these facts; `codes` ends with the sharing consent's record."""
    if any(applies(each, codes) for each in corridor.refuses):
        return 0
    mask = 0
    for permit, opened in corridor.permits:
        if opens(permit, codes):
            mask |= opened
    for forbid, stripped in corridor.strips:
        if applies(forbid, codes):
            mask &= ~stripped
    return mask
