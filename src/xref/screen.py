"""What a person sees in the terminal. Lines fit 80 columns and use more where there is more."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from xref.audit_folders import Audited
from xref.bundle import Bundle
from xref.story import HeldRecord, SentMessage, find_rule

_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "submitted": ("on its way to the hop", "yellow"),
    "forwarded": ("let through by the own hop", "yellow"),
    "delivered": ("delivered", "green"),
    "opened": ("delivered and opened", "green"),
    "erased": ("erased by the receiver", "green"),
    "refused": ("refused: nothing crossed", "red"),
    "rejected": ("rejected as faulty", "red"),
}


def console(*, to_stderr: bool = False) -> Console:
    """Return a console; plain text where the output is no terminal."""
    return Console(stderr=to_stderr, highlight=False, soft_wrap=False)


def _indent(text: Text | str, columns: int = 4) -> Padding:
    return Padding(text, (0, 0, 0, columns))


def _pairs(rows: Sequence[tuple[str, Text | str]], columns: int = 4) -> Padding:
    """Lay out labels and texts in two columns, the second wrapped."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim", min_width=9)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, text)
    return Padding(table, (0, 0, 0, columns))


def show_message(out: Console, message: SentMessage, bundle: Bundle, number: int) -> None:
    """Show one message: what crossed, what was withheld, by which rule and citation."""
    words, colour = _OUTCOMES[message.outcome]
    title = Text(f"{number}. ", style="bold")
    title.append(message.type, style="bold")
    title.append(f"  {message.sender} → {message.recipient}  ")
    title.append(words, style=f"bold {colour}")
    if message.fault:
        title.append(f" ({message.fault})", style=colour)
    out.print(title)
    rows: list[tuple[str, Text | str]] = []
    if message.case:
        rows.append(("case", f"{message.case}  (this number stays at {message.sender})"))
    if message.disclosed:
        label = f"crossed {len(message.disclosed)}"
        rows.append((label, ", ".join(message.disclosed)))
    if message.withheld:
        label = f"withheld {len(message.withheld)}"
        rows.append((label, ", ".join(message.withheld)))
    rows += [(_label(place), _rule(bundle, rule)) for place, rule in enumerate(message.rules)]
    cures = [_cure(bundle, rule) for rule in message.rules]
    rows += [("do", cure) for cure in dict.fromkeys(cures) if cure]
    if message.receipts:
        said = [f"{r['outcome']} ({r['from']})" for r in message.receipts]
        rows.append(("receipts", ", ".join(said)))
    out.print(_pairs(rows))


def _label(place: int) -> str:
    return "by rule" if place == 0 else ""


def _rule(bundle: Bundle, rule_id: str) -> Text:
    rule = find_rule(bundle, rule_id)
    text = Text(rule_id, style="bold")
    if rule is not None:
        text.append(f"  {rule.explain}", style="not bold")
        text.append(f"  [{', '.join(rule.cite)}; {rule.weight}]", style="not bold dim")
    return text


def _cure(bundle: Bundle, rule_id: str) -> str:
    rule = find_rule(bundle, rule_id)
    return rule.cure if rule is not None else ""


def show_status(
    out: Console, messages: Sequence[SentMessage], held: Sequence[HeldRecord], bundle: Bundle
) -> None:
    """Show an office's sent messages and held records."""
    if not messages and not held:
        out.print("Nothing was sent yet. Hand in a form with `xref desk submit FILE`.")
    for number, message in enumerate(messages, 1):
        show_message(out, message, bundle, number)
    for record in held:
        out.print(Text(f"held: case {record.case}, {record.publication}", style="bold yellow"))
        rows: list[tuple[str, Text | str]] = [("since", _moment(record.since_ms))]
        if record.problem:
            rows.append(("problem", record.problem))
        rows += [("why", _rule(bundle, rule)) for rule in record.reasons]
        cures = [_cure(bundle, rule) for rule in record.reasons]
        rows += [("do", cure) for cure in dict.fromkeys(cures) if cure]
        rows.append(("then", "xref desk fact CASE FACT=VALUE, or submit the corrected form"))
        out.print(_pairs(rows))


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def show_inbox(out: Console, listed: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """List received messages; the content is in the office's own form."""
    if not listed:
        out.print("Nothing was received yet.")
    for each in listed:
        out.print(Text(f"{each['type']}  from {each['from']}", style="bold"))
        out.print(
            _pairs(
                [
                    ("received", _moment(each["received_ms"])),
                    ("fields", ", ".join(each["fields"])),
                    ("form", str(folder / f"{each['id']}.json")),
                ]
            )
        )


def show_bundle(out: Console, shown: Mapping[str, Any]) -> None:
    """Show what a bundle holds."""
    signed = [line.split(" ")[1] for line in shown["note"].splitlines() if line.startswith("—")]
    out.print(Text(f"bundle {shown['digest']}", style="bold"))
    out.print(
        _pairs(
            [
                ("signed by", ", ".join(signed) or "nobody yet"),
                ("parties", ", ".join(f"{k} {v}" for k, v in shown["parties"].items())),
                ("offices", ", ".join(f"{k} ({v})" for k, v in shown["offices"].items())),
                ("flows", ", ".join(f"{k} {v}" for k, v in shown["flows"].items())),
                ("schemas", ", ".join(shown["schemas"])),
                ("rules", ", ".join(shown["rules"])),
            ]
        )
    )


def show_audit(out: Console, audited: Audited) -> None:
    """Show what could be verified offline, and every problem in words."""
    for name, size, good, note in audited.rows():
        mark = Text("verified" if good else "NOT VERIFIED", style="green" if good else "bold red")
        line = Text("    ")
        line.append_text(mark)
        line.append(f"  {name}  ")
        line.append(f"{size} entries{note}", style="dim")
        out.print(line)
    for problem in audited.problems():
        out.print(_indent(Text(problem, style="red")))
    good = audited.verified
    style = "bold green" if good else "bold red"
    out.print(Text("VERIFIED" if good else "NOT VERIFIED", style=style))
