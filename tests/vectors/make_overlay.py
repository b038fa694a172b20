"""Write the vectors of overlays: signed notes, and texts over the bundle of `bundle/open.json`.

Run `PYTHONPATH=tests python tests/vectors/make_overlay.py` with the package installed. What is
committed is final: other implementations are held to it.
"""

import json
from pathlib import Path
from typing import Any

from unit.bundle.signed_bundle import party_keys, party_signer
from unit.overlay.overlays import rule, suspended
from xref.overlay import draft_overlay, sign_overlay
from xref.tlog.note import sign

HERE = Path(__file__).parent
Case = dict[str, Any]
KEEP = 'flows = ["victim-referral"]\nfields = ["birth_date"]'
STRIP = rule("no-birth-date", "strip", KEEP)
PERMIT = """[[permit]]
id = "cooperation/service-referral-child"
cite = ["001:3033-3038"]
weight = "derived"
right = "the best interests of the child"
explain = "For a child, the service provider learns with whom the child is and who the guardian is."
flows = ["service-referral"]
from_roles = ["nrm"]
to_roles = ["service-provider"]
crossing = true
fields = ["accompaniment", "guardian_ref"]
retention_days = 180

[[permit.when]]
age_status = ["presumed-child", "verified-child"]
"""
DIGEST = "5a" * 32
OFFICIAL = f'[[suspended]]\noffice = "LANRM001"\nofficial = "{DIGEST}"\n'
CHANGES = {
    "same": ("", "", "ok", ""),
    "fewer-fields": (', "guardian_ref"', "", "ok", ""),
    "fewer-answers": (', "verified-child"', "", "ok", ""),
    "kept-shorter": ("180", "30", "ok", ""),
    "kept-longer": ("180", "181", "refused", ""),
    "an-answer-more": ('["presumed', '["verified-adult", "presumed', "refused", "accompaniment"),
    "no-condition": (PERMIT[PERMIT.index("\n[[permit.when]]") :], "", "refused", "accompaniment"),
    "a-field-more": ('"guardian_ref"', '"guardian_ref", "exploitation_types"', "ok", ""),
    "another-way": ("crossing = true\n", "", "ok", ""),
    "of-no-bundle": ("service-referral-child", "service-referral-adult", "refused", ""),
}  # fmt: skip


def opened() -> list[Case]:
    """Notes that are, or are not, a Party's overlay."""
    good = draft_overlay("LA", 3, suspended("LANRM001") + OFFICIAL + STRIP)
    note = sign_overlay(good, party_signer("LA"))
    bare = draft_overlay("LA", 1, "")
    empty = sign_overlay(bare, party_signer("LA"))
    another = sign(draft_overlay("VN", 1, "").text, [party_signer("LA")])
    changed = note.replace("birth_date", "birth_year")
    nothing = {"version": 1, "digest": bare.digest, "suspended": [], "rules": []}
    both = sign(good.text, [party_signer("LA"), party_signer("VN")])
    spare = good.text.replace("\n3\n", "\n03\n")
    texts = {
        "leading-zero": spare,
        "version-zero": good.text.replace("\n3\n", "\n0\n"),
        "other-title": good.text.replace("overlay/v1", "overlay/v2"),
        "unknown-table": good.text + "[[permits]]\n",
        "suspends-no-office": good.text.replace("LANRM001", "LANRM01"),
        "official-of-another-party": good.text.replace('"LANRM001"', '"VNNRM001"'),
        "official-by-name": good.text.replace(DIGEST, "Khamla"),
        "twice": good.text + OFFICIAL,
    }
    shown = {
        "version": 3,
        "digest": good.digest,
        "suspended": [{"office": e.office, "official": e.official} for e in good.suspended],
        "rules": sorted(good.rule_ids),
    }
    cases: list[Case] = [
        {"name": "good", "note": note, "party": "LA", "expect": "ok", "shows": shown},
        {"name": "says-nothing", "note": empty, "party": "LA", "expect": "ok", "shows": nothing},
        {"name": "of-another-party", "note": note, "party": "VN", "expect": "refused"},
        {"name": "signed-by-both", "note": both, "party": "LA", "expect": "refused"},
        {"name": "changed", "note": changed, "party": "LA", "expect": "refused"},
        {"name": "signed-for-another", "note": another, "party": "LA", "expect": "refused"},
    ]
    return cases + [
        {"name": name, "note": sign(text, [party_signer("LA")]), "party": "LA", "expect": "refused"}
        for name, text in texts.items()
    ]


def laid() -> list[Case]:
    """Texts over a bundle: what they may say, and the first field of what one would open."""
    cases: list[Case] = [
        {"name": f"permit-{name}", "source": PERMIT.replace(old, new, 1) if old else PERMIT,
         "expect": expect, "opens": opens}
        for name, (old, new, expect, opens) in CHANGES.items()
    ]  # fmt: skip
    sources = {
        "strip": (STRIP, "ok"),
        "refuse": (rule("closed", "refuse", 'flows = ["victim-referral"]'), "ok"),
        "ban": (STRIP.replace('"strip"', '"ban"'), "refused"),
        "of-another-party": (STRIP.replace("overlay-la", "overlay-vn"), "refused"),
        "as-if-of-the-floor": (STRIP.replace("overlay-la", "floor"), "refused"),
        "without-a-source": (STRIP.replace('cite = ["Decree 10, article 4"]\n', ""), "refused"),
        "unknown-field": (STRIP.replace("birth_date", "name_of_birth"), "refused"),
        "misspelt-condition": (STRIP + "unles = []\n", "refused"),
    }
    cases += [
        {"name": name, "source": source, "expect": expect, "opens": ""}
        for name, (source, expect) in sources.items()
    ]
    return cases


def write(operation: str, bases: Case, cases: list[Case]) -> None:
    document = {"format": "overlay", "operation": operation, "bases": bases, "cases": cases}
    file = HERE / "overlay" / f"{operation}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    keys = {party: public.hex() for party, public in party_keys().items()}
    write("open", {"keys": keys}, opened())
    write("narrow", {"bundle": "../bundle/open.json"}, laid())
