"""What a person sees in the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from xref.audit_folders import Audited
from xref.bundle import Bundle
from xref.desk.alerts import ALARMING, HELD, KEPT, NO_ANSWER, NOT_ERASED, Alert
from xref.journey import Event, Journey, ReceivedMessage, Withdrawn, at_ms
from xref.story import HeldRecord, SentMessage, find_rule
from xref.terminal import indent, moment, pairs

_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "submitted": ("on its way to the hop", "yellow"),
    "forwarded": ("let through by the own hop", "yellow"),
    "delivered": ("delivered", "green"),
    "opened": ("delivered and opened", "green"),
    "erased": ("erased by the receiver", "green"),
    "kept": ("withdrawn, and kept by the receiver", "yellow"),
    "refused": ("refused: nothing crossed", "red"),
    "rejected": ("rejected as faulty", "red"),
}


_NEVER_DELIVERED: Mapping[str, str] = {
    "withdrawn": "stopped on its way: the sharing consent was withdrawn",
    "replaced": "stopped on its way: a newer request took the place of the one it was sent for",
    "expired": "expired on its way: never delivered",
}


def _outcome(message: SentMessage) -> tuple[str, str]:
    """Return an outcome in words, and its colour."""
    words, colour = _OUTCOMES[message.outcome]
    if message.outcome == "rejected" and message.fault in _NEVER_DELIVERED:
        return _NEVER_DELIVERED[message.fault], "yellow"
    return (f"{words} ({message.fault})" if message.fault else words), colour


def show_step(out: Console, number: int, text: str) -> None:
    """Show what comes next in a demonstration."""
    step = Table.grid(padding=(0, 1))
    step.add_column(no_wrap=True)
    step.add_column()
    style = "bold cyan"
    step.add_row(Text(f"[{number}]", style=style), Text(text, style=style))
    out.print()
    out.print(step)


def show_message(
    out: Console, message: SentMessage, bundle: Bundle, number: int, own: Mapping[str, str]
) -> None:
    """Show one message: what crossed, what was withheld, by which rule and citation.

    `own` has the office's own names of fields, which stand beside what was withheld.
    """
    words, colour = _outcome(message)
    title = Text(f"{number}. ", style="bold")
    title.append(message.type, style="bold")
    title.append(f"  {message.sender} → {message.recipient}  ")
    title.append(words, style=f"bold {colour}")
    out.print(title)
    rows: list[tuple[str, Text | str]] = []
    if message.case:
        rows.append(("case", f"{message.case}  (this number stays at {message.sender})"))
    rows.append(("written", moment(message.created_ms)))
    if message.disclosed:
        label = f"crossed {len(message.disclosed)}"
        rows.append((label, ", ".join(message.disclosed)))
    if message.withheld:
        label = f"withheld {len(message.withheld)}"
        named = [f"{name} ({own[name]})" if name in own else name for name in message.withheld]
        rows.append((label, ", ".join(named)))
    rows += [(_label(place), _rule(bundle, rule)) for place, rule in enumerate(message.rules)]
    rows += [("do", cure) for cure in _cures(bundle, message.rules)]
    rows += _flagged(message, bundle)
    if message.receipts:
        said = [f"{r['outcome']} ({r['from']})" for r in message.receipts]
        rows.append(("receipts", ", ".join(said)))
    rows += _mismatch(message)
    out.print(pairs(rows))


def show_crossings(out: Console, messages: Sequence[SentMessage], bundle: Bundle) -> None:
    """Show messages in a line each: how many fields crossed; what was withheld, and why.

    What several were refused for is told once, below them.
    """
    for place, message in enumerate(messages):
        line = Text(f"{message.sender} → {message.recipient}  ")
        line.append(message.type, style="bold")
        if message.outcome in ("opened", "delivered", "forwarded"):
            line.append(f"  {_fields(len(message.disclosed))}", style="dim")
        words, colour = _outcome(message)
        line.append(f"  {words}", style=colour)
        out.print(indent(line))
        seen = [*_withheld(message), *_flagged(message, bundle), *_mismatch(message)]
        if message.outcome == "opened" and seen:
            out.print(pairs(seen, 6))
        elif message.reasons and message.reasons != _reasons_after(messages, place):
            rows: list[tuple[str, Text | str]] = [
                ("why", _rule(bundle, rule)) for rule in message.reasons
            ]
            rows += [("do", cure) for cure in _cures(bundle, message.reasons)]
            out.print(pairs(rows, 6))


def _reasons_after(messages: Sequence[SentMessage], place: int) -> tuple[str, ...]:
    return messages[place + 1].reasons if place + 1 < len(messages) else ()


def _flagged(message: SentMessage, bundle: Bundle) -> list[tuple[str, Text | str]]:
    return [("flagged", _rule(bundle, rule)) for rule in message.flags]


def _mismatch(message: SentMessage) -> list[tuple[str, Text | str]]:
    if not message.mismatch:
        return []
    terms = f"{', '.join(message.mismatch)}: {message.recipient} has no equal term"
    said = f"{terms} and keeps yours; ask it what the person is entitled to there"
    return [("differs", Text(said, "yellow"))]


def _withheld(message: SentMessage) -> list[tuple[str, Text | str]]:
    return [
        ("withheld", Text(f"{name}  ").append(", ".join(rules), style="dim"))
        for name, rules in message.withheld.items()
    ]


def show_holdings(out: Console, held: Mapping[str, Mapping[str, Any]]) -> None:
    """Show what each office has received and holds at the end; nobody else has more."""
    out.print(Text("\nWho has what now", style="bold"))
    for office, each in held.items():
        if each["received"]:
            out.print(indent(Text(office, style="bold").append(f"  {each['role']}", "not bold")))
            rows = [(_fields(len(names)), flow) for flow, names in each["received"].items()]
            out.print(pairs(rows, 6))
    nothing = [office for office, each in held.items() if not each["received"]]
    if nothing:
        out.print(indent(f"Nothing at all: {', '.join(nothing)}"))


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _label(place: int) -> str:
    return "by rule" if place == 0 else ""


def _rule(bundle: Bundle, rule_id: str) -> Text:
    rule = find_rule(bundle, rule_id)
    text = Text(rule_id, style="bold")
    if rule is not None:
        text.append(f"  {rule.explain}", style="not bold")
        text.append(f"  [{', '.join(rule.cite)}; {rule.weight}]", style="not bold dim")
    return text


def _cures(bundle: Bundle, rule_ids: Sequence[str]) -> list[str]:
    """Return what to do, once each, in the order of the rules."""
    rules = [find_rule(bundle, rule_id) for rule_id in rule_ids]
    return list(dict.fromkeys(rule.cure for rule in rules if rule is not None and rule.cure))


def show_status(
    out: Console,
    messages: Sequence[SentMessage],
    held: Sequence[HeldRecord],
    bundle: Bundle,
    own: Mapping[str, str],
    waiting_since_ms: int | None,
) -> None:
    """Show an office's sent messages and held records, and whether anything waits to be taken."""
    if not messages and not held and waiting_since_ms is None:
        out.print("Nothing was sent yet. Hand in a form with `xref desk submit FILE`.")
    for number, message in enumerate(messages, 1):
        show_message(out, message, bundle, number, own)
    for record in held:
        _show_held(out, record, bundle)
    if waiting_since_ms is not None:
        out.print(Text("not taken by the desk yet", style="bold yellow"))
        then = "see that `xref desk run` runs; it takes what was handed in"
        out.print(pairs([("since", moment(waiting_since_ms)), ("do", then)]))


