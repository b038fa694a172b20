"""Telling a sender in which terms this office's definitions differ, and hearing it as a sender."""

from collections.abc import Mapping, Sequence

from xref.answers import MISMATCH, Answer, Mismatch
from xref.bundle import Bundle
from xref.desk.cabinet import Cabinet
from xref.desk.receive import Opened


def tell_mismatches(
    cabinet: Cabinet, messages: Mapping[bytes, Sequence[str]], bundle: Bundle
) -> tuple[list[tuple[int, Answer]], list[str]]:
    """Return the notices, each with the shard on which it goes, and what the own log says of them.

    `messages` has the terms of each received message for which this office has no equal. The
    Parties may still use a bundle without that flow: then the own log alone says it.
    """
    answers, alarms = [], []
    for message, terms in messages.items():
        content = cabinet.get("inbox", message) if terms else None
        if content is not None:
            notice = Answer(content["from"], MISMATCH, Mismatch(message, tuple(terms)))
            answers.append((content["shard"], notice))
            alarms.append(f"{content['type']}: the own form or law differs in {', '.join(terms)}")
    can_go = any(flow.name == MISMATCH for flow in bundle.policy.flows.values())
    return answers if can_go else [], alarms


def note_mismatch(cabinet: Cabinet, opened: Opened, now_ms: int) -> list[str]:
    """Add the terms that a recipient has no equal for to the messages it names; return alarms.

    They count only from the office to which the message went, once, and for fields that went.
    """
    found = opened.values.get("items")
    noted: dict[str, None] = {}
    for item in found if isinstance(found, list) else []:
        story = cabinet.get("sent", item["message"])
        case = cabinet.case_id("sent", item["message"])
        if story is None or case is None or story["to"] != opened.header.sender:
            continue
        sent = [name for name in map(str.lower, item["terms"]) if name in story["fields"]]
        if sent and "mismatch" not in story:
            story["mismatch"] = {"terms": sent, "at_ms": now_ms}
            cabinet.put("sent", item["message"], case, story)
            noted.update(dict.fromkeys(sent))
    terms = ", ".join(noted)
    return [f"{opened.header.sender} has no equal term for {terms}"] if noted else []
