"""Make docs/reference/value-kinds.md from the code; a test compares them."""

from collections.abc import Iterator
from pathlib import Path

from docs.make_flows import shipped
from xref.code_lists import CodeList, shipped_lists
from xref.policy import Crossing
from xref.wire.value_kind import KINDS, ValueKind, kind_named

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "value-kinds.md"
HEAD = """\
# Kinds of values

What a field's text stands for: the schema names each field's kind (`xref.value`). An adapter
writes values in these forms; `xref desk submit` names file, line and field where it does not. The
exact forms are in [spec/value](../spec/value.md).

| kind | what it is | example | today's list |
| --- | --- | --- | --- |
"""
LISTS = """
## Lists of today

An office cannot send a code that is on none of them; a receiver keeps one that it does not know.
A new version of xref brings newer lists (`schemas/lists/`).

| list | standard | taken from | on | codes |
| --- | --- | --- | --- | --- |
"""
FORMER = """
## Former codes and their successors

A code that is no longer in use stays good: registers and documents of before name a place by
it. Where a person is to go there, whoever submits the record is told to look. The place that
took over, by list:

| list | former | today | since | by |
| --- | --- | --- | --- | --- |
"""
CROSSINGS = """
## Crossings of the agreements

A desk holds `crossing_point` to the crossings of the agreement whose flow it is, which every
Party has signed. An unknown one is refused in a notice to a border guard, who has to stand
there; in any other record it goes, and whoever submits it is told to look, because a person who
comes another way must still be announced. The receiving office is shown it too. Codes with a 9
in third place are ours, where UN/LOCODE has none.

| agreement | code | crossing | across | code from | source | taken on |
| --- | --- | --- | --- | --- | --- | --- |
"""


def _row(name: str, kind: ValueKind) -> str:
    shown = kind.example.replace("\n", "` `")
    return f"| `{name}` | {kind.says} | `{shown}` | {kind.listed or '-'} |\n"


def _list(found: CodeList) -> str:
    of = f", complete for {' '.join(sorted(found.complete))}" if found.complete else ""
    return (
        f"| `{found.name}` | {found.standard}{of} | {found.taken_from} | {found.taken_on} | "
        f"{len(found.codes)} |\n"
    )


def _former(found: CodeList) -> Iterator[str]:
    for former, today in sorted(found.successors.items()):
        since, source = found.successors_since, found.successors_from
        yield f"| `{found.name}` | `{former}` | `{today}` | {since} | {source} |\n"


def _crossing(agreement: str, each: Crossing) -> str:
    across = f"`{each.opposite}`" if each.opposite else "-"
    by = "ours" if each.is_ours else "UN/LOCODE"
    where = f"| {agreement} | `{each.code}` | {each.name} | {across} | {by} |"
    return f"{where} {each.source} | {each.taken_on} |\n"


def page() -> str:
    """Return the page."""
    open_list = kind_named("code-list:exploitation")
    assert open_list is not None
    rows = [_row(name, kind) for name, kind in KINDS.items()]
    rows.append(_row("code-list:NAME", open_list).replace("| exploitation |", "| NAME |"))
    lists = shipped_lists().values()
    agreements = shipped().policy.agreements.values()
    former = (row for found in lists for row in _former(found))
    crossings = (_crossing(a.id, each) for a in agreements for each in a.crossings.values())
    return "".join((HEAD, *rows, LISTS, *map(_list, lists), FORMER, *former, CROSSINGS, *crossings))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