def _show_held(out: Console, record: HeldRecord, bundle: Bundle, *, explained: bool = True) -> None:
    out.print(Text(f"held: case {record.case}, {record.publication}", style="bold yellow"))
    rows: list[tuple[str, Text | str]] = [("since", moment(record.since_ms))]
    if record.problem:
        rows.append(("problem", record.problem))
    if explained:
        rows += [("why", _rule(bundle, rule)) for rule in record.reasons]
    elif record.reasons:
        rows.append(("why", ", ".join(record.reasons)))
    rows += [("do", cure) for cure in _cures(bundle, record.reasons)]
    rows.append(("then", _next_step(record)))
    out.print(pairs(rows))


def _next_step(record: HeldRecord) -> str:
    if record.waiting and not record.prepared_by:
        return "xref desk submit FILE --by NAME: who prepared it is not known yet"
    if record.waiting:
        return (
            f"xref desk approve CASE --record {record.number} --by NAME, by somebody who did not "
            "prepare it"
        )
    return "xref desk fact CASE FACT=VALUE, or submit the corrected form"


_ALERTS: Mapping[str, tuple[str, str]] = {
    NO_ANSWER: ("no answer by", "sent"),
    ALARMING: ("alarm by", "answered"),
    HELD: ("held too long", "held"),
    NOT_ERASED: ("not erased by", "withdrawn"),
    KEPT: ("kept by order at", "answered"),
}
"""What an alert says, and since when; any other is an obligation, by its name."""


