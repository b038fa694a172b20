"""Make the vectors of schemas, bundles and decisions.

Run it only for a new version of a format:

    PYTHONPATH=src:tests .venv/bin/python tests/vectors/make_policy.py

What is committed is final: other implementations are held to it.
"""

import copy
import json
from pathlib import Path
from typing import Any

from unit.bundle.signed_bundle import (
    CHILD_RETURN_FACTS,
    OPEN_FACTS,
    OWN_CHOICE_FACTS,
    RETURN_FACTS,
    WINDOW,
    draft,
    party_keys,
    party_signer,
    signed_note,
    sources,
)
from unit.schema.test_schema_files import BAD, GOOD
from unit.schema.test_values import ATTACKS, SCHEMA
from xref.bundle import note_text, sign
from xref.policy import Permit, Question
from xref.tlog.note import sign as sign_note
from xref.wire.schema import Schema

HERE = Path(__file__).parent
Case = dict[str, Any]
RETURN: Case = {"flow": 48}
EMERGENCY: Case = {"flow": 23, "scope": [], "live": False}
DANGER = {
    "age_status": "verified-child",
    "guardian": "none",
    "sharing_consent": "not-sought",
    "confidentiality_warning": "none",
    "disclosure_ground": "child-best-interests",
}
ADULT = {"age_status": "verified-adult"}
APPROVED = {"second_approval": "given"}
REFUSED_ONCE = {"sharing_consent": "withdrawn", "disclosure_ground": "vital-interest"}
EARLY = CHILD_RETURN_FACTS | {"best_interests": "assessed", "family_check": "pending"}
BORDER: Case = {"flow": 52, "from_role": "immigration", "to_role": "border-guard", "cause": 50}


