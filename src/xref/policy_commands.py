"""`xref policy ...`: prove the rules, print what they allow, and what a change would mean."""

import csv
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from xref.agreement_commands import add_agreements
from xref.arguments import add_agreement, add_command, add_config, add_group, add_json
from xref.as_json import write_json
from xref.bundle import Draft
from xref.errors import ConfigError
from xref.policy.compare import CellChange, compare
from xref.policy.decision import Permit, Refusal, reason_of
from xref.policy.invariants import read_invariants
from xref.policy.matrix import Cell, cells_of
from xref.policy.proving import Breach, Proof, Prover
from xref.policy.reading import Entry, read_toml
from xref.policy.simulation import EFFECTS, Simulation, read_cases, simulate
from xref.policy.situation import Situation, decide, read_situation
from xref.policy.words import say_facts
from xref.policy_page import page_of
from xref.sources import read_rules, rules_named
from xref.story import SentMessage, sent_messages
from xref.terminal import console, print_paragraph
from xref.wiring import DeskOffice

if TYPE_CHECKING:
    from xref.arguments import Commands

_STAYED = ("refused", "rejected")
_POLICIES_HELP = "a folder of policies, or of a bundle (default: those that xref ships)"
_SIDE_HELP = "a folder of policies, a bundle, or an agreement by id, file or folder"


def add_policy(top: "Commands") -> None:
    """Add the commands about rules."""
    group = add_group(top, "policy", "What the rules allow, and the proof that they keep to it.")
    parser = add_command(
        group,
        "prove",
        "Prove the invariants on all facts; exit code 1 with a counterexample if one fails.",
        "xref policy prove --agreement kh-th-2003",
    )
    _add_policies(parser)
    add_json(parser)
    parser.set_defaults(run=prove)
    parser = add_command(
        group,
        "matrix",
        "Print for each field who can ever receive it, for what, on which facts, by which rule.",
        "xref policy matrix --agreement kh-th-2003 --html > matrix.html",
    )
    _add_policies(parser)
    form = parser.add_mutually_exclusive_group()
    for name in ("json", "csv", "html"):
        form.add_argument(f"--{name}", action="store_true", help=f"print {name.upper()}")
    parser.set_defaults(run=matrix)
    parser = add_command(
        group,
        "diff",
        "Tell exactly which fields a change of rules opens or closes, and on which facts.",
        "xref policy diff bundle-2026 bundle-2027",
    )
    _add_old_new(parser)
    add_json(parser)
    parser.set_defaults(run=diff)
    _add_explain(group)
    add_agreements(group)
    parser = add_command(
        group,
        "simulate",
        "Run a change of rules over sample cases; tell its effect by sex, age and nationality.",
        "xref policy simulate bundle-2026 bundle-2027 --cases cases.toml",
    )
    _add_old_new(parser)
    parser.add_argument(
        "--cases", type=Path, required=True, metavar="FILE", help="sample cases, TOML or JSON"
    )
    add_json(parser)
    parser.set_defaults(run=run_simulation)


def _add_explain(group: "Commands") -> None:
    parser = add_command(
        group,
        "explain",
        "Say what the rules would do with a message, and why, with their sources.",
        "xref policy explain --flow victim-referral asylum=pending sharing_consent=granted",
    )
    parser.add_argument("facts", nargs="*", metavar="FACT=VALUE", help="what is known")
    parser.add_argument("--flow", metavar="FLOW", help="what kind of message it is")
    parser.add_argument("--from", dest="from_role", metavar="ROLE", help="who sends it")
    parser.add_argument("--to", dest="to_role", metavar="ROLE", help="who receives it")
    parser.add_argument(
        "--situation", type=Path, metavar="FILE", help="all of it in a file, TOML or JSON"
    )
    parser.add_argument("--message", metavar="ID", help="a message that this desk has sent")
    add_config(parser, "desk.toml")
    _add_policies(parser)
    add_json(parser)
    parser.set_defaults(run=explain)


def _add_policies(parser: ArgumentParser) -> None:
    parser.add_argument("--policies", type=Path, metavar="DIR", help=_POLICIES_HELP)
    add_agreement(parser)


def _add_old_new(parser: ArgumentParser) -> None:
    for name in ("old", "new"):
        parser.add_argument(name, type=Path, metavar=name.upper(), help=_SIDE_HELP)


