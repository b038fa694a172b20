"""A trail's entry read back from its opening: its form, and that its words are the bundle's.

An entry may hold codes, rule ids, field names and digests. What could carry anything else, such as
a name in place of a rule id, is refused here, so that a trail cannot leak a value.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from xref.bundle import Bundle
from xref.errors import ConfigError, MalformedError
from xref.limits import TRAIL_ENTRY_BYTES_MAX, WIRE_NUMBER_MAX
from xref.policy import NOTED_EVENTS
from xref.steps.decide import HOP_REASONS
from xref.trail import NONCE_BYTES, Entry, check_members
from xref.wire.office import check_office, parse_link

_FLOW_MAX: Final = 2**16 - 1
_REASON_CHARS_MAX: Final = 500
_PARTY: Final = re.compile(r"[A-Z]{2}")
_CODE: Final = re.compile(r"[a-z0-9-]{1,64}")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_WORD: Final = re.compile(r"[a-z0-9_./-]{1,128}")


def read_opening(value: bytes) -> tuple[bytes, bytes]:
    """Return an opening's nonce and encoded entry, or raise `MalformedError`."""
    if not NONCE_BYTES < len(value) <= NONCE_BYTES + TRAIL_ENTRY_BYTES_MAX:
        raise MalformedError("an opening of a wrong length")
    return value[:NONCE_BYTES], value[NONCE_BYTES:]


def read_entry(encoded: bytes) -> Entry:
    """Return the entry in its RFC 8785 bytes, or raise `MalformedError`.

    Members and their forms are checked; what they mean is `check_words`'s to judge.
    """
    try:
        entry = check_members(json.loads(encoded))
    except (ValueError, RecursionError) as error:
        raise MalformedError("not JSON") from error
    for member, value in entry.items():
        if not _FORMS[member](value):
            message = f"member {member} does not have its form"
            raise MalformedError(message)
    if _canonical(entry) != encoded:
        raise MalformedError("not in the form of RFC 8785")
    return entry


def _canonical(entry: Entry) -> bytes:
    """Return the RFC 8785 bytes of an entry whose forms were checked.

    Without fractions, and with names in ASCII, the standard library writes just these.
    """
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "replace")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= WIRE_NUMBER_MAX


def _is_flow(value: object) -> bool:
    return value != 0 and _is_number(value) and value in range(_FLOW_MAX + 1)


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[object], bool]:
    def accepts(value: object) -> bool:
        if not isinstance(value, str):
            return False
        try:
            parse(value)
        except MalformedError:
            return False
        return True

    return accepts


_is_word: Final = _matches(_WORD)
_is_digest: Final = _matches(_DIGEST)


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(_is_word(each) for each in value)


def _is_digests(value: object) -> bool:
    return isinstance(value, list) and all(_is_digest(each) for each in value)


def _is_offices(value: object) -> bool:
    return isinstance(value, list) and all(map(_parses(check_office), value))


def _is_facts(value: object) -> bool:
    return isinstance(value, dict) and all(
        _is_word(each) for pair in value.items() for each in pair
    )


def _is_withheld(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and each.keys() == {"field", "rules"}
        and _is_word(each["field"])
        and _is_words(each["rules"])
        for each in value
    )


