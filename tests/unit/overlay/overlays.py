"""Overlays of the demonstration's Parties, for tests."""

from world import party_signer
from xref.overlay import draft_overlay, sign_overlay

RULE = """[[forbid]]
id = "overlay-{party}/{name}"
effect = "{effect}"
cite = ["Decree 10, article 4"]
weight = "national"
right = "privacy: no interference without reasonable grounds"
explain = "This Party keeps it at home."
{rest}
"""


def rule(name: str, effect: str, rest: str, party: str = "la") -> str:
    """A rule of an overlay."""
    return RULE.format(party=party, name=name, effect=effect, rest=rest)


def suspended(*offices: str) -> str:
    """The suspension of offices."""
    return "\n".join(f'[[suspended]]\noffice = "{office}"\n' for office in offices)


def note(source: str, *, party: str = "LA", version: int = 1) -> str:
    """A signed overlay."""
    return sign_overlay(draft_overlay(party, version, source), party_signer(party))


NO_BIRTH_DATE = rule(
    "no-birth-date", "strip", 'flows = ["victim-referral"]\nfields = ["birth_date"]'
)
"""A rule on one field of one flow."""
