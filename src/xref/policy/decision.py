"""What is asked of the policy and what it answers. A refusal is a value, with every reason."""

from dataclasses import dataclass
from typing import Final

from xref.policy.rules import Rule
from xref.value import value


@value(frozen=True, slots=True)
class Question:
    """May this message go, and which of its fields? Codes as the office attests; masks as sent.

    `facts` may be empty, which is all unknown. `sharing_consent_live` says whether the record that
    the message refers to is in force at this moment. `cause_flow` is the flow of the domestic
    message that asked the sender to act and whose facts these are, 0 for none.
    """

    flow: int
    from_role: str
    to_role: str
    same_party: bool
    facts: bytes
    carried_mask: int
    sharing_consent_mask: int
    sharing_consent_live: bool
    cause_flow: int = 0


@dataclass(frozen=True, slots=True)
class Withheld:
    """A field that stays, and the rules that keep it."""

    field: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Permit:
    """The message goes with the fields in `mask`."""

    mask: int
    retention_days: int
    obligations: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    rules: tuple[str, ...]
    """The ids of the permits that opened a field, and of the flags that apply."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message stays, in words for a person, with what to do."""

    rule: str
    explain: str
    cure: str
    cite: tuple[str, ...]
    weight: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message stays. All reasons, in the order of their rules."""

    reasons: tuple[Reason, ...]


def reason_of(rule: Rule) -> Reason:
    """Return the rule as a reason."""
    return Reason(rule.id, rule.explain, rule.cure, rule.cite, rule.weight)


def _engine(name: str, explain: str, cure: str) -> Rule:
    return Rule(
        id=f"engine/{name}",
        kind="engine",
        cite=("003:646-648",),
        weight="derived",
        right="privacy: no interference without reasonable grounds",
        explain=explain,
        cure=cure,
    )


UNKNOWN_FLOW: Final = _engine(
    "unknown-flow",
    "No agreement in this bundle knows this kind of message.",
    "Use a flow of the agreement, or have the Parties add it.",
)
WRONG_ROLE: Final = _engine(
    "wrong-role",
    "An office of this role does not send or receive this kind of message.",
    "Send it through the competent office.",
)
WRONG_REACH: Final = _engine(
    "wrong-reach",
    "This kind of message does not go this way across, or within, a border.",
    "Address an office of the right Party.",
)
UNKNOWN_FIELD: Final = _engine(
    "unknown-field",
    "The message or the sharing consent names a field that its schema does not have.",
    "Submit it again with the schema of this bundle.",
)
UNKNOWN_FACT: Final = _engine(
    "unknown-fact",
    "The facts do not follow the list of this bundle.",
    "Submit it again with the facts of this bundle.",
)
NO_CAUSE: Final = _engine(
    "no-cause",
    "An office of this role sends this kind of message only when an office at home asked it to.",
    "Name the message in which you were asked.",
)
NO_PERMIT: Final = _engine(
    "no-permit",
    "Nothing in the agreement allows this disclosure between these offices on these facts.",
    "Check the facts and the recipient; otherwise it cannot be sent.",
)
NOTHING_LEFT: Final = _engine(
    "nothing-left",
    "No field of the message may go.",
    "Read for each field which rule keeps it.",
)
ENGINE_RULES: Final = (
    UNKNOWN_FLOW,
    WRONG_ROLE,
    WRONG_REACH,
    UNKNOWN_FIELD,
    UNKNOWN_FACT,
    NO_CAUSE,
    NO_PERMIT,
    NOTHING_LEFT,
)
