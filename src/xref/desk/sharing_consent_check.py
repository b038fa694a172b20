"""What a desk sees to in a sharing consent before it takes a record. Pure.

A purpose, category or office that this bundle does not know covers nothing: what the person agreed
to stays as it is, and somebody should look. See docs/spec/sharing-consent.md.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from xref.desk.consent import SharingConsent, SharingConsentState
from xref.desk.read_form import Record
from xref.limits import SHARING_CONSENT_LIFE_MS_MAX
from xref.policy import ROLES, Flow, Policy
from xref.wire.schema import CATEGORIES

EXPLAINERS: Final = frozenset({*ROLES, "interpreter"} - {"hop"})
"""Who may explain a notice or interpret it; never a name."""
_ADULT: Final = ("verified-adult", "undisputed-adult")
_CHILD: Final = ("presumed-child", "verified-child")
_ONE_WHO_MAY_BE_A_CHILD: Final = ("contact", "domestic")
_PROTECTION_AT_ONCE: Final = "emergency-protection"
_GRANTED: Final = SharingConsentState.GRANTED.value


def is_without_guardian(given: SharingConsent | None, facts: Mapping[str, str], flow: Flow) -> bool:
    """Return whether a child's agreement does not count, as no guardian agreed with the child.

    Just where `floor/child` asks for a guardian, and refuses an age that is not known: so it never
    helps not to know. A child in danger is protected first. What was withdrawn stays withdrawn.
    """
    if given is None or given.guardian or facts.get("sharing_consent") != _GRANTED:
        return False
    asked = flow.nature in _ONE_WHO_MAY_BE_A_CHILD and flow.purpose != _PROTECTION_AT_ONCE
    return asked and facts.get("age_status") in _CHILD


def faults(record: Record) -> Iterator[tuple[str, str, str]]:
    """Yield member, problem and cure of what no office may record."""
    if (given := record.sharing_consent) is None:
        return
    told = given.explanation
    for member, role in (
        ("explained_by", given.explained_by),
        ("interpreted_by", told.interpreted_by if told else ""),
    ):
        if role and role not in EXPLAINERS:
            yield member, "it is no role", f"write one of {', '.join(sorted(EXPLAINERS))}"
    if given.valid_until_ms - given.given_on_ms > SHARING_CONSENT_LIFE_MS_MAX:
        cure = "write an earlier day, and ask the person again before it"
        yield "valid_until", "it would last longer than ten years", cure
    if given.guardian and record.facts.get("age_status") in _ADULT:
        cure = "ask the person, who decides; if she or he may be a child, say presumed-child"
        yield "guardian", "nobody agrees for an adult", cure


def doubts(record: Record, policy: Policy, offices: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield member and sentence of what a person should look at; nothing goes by it."""
    if (given := record.sharing_consent) is None:
        return
    purposes = {name for name, each in policy.purposes.items() if not each.prohibited}
    for member, words, known in (
        ("purposes", given.purposes, purposes),
        ("categories", given.categories, set(CATEGORIES)),
        ("recipients", given.recipients, {*offices, *ROLES} - {"hop"}),
    ):
        if not known.issuperset(words):
            yield member, "it names one that the bundle does not know, which covers nothing"
    if not given.guardian and record.facts.get("age_status") in _CHILD:
        yield "guardian", "a child's counts with the guardian's, but for protection at once"
