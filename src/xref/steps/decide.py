"""Decide: at home on all the facts, abroad within the ceiling. Default deny; all reasons kept."""

from functools import lru_cache
from typing import Final

from xref.knowledge import Knowledge, sharing_consent_of
from xref.limits import DECISIONS_CACHED_MAX, SHARING_CONSENT_LIFE_MS_MAX
from xref.message import Decided, Message, Permitted, Refused
from xref.overlay import STILL_PASSES, SUSPENDED
from xref.policy import Permit, Question, Reason, Refusal, Withheld
from xref.wire.facts import Facts
from xref.wire.header import NO_ID


def decide(message: Message, knowledge: Knowledge, now_ms: int) -> Decided:
    """Return the message with its permit, or with every reason against it."""
    route = message.route
    suspended = route.sender.suspended or route.recipient.suspended
    if suspended and message.flow.nature not in STILL_PASSES:
        return Refused(message, (OFFICE_SUSPENDED,))
    if message.facts is None:
        return _abroad(message, knowledge)
    return _at_home(message, message.facts, knowledge, now_ms)


def _at_home(message: Message, facts: Facts, knowledge: Knowledge, now_ms: int) -> Decided:
    if facts.cause != NO_ID:
        return _caused(message, facts.cause, knowledge, now_ms)
    header, problems = message.header, []
    withdrawn = knowledge.is_withdrawn(header.consent_ref, header.sender)
    if message.flow.nature == "withdrawal":
        given = knowledge.sharing_consent(header.consent_ref)
        if given is None or given.recipient != header.recipient:
            problems.append(UNKNOWN_REFERENCE)
    elif not knowledge.is_same(sharing_consent_of(message, facts), header.consent_ref):
        problems.append(CHANGED)
    elif withdrawn and facts.consent_digest == bytes(32):
        problems.append(WITHDRAWN)  # another ground's reference ends like a sharing consent's
    live = header.consent_ref != NO_ID and not withdrawn and _in_force(message, facts, now_ms)
    answer = _ask(message, facts.codes, facts.consent_mask, live=live)
    if isinstance(answer, Permit) and not problems:
        return Permitted(message, answer)
    reasons = answer.reasons if isinstance(answer, Refusal) else ()
    return Refused(message, (*problems, *reasons))


def _caused(message: Message, caused_by: bytes, knowledge: Knowledge, now_ms: int) -> Decided:
    """Decide on the facts of the domestic message that asked the sender to act.

    So an office can act abroad without being told why. The cause must have been sent to it, under
    the same bundle; its sharing consent covers here the fields of the same names.
    """
    header, cause = message.header, knowledge.cause(caused_by)
    # Under another bundle the same codes would answer other questions.
    if cause is None or cause.recipient != header.sender or cause.bundle != header.bundle:
        return Refused(message, (UNKNOWN_CAUSE,))
    if knowledge.is_replaced(caused_by):
        return Refused(message, (REPLACED_CAUSE,))
    asked = message.bundle.policy.flows[cause.flow]
    mask = message.bundle.policy.carried_over(cause.facts.consent_mask, asked, message.flow)
    withdrawn = knowledge.is_withdrawn(cause.consent_ref, cause.sender) or knowledge.is_withdrawn(
        header.consent_ref, header.sender
    )
    live = cause.consent_ref != NO_ID and not withdrawn and _in_force(message, cause.facts, now_ms)
    answer = _ask(message, cause.facts.codes, mask, live=live, cause_flow=cause.flow)
    if isinstance(answer, Permit):
        return Permitted(message, answer)
    return Refused(message, answer.reasons)


def _in_force(message: Message, facts: Facts, now_ms: int) -> bool:
    """Return whether there is a sharing consent that lasts for as long as the message may.

    One without an end in sight counts for nothing: a hop could never forget its reference.
    """
    if facts.until_ms - facts.from_ms > SHARING_CONSENT_LIFE_MS_MAX:
        return False
    began = facts.consent_digest != bytes(32) and facts.from_ms <= now_ms < facts.until_ms
    return began and message.header.expires_ms <= facts.until_ms


