"""The disclosure matrix as a page that a lawyer can print: no script, no outside file.

Part 1 goes by field: who can ever receive it, for which purpose, on which facts, by which rule.
Part 2 gives for each kind of message what must be true before anything of it goes.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from xref.bundle import Draft
from xref.policy import Policy
from xref.policy.matrix import Cell, Need, cells_of
from xref.policy.rules import Rule
from xref.policy.words import say_clauses

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 10.5pt/1.4 Georgia, serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .3rem; break-after: avoid; }
table { border-collapse: collapse; width: 100%; font-size: .92em; table-layout: fixed; }
td, th { overflow-wrap: anywhere; }
th, td { text-align: left; vertical-align: top; border-top: 1px solid #9998; padding: .3rem .5rem; }
thead { display: table-header-group; } tr { break-inside: avoid; }
code, .rule { font: .88em/1.3 ui-monospace, monospace; overflow-wrap: anywhere; }
.cite { opacity: .75; font-size: .88em; } .never { opacity: .7; }
.derived::after { content: " (ours, in no source)"; font-style: italic; font-size: .85em; }
@media (max-width: 45rem) { /* a phone: words stay whole, a table is moved sideways */
  table { display: block; overflow-x: auto; table-layout: auto; }
  td, th { overflow-wrap: normal; min-width: 7.5rem; }
}
@media print { :root { color-scheme: light; } }
@media print { body { margin: 0; max-width: none; font-size: 9.5pt; } a { color: inherit; } }
@page { margin: 18mm; }
"""


def page_of(draft: Draft) -> str:
    """Return the page of a bundle."""
    policy = draft.policy
    cells = list(cells_of(policy.rulebook))
    parts = [
        *_head(draft),
        '<h2 id="fields">1. Each field: who can ever receive it</h2>',
        *_by_field(cells, policy),
        '<h2 id="messages">2. Each message: what must be true before anything of it goes</h2>',
        *_by_message(cells, policy),
        '<h2 id="rules">3. All rules, with their sources</h2>',
        *_rules(policy.rulebook.rules),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


_READING: Final = (
    "A field that is not listed for a recipient can never reach it, whatever the facts: that is "
    "computed on all of them. <em>Shared</em> means: only if the person's sharing consent covers "
    "it. Sources are lines of the four seed documents; a rule of ours says so."
)


def _head(draft: Draft) -> Iterable[str]:
    title = "; ".join(each.title for each in draft.policy.agreements.values())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Disclosure matrix: {escape(title)}</title><style>{_STYLE}</style></head>",
        "<body><main><h1>Who can ever receive what</h1>",
        f"<p>{escape(title)}</p>",
        f"<p>Bundle <code>{draft.digest32.hex()}</code>. {_READING}</p>",
    )


def _by_field(cells: Sequence[Cell], policy: Policy) -> Iterable[str]:
    names = sorted({cell.field for cell in cells})
    for name in names:
        mine = [cell for cell in cells if cell.field == name]
        ever = [cell for cell in mine if cell.verdict != "never"]
        yield f"<h3><code>{name}</code> <small>({_categories(mine)})</small></h3>"
        if not ever:
            yield '<p class="never">Nobody ever receives it.</p>'
            continue
        yield "<table><thead><tr><th>Recipient</th><th>From, in</th><th>Purpose</th>"
        yield "<th>Only where</th><th>By rule</th></tr></thead><tbody>"
        rows: dict[tuple[str, ...], list[str]] = {}
        for cell in ever:
            row = _row(cell, policy)
            rows.setdefault(row, []).append(cell.to_role)
        for (sender, purpose, only, rule), receivers in rows.items():
            yield f"<tr><td>{_roles(receivers)}</td><td>{sender}</td><td>{purpose}</td>"
            yield f"<td>{only}</td><td>{rule}</td></tr>"
        yield "</tbody></table>"


def _categories(cells: Iterable[Cell]) -> str:
    return ", ".join(sorted({cell.category for cell in cells}))


def _roles(roles: Sequence[str]) -> str:
    different = sorted(set(roles))
    return "any office" if len(different) > 8 else "<br>".join(different)  # noqa: PLR2004 - a line each fits


def _row(cell: Cell, policy: Policy) -> tuple[str, ...]:
    where = "" if cell.crossing else " (at home)"
    flow = policy.flow_named(cell.flow)
    sender = "any office" if len(flow.from_roles) > 8 else cell.from_role  # noqa: PLR2004 - as above
    permits = [rule for rule in cell.rules if not rule.startswith("floor/")]
    own = [need for need in cell.conditions if need.rule in permits]
    opened = say_clauses([clause for need in own for clause in need.lifts])
    only = [escape(opened)] if opened else []
    only += ["shared"] if cell.scoped else []
    only += [f'<a href="#{cell.flow}">the gates of the message</a>'] if cell.conditions else []
    return (
        f"{sender}, <code>{cell.flow}</code>{where}",
        cell.purpose,
        "; ".join(only) or "always",
        "<br>".join(_named(policy.rule(rule)) for rule in permits),
    )


def _named(rule: Rule) -> str:
    cites = escape(", ".join(rule.cite))
    return f'<span class="rule">{rule.id}</span> <span class="cite">{cites}</span>'


def _by_message(cells: Sequence[Cell], policy: Policy) -> Iterable[str]:
    for flow in sorted(policy.flows.values(), key=lambda each: each.code):
        mine = [cell for cell in cells if cell.flow == flow.name and cell.verdict != "never"]
        yield f'<h3 id="{flow.name}"><code>{flow.name}</code></h3>'
        yield f"<p>{escape(flow.explain)} Purpose: {flow.purpose}.</p>"
        needs: dict[str, Need] = {
            need.rule: need
            for cell in mine
            for need in cell.conditions
            if need.rule.startswith("floor/")
        }
        if not needs:
            yield '<p class="never">No gate binds it.</p>'
            continue
        yield "<table><thead><tr><th>Rule</th><th>In words</th><th>Passes where</th></tr></thead>"
        yield "<tbody>"
        for need in needs.values():
            rule = policy.rule(need.rule)
            yield f"<tr><td>{_named(rule)}</td><td>{escape(rule.explain)}</td>"
            yield f"<td>{_passes(need)}</td></tr>"
        yield "</tbody></table>"


def _passes(need: Need) -> str:
    bound = f"Binds where {escape(say_clauses(need.when))}. " if need.when else ""
    lifts = escape(say_clauses(need.lifts)).replace("; or ", ";<br>or ")
    if not lifts:
        return f"{bound}Nothing lifts it."
    return f"{bound}Lifted where {lifts}" if bound else lifts


def _rules(rules: Iterable[Rule]) -> Iterable[str]:
    yield "<table><thead><tr><th>Rule</th><th>Right</th><th>In words</th><th>Source</th></tr>"
    yield "</thead><tbody>"
    for rule in rules:
        mark = ' class="derived"' if rule.weight == "derived" else ""
        yield f'<tr><td><span class="rule">{rule.id}</span></td><td>{escape(rule.right)}</td>'
        yield f"<td{mark}>{escape(rule.explain)}</td>"
        cites = escape(", ".join(rule.cite))
        yield f'<td class="cite">{cites}<br>{rule.weight}</td></tr>'
    yield "</tbody></table>"