def write(name: str, bases: Case, cases: list[Case]) -> None:
    """Write one file of vectors; its folder is the format, its stem the operation."""
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    document = {
        "format": path.parent.name,
        "operation": path.stem,
        "bases": bases,
        "cases": cases,
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def case(name: str, comment: str, expect: str, inputs: Case, **shows: Any) -> Case:
    """Return one case."""
    return {"name": name, "comment": comment, "expect": expect, "inputs": inputs, "shows": shows}


def schema_files() -> list[Case]:
    """Return schema files that are one, and many that are none."""
    cases = []
    for path in sorted(path for path in sources() if path.endswith(".avsc")):
        schema = Schema.parse(sources()[path])
        text = sources()[path].decode()
        shown = {"canonical": schema.canonical.decode(), "digest": schema.digest32.hex()}
        cases.append(case(Path(path).stem, "as shipped", "ok", {"schema": text}, **shown))
    for name, edit in BAD.items():
        document = copy.deepcopy(GOOD)
        edit(document)
        inputs = {"schema": json.dumps(document)}
        cases.append(case(name, name.replace("-", " "), "refused", inputs))
    return cases


def schema_values() -> list[Case]:
    """Return values in their one form, and bytes that only resemble it."""
    good: list[tuple[str, Any]] = [
        ("text", "Nguyễn"),
        ("text", "ສົມພອນ"),
        ("text", ""),
        ("small", -(2**31)),
        ("large", 2**63 - 1),
        ("flag", True),
        ("code", "C"),
        ("texts", []),
        ("texts", ["a", "b"]),
        ("rows", [{"left": "a", "right": [-1, 300]}]),
    ]
    cases = [case("absent", "null, whatever the type", "ok", {"field": "text", "bytes": "00"})]
    for place, (field, value) in enumerate(good):
        encoded = SCHEMA.by_name[field].encode(value).hex()
        inputs = {"field": field, "bytes": encoded}
        cases.append(case(f"value-{place}", f"a value of {field}", "ok", inputs, value=value))
    for name, (field, encoded) in ATTACKS.items():
        inputs = {"field": field, "bytes": encoded}
        cases.append(case(name, name.replace("-", " "), "malformed", inputs))
    return cases


def bundles() -> list[Case]:
    """Return notes over one set of files: the good one, and those that must not open it."""
    text = note_text(draft().digest32, *WINDOW)
    both = [party_signer("LA"), party_signer("VN")]
    good = signed_note(draft())
    shown = {
        "manifest": draft().manifest.decode(),
        "digest": draft().digest32.hex(),
        "valid_from_ms": WINDOW[0],
        "valid_until_ms": WINDOW[1],
    }
    one = sign(None, draft(), WINDOW, party_signer("LA"))
    lines = good.splitlines(keepends=True)
    swapped = "".join([*lines[:-2], lines[-1], lines[-2]])
    refused = {
        "one-signature": ("only one Party signed", one),
        "no-signature": ("the text alone", text + "\n"),
        "signed-twice": ("one Party signed twice", good + lines[-1]),
        "other-window": ("the validity was changed after signing", good.replace("176", "175", 1)),
        "other-files": (
            "the digest is of other files",
            sign_note(note_text(bytes(32), *WINDOW), both),
        ),
        "empty-window": (
            "valid until before valid from",
            sign_note(note_text(draft().digest32, WINDOW[1], WINDOW[0]), both),
        ),
        "leading-zero": (
            "a time with a leading zero",
            sign_note(text.replace("\n17", "\n017"), both),
        ),
        "other-version": ("another version", sign_note(text.replace("v1", "v2", 1), both)),
        "extra-line": ("a line too many", sign_note(f"{text}more\n", both)),
        "stranger": ("a third signature", sign_note(text, [*both, party_signer("TH")])),
    }
    return [
        case("good", "signed by both Parties", "ok", {"note": good}, **shown),
        case("any-order", "the signatures in the other order", "ok", {"note": swapped}, **shown),
        *(case(name, why, "refused", {"note": note}) for name, (why, note) in refused.items()),
    ]


_DIRECTORY = """\
[parties.LA]
name = "A"

[parties.VN]
name = "B"

[offices.LAHOP001]
party = "LA"
role = "hop"
hop = "LAHOP001"
name = "C"

[offices.VNHOP001]
party = "VN"
role = "hop"
hop = "VNHOP001"
name = "D"
"""


def directories() -> list[Case]:
    """Return directories that say how many shards a hop has, and those that may not say it so."""
    old = _DIRECTORY.replace('name = "C"', 'shard = 0\nname = "C"')
    good = {
        "one-shard": ("none are named: one", _DIRECTORY, 1),
        "office-shard-0": ("an office may still say 0", old, 1),
        "two-shards": ("two", "shards = 2\n" + _DIRECTORY, 2),
        "most-shards": ("as many as there may be", "shards = 64\n" + _DIRECTORY, 64),
    }
    refused = {
        "no-shards": ("none at all", "shards = 0\n" + _DIRECTORY),
        "too-many-shards": ("one too many", "shards = 65\n" + _DIRECTORY),
        "shards-text": ("a text", 'shards = "2"\n' + _DIRECTORY),
        "shards-true": ("a truth value is no number", "shards = true\n" + _DIRECTORY),
        "shards-of-one-hop": (
            "one hop's own number: a link needs the shard at both ends",
            _DIRECTORY.replace('name = "C"', 'shards = 2\nname = "C"'),
        ),
        "office-shard-1": ("an office on another shard", old.replace("shard = 0", "shard = 1")),
    }
    return [
        *(case(n, w, "ok", {"directory": t}, shards=shown) for n, (w, t, shown) in good.items()),
        *(case(n, why, "refused", {"directory": text}) for n, (why, text) in refused.items()),
    ]


def decisions() -> list[Case]:
    """Return questions and what the rules of the bundle beside them answer."""
    blank = dict.fromkeys(draft().policy.facts.names, "unknown")
    child = {"age_status": "presumed-child", "guardian": "appointed"}
    heard = {"best_interests": "assessed", "child_views": "heard"}
    asked: list[tuple[str, str, dict[str, str], Case]] = [
        ("open", "every gate is open", {}, {}),
        ("asylum-unknown", "asylum unknown", {"asylum": "unknown"}, {}),
        ("asylum-pending", "asylum pending", {"asylum": "pending"}, {}),
        ("fear", "fear of the State of origin", {"origin_fear": "authorities"}, {}),
        ("all-unknown", "nothing was asked", blank, {}),
        ("child", "a child without assessment", child, {}),
        ("child-path", "a child on the child path", child | heard, {}),
        ("vital-interest", "another ground", {"disclosure_ground": "vital-interest"}, {}),
        ("late-warning", "warned too late", {"confidentiality_warning": "late"}, {}),
        ("refused-service", "services refused", {"assistance_consent": "refused"}, {}),
        ("not-established", "no status", {"victim_status": "not-established"}, {}),
        ("expired-record", "the sharing consent's record expired", {}, {"live": False}),
        ("narrow", "a sharing consent to the name alone", {}, {"scope": ["full_name_native"]}),
        ("empty-scope", "a sharing consent to nothing", {}, {"scope": []}),
        ("nothing-carried", "no field", {}, {"carried": []}),
        ("wrong-role", "to a police office", {}, {"to_role": "police"}),
        ("domestic", "within one Party", {}, {"same_party": True}),
        ("unknown-flow", "a flow of no agreement", {}, {"flow": 65_535}),
        ("return", "a return that every gate lets pass", RETURN_FACTS, RETURN),
        ("own-choice", "an adult goes home without an assessment", OWN_CHOICE_FACTS, RETURN),
        ("nobody-asked", "a return of which nothing was asked", {}, RETURN),
        ("child-return", "a child's return on all elements", CHILD_RETURN_FACTS, RETURN),
        ("child-return-early", "a child's return on an assessment alone", EARLY, RETURN),
        ("emergency", "a child's emergency, approved", DANGER | APPROVED, EMERGENCY),
        ("emergency-unapproved", "the same, approved by nobody", DANGER, EMERGENCY),
        ("emergency-adult", "of an adult", DANGER | APPROVED | ADULT, EMERGENCY),
        ("emergency-withdrawn", "withdrawn", DANGER | APPROVED | REFUSED_ONCE, EMERGENCY),
        ("other-ground-return", "a return on another ground", DANGER | APPROVED, RETURN),
        ("border", "a travel notice, asked for at home", RETURN_FACTS, BORDER),
        ("border-uncaused", "the same, asked for by nobody", RETURN_FACTS, BORDER | {"cause": 0}),
    ]
    return [_decision(*each) for each in asked]


def _decision(name: str, comment: str, answers: dict[str, str], changes: Case) -> Case:
    policy = draft().policy
    flow = policy.flows.get(changes.get("flow", 16), policy.flows[16])
    schema = policy.schema_for(flow)
    names = list(schema.by_name)
    inputs: Case = {
        "flow": 16,
        "from_role": "nrm",
        "to_role": "nrm",
        "same_party": False,
        "facts": policy.facts.encode(OPEN_FACTS | answers).hex(),
        "carried": names,
        "scope": names,
        "live": True,
        "cause": 0,
        **changes,
    }
    answer = policy.decide(
        Question(
            flow=inputs["flow"],
            from_role=inputs["from_role"],
            to_role=inputs["to_role"],
            same_party=inputs["same_party"],
            facts=bytes.fromhex(inputs["facts"]),
            carried_mask=schema.mask_of(inputs["carried"]),
            sharing_consent_mask=schema.mask_of(inputs["scope"]),
            sharing_consent_live=inputs["live"],
            cause_flow=inputs["cause"],
        )
    )
    if not isinstance(answer, Permit):
        told = [reason.rule for reason in answer.reasons]
        return case(name, comment, "refusal", inputs, reasons=told)
    return case(
        name,
        comment,
        "permit",
        inputs,
        disclosed=list(schema.names_of(answer.mask)),
        withheld={each.field: list(each.rules) for each in answer.withheld},
        retention_days=answer.retention_days,
        obligations=list(answer.obligations),
    )


def main() -> None:
    """Write all five files."""
    sample = {"schema": SCHEMA.canonical.decode()}
    files = {path: data.decode() for path, data in draft().files.items()}
    keys = {party: key.hex() for party, key in party_keys().items()}
    write("schema/parse.json", {}, schema_files())
    write("schema/value.json", sample, schema_values())
    write("bundle/open.json", {"files": files, "keys": keys}, bundles())
    write("bundle/directory.json", {}, directories())
    write("policy/decide.json", {"bundle": "../bundle/open.json"}, decisions())


if __name__ == "__main__":
    main()