def _ask(
    message: Message, codes: bytes, consent_mask: int, *, live: bool, cause_flow: int = 0
) -> Permit | Refusal:
    sender, recipient = message.route.sender, message.route.recipient
    question = Question(
        flow=message.header.flow,
        from_role=sender.role,
        to_role=recipient.role,
        same_party=sender.party == recipient.party,
        facts=codes,
        carried_mask=message.envelope.mask,
        sharing_consent_mask=consent_mask,
        sharing_consent_live=live,
        cause_flow=cause_flow,
    )
    return message.bundle.policy.decide(question)


def _abroad(message: Message, knowledge: Knowledge) -> Decided:
    """Check what was disclosed against the ceiling of this flow: the facts stayed at home."""
    header, route = message.header, message.route
    withdrawn = knowledge.is_withdrawn(header.consent_ref, header.sender)
    if withdrawn and message.flow.nature != "withdrawal":
        return Refused(message, (WITHDRAWN,))
    roles = route.sender.role, route.recipient.role
    ceiling = message.bundle.policy.ceiling(header.flow, *roles, same_party=False)
    mask = message.envelope.mask
    if not mask or mask & ~ceiling:
        return Refused(message, (BEYOND_CEILING,))
    admitted = message.bundle.policy.admitted(mask, header.flow, *roles)
    if not admitted:
        return Refused(message, (NOT_ADMITTED,))
    stays = message.schema.names_of(mask & ~admitted)
    return Permitted(message, _within(admitted, message.flow.retention_days, stays))


@lru_cache(maxsize=DECISIONS_CACHED_MAX)
def _within(mask: int, retention_days: int, stays: tuple[str, ...]) -> Permit:
    withheld = tuple(Withheld(name, (NOT_ADMITTED.rule,)) for name in stays)
    return Permit(mask, retention_days, obligations=(), withheld=withheld, rules=())


def _reason(rule: str, explain: str, cure: str) -> Reason:
    return Reason(f"hop/{rule}", explain, cure, ("003:646-648",), "derived")


UNKNOWN_CAUSE = _reason(
    "unknown-cause",
    "The message names a cause whose facts this hop does not have.",
    "Submit the causing message first, on the same shard.",
)
REPLACED_CAUSE = _reason(
    "replaced-cause",
    "The office that asked has changed or ended its request.",
    "Act on its newer request; where there is none, ask that office.",
)
CHANGED = _reason(
    "sharing-consent-changed",
    "The reference belongs to a sharing consent of another scope, flow or recipient.",
    "Submit again with a reference of its own for each sharing consent, flow and recipient.",
)
UNKNOWN_REFERENCE = _reason(
    "unknown-reference",
    "The withdrawal names a sharing consent under which nothing went to this recipient.",
    "Withdraw at the office that took the sharing consent.",
)
WITHDRAWN = _reason(
    "sharing-consent-withdrawn",
    "The person has withdrawn the sharing consent.",
    "Do not send it again; ask the person first.",
)
BEYOND_CEILING = _reason(
    "beyond-ceiling",
    "More was disclosed than the agreement can ever allow here.",
    "Compare the bundles of both sides; the sending hop let through too much.",
)
OFFICE_SUSPENDED = _reason(
    SUSPENDED.removeprefix("hop/"),
    "This Party has suspended the office that sent it, or that it is for.",
    "Use another office, or ask the Party.",
)
NOT_ADMITTED = _reason(
    "not-admitted",
    "This Party's overlay lets it in on no facts.",
    "Read the overlay of this Party.",
)
"""Reasons of the hop's own; like all reasons they stay at home."""
HOP_REASONS: Final = {
    each.rule: each
    for each in (
        UNKNOWN_CAUSE,
        REPLACED_CAUSE,
        CHANGED,
        UNKNOWN_REFERENCE,
        WITHDRAWN,
        BEYOND_CEILING,
        OFFICE_SUSPENDED,
        NOT_ADMITTED,
    )
}
"""All of them, by id."""
