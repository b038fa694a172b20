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
    return text + "".join(f"| `{name}` | {why} |\n" for name, why in left.items())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