def _is_reason(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _REASON_CHARS_MAX


_FORMS: Final[Mapping[str, Callable[[object], bool]]] = {
    "at_ms": _is_number,
    "change": _matches(_CODE),
    "bundle": _is_digest,
    "bundles": _is_digests,
    "code": _matches(_CODE),
    "consent_digest": _is_digest,
    "digest": _is_digest,
    "disclosed": _is_words,
    "erase_by_ms": _is_number,
    "facts": _is_facts,
    "facts_c": _is_digest,
    "fault": _matches(_CODE),
    "flow": _is_flow,
    "from": _parses(check_office),
    "from_ms": _is_number,
    "generation": _is_number,
    "in_force": _is_digests,
    "ground": _is_word,
    "index": _is_number,
    "items": _is_number,
    "kind": _matches(_CODE),
    "link": _parses(parse_link),
    "message": _matches(_ID),
    "obligations": _is_words,
    "out_index": _is_number,
    "out_link": _parses(parse_link),
    "overlay": _is_digest,
    "parcel": _is_digest,
    "party": _matches(_PARTY),
    "reason": _is_reason,
    "reasons": _is_words,
    "release": _is_digest,
    "rules": _is_words,
    "size": _is_number,
    "suspended": _is_offices,
    "to": _parses(check_office),
    "until_ms": _is_number,
    "version": _is_number,
    "withheld": _is_withheld,
}
"""The form of each member, the same in every kind of entry."""


def check_words(
    entry: Entry, bundles: Mapping[bytes, Bundle], overlaid: frozenset[str] = frozenset()
) -> None:
    """Check that a decision's words are its bundle's, and a release within its ceiling.

    `overlaid` are the ids of the rules of the overlay that was in force.

    Raises `MalformedError`. Does not decide again: the sealed fields and the sharing consent's
    scope are not on the trail.
    """
    if entry["kind"] == "noted":
        obligations = [name for each in bundles.values() for name in each.policy.obligations]
        if entry["code"] not in (*NOTED_EVENTS, *obligations):
            raise MalformedError("it notes what no bundle has a word for")
    if entry["kind"] not in ("released", "refused"):
        return
    bundle = bundles.get(bytes.fromhex(entry["bundle"]))
    if bundle is None:
        raise MalformedError("made under a bundle that was not given; give it too")
    if bundle.policy.flows.get(entry["flow"]) is None:
        raise MalformedError("a flow that its bundle does not have")
    _check_facts(entry, bundle)
    if entry["kind"] == "refused":
        _check_rules(entry["reasons"], bundle, overlaid)
    else:
        _check_release(entry, bundle, overlaid)


def _check_facts(entry: Entry, bundle: Bundle) -> None:
    facts = {fact.name: fact.values for fact in bundle.policy.facts.facts}
    for name, value in entry["facts"].items():
        if name not in facts or value not in (*facts[name], "unknown"):
            raise MalformedError("a fact or an answer that its bundle does not have")


def _check_rules(rules: list[str], bundle: Bundle, overlaid: frozenset[str]) -> None:
    if not set(rules) <= bundle.policy.rules.keys() | HOP_REASONS.keys() | overlaid:
        raise MalformedError("a rule that neither its bundle nor the overlay in force has")


def _check_release(entry: Entry, bundle: Bundle, overlaid: frozenset[str]) -> None:
    flow = bundle.policy.flows[entry["flow"]]
    schema = bundle.policy.schema_for(flow)
    withheld = [each["field"] for each in entry["withheld"]]
    try:
        disclosed_mask = schema.mask_of(entry["disclosed"])
        withheld_mask = schema.mask_of(withheld)
    except ConfigError as error:
        raise MalformedError("a field that its schema does not have") from error
    if disclosed_mask & withheld_mask or not disclosed_mask:
        raise MalformedError("a field both disclosed and withheld, or none disclosed")
    for rules in (entry["rules"], *(each["rules"] for each in entry["withheld"])):
        _check_rules(rules, bundle, overlaid)
    if not set(_flags_due(entry, bundle)) <= set(entry["rules"]):
        raise MalformedError("a flag that its facts ask for is missing")
    if not set(entry["obligations"]) <= bundle.policy.obligations.keys():
        raise MalformedError("an obligation that its bundle does not have")
    if disclosed_mask & ~_ceiling(entry, bundle):
        raise MalformedError("more was disclosed than its bundle can ever allow here")


def flags_in(entry: Entry, bundles: Mapping[bytes, Bundle]) -> list[str]:
    """Return the ids of the rules that flag a released message for oversight."""
    bundle = bundles.get(bytes.fromhex(entry["bundle"]))
    flags = {each.rule.id for each in bundle.policy.rulebook.flags} if bundle else set()
    return [each for each in entry["rules"] if each in flags]


def _flags_due(entry: Entry, bundle: Bundle) -> tuple[str, ...]:
    """Return the flags that a release's facts ask for; abroad there are none, and no flags."""
    sender = bundle.directory.find(entry["from"])
    recipient = bundle.directory.find(entry["to"])
    has_flags = bool(bundle.policy.rulebook.flags and entry["facts"])
    if not has_flags or sender is None or recipient is None:
        return ()
    codes = bundle.policy.facts.encode(entry["facts"])
    return bundle.policy.flags(entry["flow"], sender.role, recipient.role, codes)


def _ceiling(entry: Entry, bundle: Bundle) -> int:
    sender = bundle.directory.find(entry["from"])
    recipient = bundle.directory.find(entry["to"])
    if sender is None or recipient is None:
        return 0
    return bundle.policy.ceiling(
        entry["flow"], sender.role, recipient.role, same_party=sender.party == recipient.party
    )
