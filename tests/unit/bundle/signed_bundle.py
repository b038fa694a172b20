"""The shipped schemas and policies as a bundle, signed by LA and VN with fixed keys."""

import functools
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xref.bundle import Bundle, Draft, build, open_bundle, sign
from xref.policy import Policy, Question
from xref.sources import read_sources
from xref.tlog.note import Signer

ROOT = Path(__file__).resolve().parents[3]
WINDOW = (1_760_000_000_000, 1_900_000_000_000)
PARTIES = ("LA", "VN")

# A person for whom everything has been asked and answered: all gates of a referral are open.
OPEN_FACTS = {
    "asylum": "no",
    "origin_fear": "none-stated",
    "age_status": "undisputed-adult",
    "victim_status": "identified",
    "sharing_consent": "granted",
    "assistance_consent": "granted",
    "disclosure_ground": "sharing-consent",
    "confidentiality_warning": "before-understood",
    "consular_conflict": "none-known",
}

# An adult for whom an authority's strictest return gate is open too.
RETURN_FACTS = OPEN_FACTS | {
    "risk_outcome": "favourable",
    "risk_evidence": "individual",
    "risk_to_family": "none",
    "proceedings": "none",
    "presence_required": "no",
    "return_initiative": "authority",
    "return_decision": "wishes-return",
    "return_information": "complete-understood",
    "return_consent": "granted",
    "consular_contact": "requested",
    "reflection": "ended",
    "liberty": "free-to-leave",
    "origin_assurance": "given",
    "departure_penalty": "excluded",
    "alternatives": "offered-declined",
    "removal_decision": "none",
    "reception": "ready",
    "travel_document": "issued",
    "nationality_outcome": "national",
}

# An adult who wants to go home and of whom nothing else was asked.
OWN_CHOICE_FACTS = OPEN_FACTS | {
    "return_initiative": "person",
    "return_decision": "wishes-return",
    "return_information": "complete-understood",
    "return_consent": "granted",
    "liberty": "free-to-leave",
    "risk_outcome": "offered-declined",
}

CHILD_RETURN_FACTS = RETURN_FACTS | {
    "age_status": "verified-child",
    "guardian": "appointed",
    "best_interests": "determined-for",
    "child_views": "heard",
    "family_check": "favourable",
    "return_initiative": "person",
}


@functools.cache
def sources() -> Mapping[str, bytes]:
    """Return the shipped source files by path."""
    return read_sources(ROOT / "policies", ROOT / "schemas")


def party_signer(party: str) -> Signer:
    """Return the fixed signer of a Party."""
    key = Ed25519PrivateKey.from_private_bytes(party.encode() * 16)
    return Signer(f"xref/party/v1/{party}", key)


def party_keys() -> dict[str, bytes]:
    """Return the public keys of both Parties."""
    return {party: party_signer(party).verifier.public for party in PARTIES}


def signed_note(draft: Draft, window: tuple[int, int] = WINDOW) -> str:
    """Return the note signed by both Parties."""
    first = sign(None, draft, window, party_signer("LA"))
    return sign(first, draft, window, party_signer("VN"))


@functools.cache
def draft() -> Draft:
    """Return the shipped bundle, unsigned."""
    return build(sources())


@functools.cache
def signed_bundle(valid_from_ms: int = WINDOW[0], valid_until_ms: int = WINDOW[1]) -> Bundle:
    """Return the shipped bundle, signed by both Parties and opened."""
    window = (valid_from_ms, valid_until_ms)
    return open_bundle(draft().files, signed_note(draft(), window), party_keys())


def changed(path: str, old: str, new: str) -> dict[str, bytes]:
    """Return the source files with one text replaced in one of them."""
    text = sources()[path].decode()
    if old not in text:
        message = f"{path} does not hold {old!r}"
        raise RuntimeError(message)
    return {**sources(), path: text.replace(old, new, 1).encode()}


def question(
    policy: Policy,
    answers: Mapping[str, str] | None = None,
    *,
    flow: str = "victim-referral",
    to_role: str = "",
    carried: int | None = None,
    scope: int | None = None,
    live: bool = True,
) -> Question:
    """Return a question of a flow's first sender, to the NRM or else its first recipient.

    Everything is carried and consented to by default, and an office that acts when asked was asked.
    """
    found = policy.flow_named(flow)
    cause = policy.flow_named(found.caused_by[0]).code if found.caused_by else 0
    full = policy.schema_for(found).full_mask
    return Question(
        flow=found.code,
        from_role=found.from_roles[0],
        to_role=to_role or ("nrm" if "nrm" in found.to_roles else found.to_roles[0]),
        same_party=found.reach == "domestic",
        facts=policy.facts.encode(OPEN_FACTS | dict(answers or {})),
        carried_mask=full if carried is None else carried,
        sharing_consent_mask=full if scope is None else scope,
        sharing_consent_live=live,
        cause_flow=cause,
    )