def show_alerts(out: Console, alerts: Sequence[Alert]) -> None:
    """Show what is overdue, and what to do about it."""
    for alert in alerts:
        words, since = _ALERTS.get(alert.kind, (f"{alert.kind}, with", "since"))
        title = Text("ALERT  ", style="bold red")
        title.append(f"{alert.type}: {words} {alert.to}".rstrip(), style="bold")
        out.print(title)
        rows: list[tuple[str, Text | str]] = [("case", alert.case)] if alert.case else []
        if alert.kind not in _ALERTS or not alert.case:
            rows.append(("message", alert.id))  # as `xref desk done` is told of it
        rows += [
            (since, moment(alert.since_ms)),
            ("due", moment(alert.due_ms)),
            ("do", alert.duty),
        ]
        out.print(pairs(rows))


def show_inbox(out: Console, listed: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """List received messages; the content is in the office's own form."""
    if not listed:
        out.print("Nothing was received yet.")
    for each in listed:
        out.print(Text(f"{each['type']}  from {each['from']}", style="bold"))
        rows: list[tuple[str, Text | str]] = [
            ("received", moment(each["received_ms"])),
            ("fields", ", ".join(each["fields"])),
            ("form", str(folder / f"{each['id']}.json")),
        ]
        rows += [("please look", f"{said['field']}: {said['why']}") for said in each["look"]]
        owed = list(each["obligations"].values())
        rows += [("you owe" if place == 0 else "", says) for place, says in enumerate(owed)]
        out.print(pairs(rows))


def show_audit(out: Console, audited: Audited) -> None:
    """Show what could be verified offline, and every problem in words."""
    for name, size, good, note in audited.rows():
        mark = Text("verified" if good else "NOT VERIFIED", style="green" if good else "bold red")
        line = Text("    ")
        line.append_text(mark)
        line.append(f"  {name}  ")
        line.append(f"{size} {'entry' if size == 1 else 'entries'}{note}", style="dim")
        out.print(line)
    for event in audited.events():
        out.print(indent(Text(event, style="yellow")))
    for problem in audited.problems():
        out.print(indent(Text(problem, style="red")))
    good = audited.verified
    style = "bold green" if good else "bold red"
    out.print(Text("VERIFIED" if good else "NOT VERIFIED", style=style))


def show_journey(out: Console, told: Journey, bundle: Bundle) -> None:
    """Show a case from its first message to its last, what is held of it, and the rules."""
    out.print(Text(f"Case {told.case}, as {told.office} knows it", style="bold"))
    day = ""
    for event in told.events:
        at = moment(at_ms(event))
        if at[:10] != day:
            day = at[:10]
            out.print(Text(f"{day}  ", style="bold").append(at[17:], "not bold dim"))
        out.print(_event_line(event, at[11:16]))
        rows = _event_rows(event)
        if rows:
            out.print(pairs(rows, 9))
    if not told.events and not told.held:
        out.print(indent("Nothing was sent or received yet."))
    for record in told.held:
        _show_held(out, record, bundle, explained=False)
    if told.rules:
        out.print(Text("The rules", style="bold"))
        for rule in told.rules:
            out.print(indent(_rule(bundle, rule), 2))


def _event_line(event: Event, clock: str) -> Padding:
    line = Text(f"{clock}  ", style="dim")
    if isinstance(event, Withdrawn):
        line.append("the person withdrew the sharing consent", style="not dim bold")
    elif isinstance(event, ReceivedMessage):
        line.append(f"← {event.sender}  ", style="not dim")
        line.append(event.type, style="not dim bold")
        line.append("  erased" if event.is_erased else "", style="dim")
    else:
        words, colour = _outcome(event)
        line.append(f"→ {event.recipient}  ", style="not dim")
        line.append(event.type, style="not dim bold")
        line.append(f"  {words}", style=f"not dim {colour}")
    return Padding(line, (0, 0, 0, 2))


def _event_rows(event: Event) -> list[tuple[str, Text | str]]:
    if isinstance(event, Withdrawn):
        return []
    if isinstance(event, ReceivedMessage):
        rows: list[tuple[str, Text | str]] = [("answers", event.answers)] if event.answers else []
        return rows + ([("learned", ", ".join(event.fields))] if event.fields else [])
    if event.outcome == "refused":
        return [("why", ", ".join(event.reasons))]
    if not event.disclosed:
        return []
    flagged: list[tuple[str, Text | str]] = [("flagged", rule) for rule in event.flags]
    crossed = ("crossed", ", ".join(event.disclosed))
    return [crossed, *_withheld(event), *flagged, *_mismatch(event)]
