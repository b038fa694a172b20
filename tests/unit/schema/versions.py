"""A world in which last version's offices and this version's meet."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import releases
from world import DAY_MS, NOW_MS, World, sign_bundle
from xref.bundle import Bundle, build
from xref.sources import read_sources

ADDED, RETIRED, WIDENED = "handling_code", "name_script", "languages"
_ADDED_ID = 60_000
_TOUCHED = ("victim_referral", "referral_response")


@dataclass(frozen=True, slots=True)
class Versions:
    """The bundle of the last release, and the one that follows it; both in force on `NOW_MS`."""

    last: Bundle
    this: Bundle


def last_release() -> releases.Release:
    """Return the newest final release; before there is one, the release to come."""
    known = releases.releases()
    return next((each for each in reversed(known) if each.is_final), known[-1])


def change_schemas(folder: Path) -> None:
    """Change the schemas in a folder as a later version may."""
    for name in _TOUCHED:
        file = folder / f"{name}.avsc"
        file.write_bytes(_changed(json.loads(file.read_bytes())))


@cache
def versions() -> Versions:
    """Return the last release's bundle and one of what stands now, with more changes on top.

    So there are always changes of every allowed kind between the two.
    """
    last = last_release()
    sources = read_sources(releases.ROOT / "policies", releases.ROOT / "schemas")
    for name in _TOUCHED:
        path = f"schemas/{name}.avsc"
        sources[path] = _changed(json.loads(sources[path]))
    return Versions(
        sign_bundle(last.draft(), (NOW_MS - 30 * DAY_MS, NOW_MS + 10 * DAY_MS)),
        sign_bundle(build(sources), (NOW_MS - 10 * DAY_MS, NOW_MS + 100 * DAY_MS)),
    )


def _changed(document: dict[str, Any]) -> bytes:
    """Add a field, retire one, raise a bound."""
    retired = [each for each in document["fields"] if each["name"] == RETIRED]
    document["fields"] = [each for each in document["fields"] if each not in retired]
    document["xref.retired_ids"] = [
        *document.get("xref.retired_ids", []),
        *(each["xref.id"] for each in retired),
    ]
    for each in document["fields"]:
        if each["name"] == WIDENED:
            each["type"][1]["xref.max_items"] += 8
    document["fields"].append(
        {
            "name": ADDED,
            "type": ["null", "string"],
            "default": None,
            "doc": "How the referral is handled.",
            "xref.id": _ADDED_ID,
            "xref.value": "token",
            "xref.source": "ours",
            "xref.category": "reference",
            "xref.sensitivity": "operational",
        }
    )
    return json.dumps(document).encode()


@dataclass
class MixedWorld(World):
    """Some offices work by the last bundle, the others by this one.

    All hold both, but for those in `only_last`, which do not have this one.
    """

    behind: tuple[str, ...] = ()
    only_last: tuple[str, ...] = ()

    def trusted(self, name: str) -> list[Bundle]:
        both = versions()
        return [both.last] if name in self.only_last else [both.last, both.this]

    def works_by(self, office: str) -> bytes:
        return versions().last.digest32 if office in self.behind else b""
