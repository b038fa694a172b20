"""The closed words of the rules. A word that is not here is an error when a bundle is loaded."""

from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = "unknown"
"""The answer that every fact also has, and that never opens anything."""

ROLES: Final = (
    "nrm",
    "police",
    "border-guard",
    "consular-office",
    "nationality-authority",
    "service-provider",
    "social-welfare",
    "guardian-authority",
    "asylum-authority",
    "immigration",
    "prosecutor",
    "court",
    "labour-inspectorate",
    "health",
    "legal-representative",
    "international-organisation",
    "oversight",
    "hop",
)

WEIGHTS: Final = ("treaty", "soft-law", "recommended", "national", "derived")

NATURES: Final = (
    "contact",
    "answer",
    "receipt",
    "decision",
    "withdrawal",
    "domestic",
    "home",
)
"""What a flow is by nature. `contact` opens contact about a person with the other Party: the gates
towards the State of origin bind it. `answer` replies to a contact, `receipt` to any message,
`withdrawal` takes a sharing consent back, `decision` tells a desk what its own hop decided, and
`domestic` asks an office of the own Party to act towards the other: the gates bind it as they bind
what it causes, so that a refusal is told to the office that knows why. `home` stays at home and
causes nothing abroad: the gates towards the State of origin leave it alone, or they would keep
people from protection where they are."""

REACHES: Final = ("crossing", "domestic", "any")

EFFECTS: Final = ("refuse", "strip", "keep", "scope", "ban")
"""What a forbid does. `refuse`: the whole message stays. `strip`: the named fields stay. `keep`:
the message stays unless the named fields go with it. `scope`: fields outside the sharing consent's
scope stay. `ban`: no bundle may hold such a field or flow at all."""

CHOICES: Final = ("every", "named", "asker", "subscribed")
"""Which offices of a role receive: every one, the one named in the record, the one that asked, or
only those that subscribe to the flow."""

FLOOR_NEEDED: Final = (
    "floor/asylum",
    "floor/child",
    "floor/child-return",
    "floor/child-return-alternatives",
    "floor/child-return-family",
    "floor/child-return-guardian",
    "floor/child-return-risk",
    "floor/child-return-views",
    "floor/consular-choice",
    "floor/consular-conflict",
    "floor/family",
    "floor/family-tracing",
    "floor/home-sharing-consent",
    "floor/home-sharing-consent-scope",
    "floor/neutral-records",
    "floor/neutral-sender",
    "floor/no-conditionality",
    "floor/no-testing",
    "floor/no-victim-label",
    "floor/origin-fear",
    "floor/other-ground",
    "floor/public-identity",
    "floor/purpose-firewall",
    "floor/purpose-prohibited",
    "floor/reflection",
    "floor/refusal-not-exported",
    "floor/refusal-private",
    "floor/refusal-private-referral",
    "floor/return-alternatives",
    "floor/return-assurance",
    "floor/return-decision",
    "floor/return-information",
    "floor/return-nationality",
    "floor/return-proceedings",
    "floor/return-reception",
    "floor/return-risk",
    "floor/second-approver",
    "floor/sharing-consent",
    "floor/sharing-consent-scope",
    "floor/shelter-location",
    "floor/status-offences",
    "floor/trafficker-separate",
    "floor/warned",
)
"""A bundle without one of these does not load: leaving a rule out would be a way of lifting it."""

GROUND_FACT: Final = "disclosure_ground"
"""The fact that says on what ground a person's data are disclosed."""
SHARING_CONSENT_GROUND: Final = "sharing-consent"
APPROVAL_FACT: Final = "second_approval"
"""The fact that a second person approved another ground. A desk attests it; no form can say it."""
SCOPE_FACT: Final = "personal_scope"
"""The fact whether the person is one of those whom the agreement covers. A desk attests it too."""
WITHIN_SCOPE: Final = "within"
BEYOND_SCOPE: Final = "beyond"
DESK_FACTS: Final = (APPROVAL_FACT, SCOPE_FACT)
"""The facts that a desk attests itself, whatever a form says."""
PERSONS: Final = ("all", "women-and-children")
"""Whom an agreement can cover."""


KEPT_BY_ORDER: Final = "kept-by-order"
CONTAMINATED: Final = "contaminated"
NOTED_EVENTS: Final = (CONTAMINATED, KEPT_BY_ORDER)
"""What a desk has its hop note of a message beside obligations: that the State of origin holds what
it should not since the person claims asylum, and that a court has it kept."""


def is_other_ground(facts: Mapping[str, str]) -> bool:
    """Return whether these answers state another ground than the sharing consent."""
    return facts.get(GROUND_FACT, UNKNOWN) not in (SHARING_CONSENT_GROUND, UNKNOWN)
