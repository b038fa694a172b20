"""Writes docs/reference/agreements.md from the shipped profiles."""

from collections.abc import Iterator
from pathlib import Path

from xref.agreement_commands import shipped_agreements
from xref.policy import Agreement
from xref.policy.invariants import read_invariants
from xref.policy.rulebook import read_rulebook
from xref.sources import read_sources

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "agreements.md"
_HEAD = """# Agreements

Which agreements ship as profiles, whom each covers by which line of a source, and what no source
says. Made from `policies/agreements/` by `python tests/docs/make_agreements.py`;
`xref policy agreements` prints the same. Those in the table take the shared [flows](flows.md) and
permits, which are proved once for all of them
([ADR 57](../adr/0057-agreements-are-profiles.md)). To add one:
[add a corridor](../how-to/add-a-corridor.md).
"""


def page() -> str:
    """Return the whole page."""
    found = shipped_agreements()
    shared = [each for each in found if each.shared_flows]
    parts = [_HEAD, *_table(shared)]
    for each in found:
        parts += [] if each.shared_flows else _own(each)
    return "\n".join(parts).rstrip() + "\n"


def _table(agreements: list[Agreement]) -> Iterator[str]:
    yield "| id | agreement | Parties | covers | source | bases | silent on |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for each in agreements:
        scope = each.personal_scope
        covers = f"{scope.persons}: “{scope.says}”"
        if scope.fallback is not None:
            cites = ", ".join(scope.fallback.cite)
            covers += f"; the others by the fallback, flagged ({cites}, {scope.fallback.weight})"
        cites = ", ".join(dict.fromkeys((*each.cite, *scope.cite)))
        bases = "its own six" if each.identification_bases else "the shared ones, not agreed"
        yield (
            f"| `{each.id}` | {each.title} | {', '.join(each.parties)} | {covers} | {cites} "
            f"| {bases} | {'; '.join(each.silent)} |"
        )
    yield ""


def _own(agreement: Agreement) -> Iterator[str]:
    files = read_sources(ROOT / "policies", ROOT / "schemas", None, (agreement.id,))
    rulebook = read_rulebook(files)
    yield f"## `{agreement.id}`\n\n{agreement.title}. Source: {', '.join(agreement.cite)}."
    yield f"Silent on: {'; '.join(agreement.silent)}.\n"
    yield "| code | flow | from | to | record | answer due |\n| --- | --- | --- | --- | --- | --- |"
    for flow in rulebook.flows.values():
        if flow.owner == agreement.id:
            due = f"within {flow.expects.within_days} d" if flow.expects else ""
            ends = f"{', '.join(flow.from_roles)} | {', '.join(flow.to_roles)}"
            yield f"| {flow.code} | `{flow.name}` | {ends} | `{flow.schema}` | {due} |"
    yield "\n| source | weight | permit | in words |\n| --- | --- | --- | --- |"
    for permit in rulebook.permits:
        rule = permit.rule
        if rule.id.startswith(f"{agreement.id}/"):
            yield f"| {', '.join(rule.cite)} | {rule.weight} | `{rule.id}` | {rule.explain} |"
    yield "\n| source | proved as | in words |\n| --- | --- | --- |"
    for each in read_invariants(files, rulebook):
        names = each.selector.flows or ()
        if any(rulebook.flows[name].owner == agreement.id for name in names):
            yield f"| {', '.join(each.cite)} | `{each.id}` | {each.says} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
