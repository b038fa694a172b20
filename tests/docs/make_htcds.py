"""Make docs/reference/htcds.md from schemas/mappings/htcds.toml; a test compares them."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MAPPING = ROOT / "schemas" / "mappings" / "htcds.toml"
PAGE = ROOT / "docs" / "reference" / "htcds.md"
HEAD = """\
# Fields of the HTCDS

How the core fields of IOM's Human Trafficking Case Data Standard (CC BY 4.0, IOM), and a few others
of the person, are written in xref's records, and which are deliberately in none.

"""


TAIL = """
## IC-TIP

The International Classification for Administrative Data on Trafficking in Persons (IC-TIP, of UNODC
and IOM; adopted by the United Nations Statistical Commission in 2025, earlier ICS-TIP) has four
elements: events of trafficking, victims, perpetrators and reporting entities. **Its variables and
codes are not mapped**, because no copy of the classification could be read when this was written:
the custodians' pages describe it and link to it, and the copies at hand end there
([ADR 53](../adr/0053-ic-tip-is-not-mapped-yet.md)). What its elements would meet here:

| element | here |
| --- | --- |
| event | no record of its own: acts, means and places are an investigation's |
| form of exploitation | `exploitation_types`; a Party's own codes stand behind its letters |
| victim | the records about a person; what of it crosses is in the table above, as in HTCDS |
| perpetrator | none: suspects and victims share no record, and no flow has suspects (ADR 36) |
| reporting entity | the office of the header, with its role in the directory |

Counts for such statistics come from an office's own case system, not from what crosses a border:
a message has less than a statistic asks, and its trail has no value at all.
"""


def mapping() -> dict[str, dict[str, Any]]:
    """Return the mapped fields by their HTCDS names."""
    found: dict[str, dict[str, Any]] = tomllib.loads(MAPPING.read_text(encoding="utf-8"))["field"]
    return found


def page() -> str:
    """Return the page."""
    text = HEAD + "## Mapped\n\n| HTCDS | xref | remarks |\n| --- | --- | --- |\n"
    for name, each in mapping().items():
        if "fields" in each:
            codes = "; ".join(
                f"{theirs} is `{ours}`" for theirs, ours in each.get("codes", {}).items()
            )
            remarks = " ".join(filter(None, (each.get("explain", ""), codes)))
            fields = ", ".join(f"`{field}`" for field in each["fields"])
            text += f"| `{name}` | {fields} | {remarks} |\n"
    text += "\n## Left out\n\n| HTCDS | why |\n| --- | --- |\n"
    left = {name: each["left_out"] for name, each in mapping().items() if "left_out" in each}
    rows = "".join(f"| `{name}` | {why} |\n" for name, why in left.items())
    return text + rows + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
