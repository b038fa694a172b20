"""Make docs/reference/value-kinds.md from the code; a test compares them."""

from pathlib import Path

from xref.code_lists import CodeList, shipped_lists
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


def _row(name: str, kind: ValueKind) -> str:
    shown = kind.example.replace("\n", "` `")
    return f"| `{name}` | {kind.says} | `{shown}` | {kind.listed or '-'} |\n"


def _list(found: CodeList) -> str:
    of = f", complete for {' '.join(sorted(found.complete))}" if found.complete else ""
    return (
        f"| `{found.name}` | {found.standard}{of} | {found.taken_from} | {found.taken_on} | "
        f"{len(found.codes)} |\n"
    )


def page() -> str:
    """Return the page."""
    open_list = kind_named("code-list:exploitation")
    assert open_list is not None
    rows = [_row(name, kind) for name, kind in KINDS.items()]
    rows.append(_row("code-list:NAME", open_list).replace("| exploitation |", "| NAME |"))
    return HEAD + "".join(rows) + LISTS + "".join(map(_list, shipped_lists().values()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
