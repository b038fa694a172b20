"""Make docs/reference/schema-rules.md from the code; a test compares them."""

from pathlib import Path

from xref.schema_check import CONTENT, HISTORY, RULES
from xref.wire.schema_fault import STRUCTURE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "schema-rules.md"
HEAD = """\
# Rules of schemas

`xref schema check DIR` names file, field, rule and cure for every break, and ends with 1 if there
is one; `make check` runs it over `schemas/`. What a schema of a bundle must be is in
[spec/schema](../spec/schema.md).
"""
PARTS = (
    ("Structure", "Without these no desk or hop reads a schema at all.", tuple(STRUCTURE)),
    (
        "Content",
        "These keep out what no record may carry, and ask for what every field must say.",
        tuple(CONTENT),
    ),
    ("History", "With `--history DIR`, once for each earlier version.", (HISTORY,)),
)


def page() -> str:
    """Return the page."""
    text = HEAD
    for title, says, names in PARTS:
        rows = "".join(f"| `{name}` | {RULES[name]} |\n" for name in names)
        text += f"\n## {title}\n\n{says}\n\n| rule | says |\n| --- | --- |\n{rows}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
