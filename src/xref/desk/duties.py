"""What an office owes for a message, and by when: obligations of permits carried out.

For what was received they follow from bundle, flow and roles alone. Whoever sent on another ground
than the sharing consent, or learned that a court has something kept or that the State of origin
holds what it should not, owes the person to be told.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from xref.bundle import Bundle
from xref.desk.derive import over_ms
from xref.limits import DAY_MS, DECISIONS_CACHED_MAX
from xref.policy import Policy
from xref.state import State

OWED: Final = "owed"
"""The space of what is owed: keys of time, message and obligation, and in which space it is."""
TELL: Final = "tell-the-person"
_TELL_DAYS: Final = 3
_TIME_BYTES: Final = 8
_MESSAGE_BYTES: Final = 16


def obligations_of(bundle: Bundle, flow_name: str, sender: str, own: str) -> Mapping[str, str]:
    """Return what an office owes for a message that it received, each with its sentence.

    They follow from bundle, flow and roles alone, so nothing about the person has to say them.
    """
    giver, taker = bundle.directory.find(sender), bundle.directory.find(own)
    if giver is None or taker is None:
        return {}
    return _obligations(
        bundle.policy, flow_name, giver.role, taker.role, giver.party == taker.party
    )


@lru_cache(maxsize=DECISIONS_CACHED_MAX)
def _obligations(
    policy: Policy,
    flow_name: str,
    giver: str,
    taker: str,
    same_party: bool,  # noqa: FBT001 - a cache key
) -> Mapping[str, str]:
    flow = policy.flow_named(flow_name)
    matching = [
        permit
        for permit in policy.rulebook.permits
        if permit.selector.matches(flow, giver, taker, same_party=same_party)
    ]
    names = dict.fromkeys(name for permit in matching for name in permit.obligations)
    return {name: policy.obligations[name] for name in names}


def owed(bundle: Bundle, own: str, space: str, content: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what an office owes for a message in `inbox` or `sent`, each with its sentence."""
    if space == "inbox":
        return obligations_of(bundle, content["type"], content["from"], own)
    tell = content.get("approval") or content.get("contaminated") or content["outcome"] == "kept"
    return {TELL: bundle.policy.obligations[TELL]} if tell else {}


def note_owed(
    state: State, message: bytes, space: str, content: Mapping[str, Any], bundle: Bundle, own: str
) -> None:
    """Remember by their time what is owed for a message, so that a look reads what is due alone."""
    since_ms = content.get("received_ms") or content["created_ms"]
    for name in owed(bundle, own, space, content):
        due_ms = _due_ms(name, bundle.policy, content, since_ms)
        if due_ms is not None:
            key = due_ms.to_bytes(_TIME_BYTES) + message + name.encode()
            state.put(OWED, key, space.encode())


def due_at(state: State, now_ms: int) -> Iterator[tuple[int, bytes, str, str]]:
    """Yield what is due by a moment: when (Unix ms), the message, its obligation, and its space."""
    for key, space in state.scan(OWED, stop=(now_ms + 1).to_bytes(_TIME_BYTES)):
        due_ms, message = int.from_bytes(key[:_TIME_BYTES]), key[_TIME_BYTES:][:_MESSAGE_BYTES]
        name = key[_TIME_BYTES + _MESSAGE_BYTES :].decode()
        yield due_ms, message, name, space.decode()


def forget_owed(state: State, messages: Collection[bytes]) -> None:
    """Forget what was owed for messages that are gone."""
    for key, _ in state.scan(OWED) if messages else ():
        if key[_TIME_BYTES:][:_MESSAGE_BYTES] in messages:
            state.delete(OWED, key)


def _due_ms(name: str, policy: Policy, content: Mapping[str, Any], begun_ms: int) -> int | None:
    """Return when an obligation is due, None for one that is a way of acting and has no day."""
    if name == TELL and "values" not in content:
        return begun_ms + _TELL_DAYS * DAY_MS
    due = policy.rulebook.obligations[name]
    days = (over_ms(content.get("values", {}).get(field)) for field in due.due_on)
    if (named := next((each for each in days if each is not None), None)) is not None:
        return named
    return begun_ms + due.within_days * DAY_MS if due.within_days else None