@contextmanager
def proving() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr; yields what a prover tells how much is done, of how much."""
    with Progress(console=console(to_stderr=True), transient=True) as bar:
        task = bar.add_task("Proving on all facts", total=1)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def prove(options: Namespace) -> int:
    """Prove the invariants; exit code 1 if one fails."""
    draft = read_rules(options.policies, options.agreement)
    rulebook = draft.policy.rulebook
    prover = Prover(rulebook, read_invariants(draft.files, rulebook))
    with proving() as progress:
        proof = prover.prove(progress)
    if options.json:
        write_json({"proved": not proof.breaches, **asdict(proof)})
    else:
        _show_proof(proof)
    return int(bool(proof.breaches))


def _show_proof(proof: Proof) -> None:
    out = console()
    if not proof.breaches:
        print_paragraph(
            out,
            f"Proved: {proof.invariants} invariants, on all {proof.facts:.1e} combinations of "
            f"facts, for {proof.ways:,} ways that a message can take now or under any agreement "
            f"({proof.boxes:,} cases looked at one by one, and by search).",
        )
        return
    for breach in proof.breaches:
        _show_breach(breach)
    print_paragraph(out, f"NOT proved: {len(proof.breaches)} counterexamples.")


def _show_breach(breach: Breach) -> None:
    out = console()
    print_paragraph(out, f"{breach.invariant}: {breach.says}")
    fields = f" {', '.join(breach.fields)}:" if breach.fields else ""
    print_paragraph(out, f"But {breach.passage}:{fields} {breach.why}, {_when(breach.facts)}.", 4)


def _when(facts: Mapping[str, str]) -> str:
    return f"where {say_facts(facts)}" if facts else say_facts(facts)


def matrix(options: Namespace) -> int:
    """Print the disclosure matrix."""
    draft = read_rules(options.policies, options.agreement)
    if options.html:
        sys.stdout.write(page_of(draft))
        return 0
    cells = list(cells_of(draft.policy.rulebook))
    if options.json:
        write_json({"bundle": draft.digest32.hex(), "cells": [asdict(cell) for cell in cells]})
    elif options.csv:
        _write_csv(cells)
    else:
        _show_matrix(cells)
    return 0


def _write_csv(cells: list[Cell]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = [name for name in Cell.__slots__ if name != "conditions"]
    writer.writerow(columns)
    for cell in cells:
        values = [getattr(cell, name) for name in columns]
        writer.writerow([" ".join(each) if isinstance(each, tuple) else each for each in values])


def _show_matrix(cells: list[Cell]) -> None:
    out = console()
    shown: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        if cell.verdict != "never":
            where = "across" if cell.crossing else "at home"
            key = (cell.flow, f"{cell.from_role} to {cell.to_role} {where}", cell.purpose)
            shown.setdefault(key, []).append(cell.field)
    merged: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (flow, ends, purpose), fields in shown.items():
        merged.setdefault((flow, purpose, tuple(fields)), []).append(ends)
    for (flow, purpose, names), ways in merged.items():
        more = f" and {len(ways) - 1} other ways" if len(ways) > 1 else ""
        print_paragraph(out, f"{flow} ({purpose}): {ways[0]}{more}")
        print_paragraph(out, ", ".join(names), 4)
    print_paragraph(out, "For the facts and rules of each: --html, --csv or --json.")


def diff(options: Namespace) -> int:
    """Print what opens and what closes."""
    old, new = rules_named(options.old), rules_named(options.new)
    changes = compare(old.policy.rulebook, new.policy.rulebook)
    if options.json:
        write_json({"changes": [asdict(change) for change in changes]})
        return 0
    show_changes(changes)
    return 0


def show_changes(changes: list[CellChange]) -> None:
    """Tell in words what opens and what closes."""
    out = console()
    for change, ways in _grouped(changes):
        more = f" and {ways - 1} other ways" if ways > 1 else ""
        where = "across the border" if change.crossing else "at home"
        ends = f"{change.from_role} to {change.to_role} {where}{more}"
        ever = {"opens": ", which never went", "closes": ", for good"}[change.change]
        print_paragraph(out, f"{change.change.upper()} {change.flow}, {ends}")
        entirely = ever if change.entirely else ""
        print_paragraph(out, f"{', '.join(change.fields)}{entirely}", 4)
        print_paragraph(out, f"for example {_when(change.facts)}, all else as before", 4)
        if change.rules:
            print_paragraph(out, f"changed: {', '.join(change.rules)}", 4)
    print_paragraph(out, "Nothing opens or closes." if not changes else _sum(changes))


def _grouped(changes: list[CellChange]) -> list[tuple[CellChange, int]]:
    grouped: dict[tuple[Any, ...], tuple[CellChange, int]] = {}
    for each in changes:
        key = (each.change, each.flow, each.fields, each.entirely, each.rules)
        first, ways = grouped.get(key, (each, 0))
        grouped[key] = (first, ways + 1)
    return list(grouped.values())


def _sum(changes: list[CellChange]) -> str:
    cells = {
        change: sum(len(each.fields) for each in changes if each.change == change)
        for change in ("opens", "closes")
    }
    return f"{cells['opens']} cells open somewhere, {cells['closes']} close somewhere."


def explain(options: Namespace) -> int:
    """Say why; exit code 1 where nothing goes."""
    if options.message:
        return _explain_message(options)
    draft = read_rules(options.policies, options.agreement)
    situation = _situation(options, draft)
    answer = decide(situation, draft.policy)
    told = _told(situation, answer, draft)
    if options.json:
        write_json(told)
    else:
        _show_told(told)
    return int(isinstance(answer, Refusal))


def _situation(options: Namespace, draft: Draft) -> Situation:
    if options.situation is not None:
        return read_situation(_read(options.situation), draft.policy)
    if options.flow is None:
        raise ConfigError("explain what? give --flow, --situation FILE or --message ID")
    pairs = [each.partition("=") for each in options.facts]
    if any(not equals for _, equals, _ in pairs):
        raise ConfigError("a fact is given without its answer; write FACT=VALUE")
    table = {"flow": options.flow, "facts": {name: value for name, _, value in pairs}}
    table |= {"from": options.from_role} if options.from_role else {}
    table |= {"to": options.to_role} if options.to_role else {}
    return read_situation(Entry(table, "the situation"), draft.policy)


def _read(path: Path) -> Entry:
    try:
        data = path.read_bytes()
    except OSError:
        raise ConfigError(f"{path}: cannot be read; name a TOML or JSON file") from None
    if path.suffix != ".json":
        return read_toml(data, path.name)
    try:
        table = json.loads(data)
    except ValueError:
        raise ConfigError(f"{path.name}: not JSON; correct the file") from None
    if not isinstance(table, dict):
        raise ConfigError(f"{path.name}: not one table; correct the file")
    return Entry(table, path.name)


def _told(situation: Situation, answer: Permit | Refusal, draft: Draft) -> dict[str, Any]:
    policy = draft.policy
    told: dict[str, Any] = {
        "flow": situation.flow,
        "from": situation.from_role,
        "to": situation.to_role,
        "goes": isinstance(answer, Permit),
    }
    if isinstance(answer, Refusal):
        return {**told, "reasons": [asdict(each) for each in answer.reasons]}
    withheld = {each.field: list(each.rules) for each in answer.withheld}
    used = [*answer.rules, *(rule for rules in withheld.values() for rule in rules)]
    return {
        **told,
        "fields": policy.schema_for(policy.flow_named(situation.flow)).names_of(answer.mask),
        "withheld": withheld,
        "retention_days": answer.retention_days,
        "obligations": {name: policy.obligations[name] for name in answer.obligations},
        "reasons": [asdict(reason_of(policy.rule(rule))) for rule in dict.fromkeys(used)],
    }


def _show_told(told: dict[str, Any]) -> None:
    out = console()
    ends = f"{told['flow']} from {told['from']} to {told['to']}"
    if told["goes"]:
        print_paragraph(out, f"{ends} goes, with {len(told['fields'])} fields:")
        print_paragraph(out, ", ".join(told["fields"]), 4)
        for name, rules in told["withheld"].items():
            print_paragraph(out, f"withheld: {name}, by {', '.join(rules)}", 4)
    else:
        print_paragraph(out, f"{ends} does NOT go:")
    for reason in told["reasons"]:
        cites = f"[{', '.join(reason['cite'])}; {reason['weight']}]"
        print_paragraph(out, f"{reason['rule']}: {reason['explain']} {cites}", 4)
        if reason["cure"]:
            print_paragraph(out, f"To do: {reason['cure']}", 8)
    for name, says in told.get("obligations", {}).items():
        print_paragraph(out, f"The receiver owes {name}: {says}", 4)


def _explain_message(options: Namespace) -> int:
    office = DeskOffice(options.config)
    with office.records() as store:
        sent = sent_messages(store, office.config.office, office.bundle)
    found: list[SentMessage] = [each for each in sent if each.id.startswith(options.message)]
    if len(found) != 1:
        raise ConfigError(f"{len(found)} messages of this desk begin so; see `xref desk status`")
    message = found[0].as_json(office.bundle)
    goes = message["outcome"] not in _STAYED
    if options.json:
        write_json({**message, "goes": goes})
        return int(not goes)
    if not found[0].rules and not message["disclosed"]:
        says = f", {message['fault']}" if message["fault"] else ""
        print_paragraph(console(), f"{message['type']}: {message['outcome']}{says}; no rule yet")
        return int(not goes)
    told = {
        "flow": message["type"],
        "from": message["from"],
        "to": message["to"],
        "goes": goes,
        "fields": message["disclosed"],
        "withheld": message["withheld_by"],
        "reasons": message["explained"],
    }
    _show_told(told)
    return int(not goes)


def run_simulation(options: Namespace) -> int:
    """Print the effect of a change on sample cases."""
    old, new = rules_named(options.old), rules_named(options.new)
    cases = read_cases(_read(options.cases), old.policy)
    found = simulate(old.policy, new.policy, cases)
    if options.json:
        write_json(asdict(found))
    else:
        _show_simulation(found, len(cases))
    return 0


def _show_simulation(found: Simulation, cases: int) -> None:
    out = console()
    for each in found.effects:
        rules = f" ({', '.join(each.rules)})" if each.rules else ""
        print_paragraph(out, f"case {each.case}, {each.flow}: {each.effect}{rules}")
    print_paragraph(out, f"Of {cases} cases, by group:")
    for share in found.shares:
        effects = [f"{share.touched[name]} {name}" for name in EFFECTS if share.touched[name]]
        said = ", ".join(effects) or "not touched"
        print_paragraph(out, f"{share.attribute} {share.group}: {share.cases}, of them {said}", 4)
