"""Write the vectors of the trail: entries, their leaves, and a signed head over them.

Run `python tests/vectors/make_trail.py` from the checkout with the package installed. The output is
the same every time; a test compares it with the file. What each member means is in docs/spec.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rfc6962 import naive_root
from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.note import Signer
from xref.trail import entry_leaf
from xref.wire.office import trail_name

HERE = Path(__file__).parent
Case = dict[str, Any]
ORIGIN = trail_name("LAHOP001", 0)
AT_MS = 1_795_161_600_000
LINK = "xref/link/v1/LANRM001/LAHOP001/0"
OUT_LINK = "xref/link/v1/LAHOP001/VNHOP001/0"
BACK_LINK = "xref/link/v1/VNHOP001/LAHOP001/0"


def digest(name: str) -> str:
    return sha256(b"vector " + name.encode()).hexdigest()


def nonce(name: str) -> str:
    return digest("nonce " + name)


MESSAGE = digest("message")[:32]
_SEEN: Case = {
    "at_ms": AT_MS,
    "message": MESSAGE,
    "flow": 4,
    "from": "LANRM001",
    "to": "VNNRM001",
    "bundle": digest("bundle"),
    "link": LINK,
    "index": 0,
    "facts": {"age_status": "adult", "asylum_state": "none"},
    "facts_c": digest("facts"),
}
GOOD: dict[str, Case] = {
    "started": {
        "kind": "started",
        "at_ms": AT_MS,
        "bundles": [digest("bundle")],
        "generation": 1,
        "version": 1,
    },
    "keyring": {"kind": "keyring", "at_ms": AT_MS, "party": "VN", "version": 3},
    "released": {
        **_SEEN,
        "kind": "released",
        "consent_digest": digest("sharing consent"),
        "out_link": OUT_LINK,
        "out_index": 0,
        "release": digest("release"),
        "disclosed": ["referral_id"],
        "withheld": [{"field": "family_name_native", "rules": ["floor/sharing-consent-scope"]}],
        "rules": ["la-vn-2010/referral"],
        "obligations": ["erase"],
        "erase_by_ms": AT_MS + 86_400_000,
    },
    "refused": {**_SEEN, "kind": "refused", "index": 1, "reasons": ["floor/asylum"]},
    "rejected": {
        "kind": "rejected",
        "at_ms": AT_MS,
        "link": LINK,
        "index": 2,
        "fault": "release-mismatch",
    },
    "stubbed": {"kind": "stubbed", "at_ms": AT_MS, "link": LINK, "index": 3},
    "read": {
        "kind": "read",
        "at_ms": AT_MS,
        "message": MESSAGE,
        "from": "VNHOP001",
        "link": BACK_LINK,
        "index": 0,
        "items": 2,
    },
    "answered": {
        "kind": "answered",
        "at_ms": AT_MS,
        "message": MESSAGE,
        "flow": 1,
        "from": "LAHOP001",
        "to": "LANRM001",
        "out_link": "xref/link/v1/LAHOP001/LANRM001/0",
        "out_index": 0,
        "release": digest("receipt"),
        "items": 3,
    },
    "emptied": {
        "kind": "emptied",
        "at_ms": AT_MS,
        "message": "00112233445566778899aabbccddeeff",
        "out_link": OUT_LINK,
        "out_index": 0,
    },
    "acknowledged": {"kind": "acknowledged", "at_ms": AT_MS, "link": OUT_LINK, "size": 1},
    "stopped": {
        "kind": "stopped",
        "at_ms": AT_MS,
        "link": BACK_LINK,
        "reason": f"{BACK_LINK}: a root conflicts with the mirror",
        "parcel": digest("parcel"),
    },
    "noted": {
        "kind": "noted",
        "at_ms": AT_MS,
        "message": MESSAGE,
        "from": "LANRM001",
        "code": "kept-by-order",
        "digest": digest("noted"),
        "until_ms": AT_MS + 86_400_000,
    },
    "ground": {
        "kind": "ground",
        "at_ms": AT_MS,
        "message": MESSAGE,
        "flow": 23,
        "ground": "child-best-interests",
    },
    "bundle": {
        "kind": "bundle",
        "at_ms": AT_MS,
        "bundle": digest("bundle"),
        "change": "activated",
        "from_ms": AT_MS,
        "until_ms": AT_MS + 31_536_000_000,
        "in_force": sorted((digest("bundle"), digest("bundle before"))),
    },
    "overlay": {
        "kind": "overlay",
        "at_ms": AT_MS,
        "party": "LA",
        "version": 2,
        "overlay": digest("overlay"),
        "suspended": ["LANRM001"],
    },
}


def entry(name: str, encoded: str, expect: str = "malformed", *, comment: str = "") -> Case:
    case: Case = {"name": name, "operation": "entry", "expect": expect, "entry": encoded}
    if comment:
        case["comment"] = comment
    case["nonce"] = nonce(name)
    if expect == "ok":
        case["leaf"] = entry_leaf(bytes.fromhex(case["nonce"]), encoded.encode()).hex()
    return case


def changed(kind: str, /, **members: object) -> str:
    return rfc8785.dumps(GOOD[kind] | members).decode()


def malformed() -> list[Case]:
    acknowledged = changed("acknowledged")
    without = {name: value for name, value in GOOD["stubbed"].items() if name != "index"}
    return [
        entry("empty", ""),
        entry("not-json", "stubbed"),
        entry("not-an-object", "[]"),
        entry("no-kind", "{}"),
        entry("unknown-kind", changed("stubbed", kind="delivered")),
        entry("unknown-member", changed("stubbed", note="x")),
        entry("missing-member", rfc8785.dumps(without).decode()),
        entry("white-space", acknowledged.replace(",", ", ")),
        entry("trailing-newline", acknowledged + "\n"),
        entry("two-values", acknowledged + acknowledged),
        entry("member-twice", acknowledged.replace("{", f'{{"at_ms":{AT_MS},', 1)),
        entry("members-out-of-order", json.dumps(GOOD["stubbed"], separators=(",", ":"))),
        entry("escaped-letter", changed("stubbed").replace("LAHOP001", "\\u004cAHOP001")),
        entry("number-with-a-fraction", changed("acknowledged").replace(":1}", ":1.0}")),
        entry("number-with-an-exponent", acknowledged.replace('"size":1', '"size":1e0')),
        entry("number-negative", changed("stubbed", index=-1)),
        entry("number-not-finite", acknowledged.replace('"size":1', '"size":NaN')),
        entry("number-beyond-2-to-the-53", acknowledged.replace(str(AT_MS), str(2**53))),
        entry("number-is-true", changed("stubbed", index=True)),
        entry("number-is-text", changed("stubbed", index="0")),
        entry("flow-zero", changed("answered", flow=0)),
        entry("office-lower-case", changed("read", **{"from": "vnhop001"})),
        entry("link-of-one-office", changed("stubbed", link="xref/link/v1/LAHOP001/LAHOP001/0")),
        entry("link-is-a-list", changed("stubbed", link=[LINK])),
        entry("message-in-capitals", changed("read", message=MESSAGE.upper())),
        entry("message-too-short", changed("read", message=MESSAGE[2:])),
        entry("digest-too-long", changed("answered", release=digest("receipt") + "00")),
        entry("party-of-three-letters", changed("keyring", party="VNM")),
        entry(
            "fact-answered-in-words",
            changed("refused", facts={"age_status": "About 17, she says"}),
            comment="a fact's answer is a code of the bundle; free text could hold anything",
        ),
        entry("rule-with-a-space", changed("refused", reasons=["because of her"])),
        entry("field-in-another-script", changed("released", disclosed=["ຊື່"])),
        entry("withheld-with-a-value", changed("released", withheld=[{"field": "a", "value": 1}])),
        entry("ground-in-words", changed("ground", ground="Her life is in danger.")),
        entry("fault-in-words", changed("rejected", fault="The name is wrong.")),
        entry("reason-too-long", changed("stopped", reason="x" * 501)),
    ]


def heads() -> list[Case]:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(digest("log key")))
    other = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(digest("other key")))
    listed = [entry(kind, changed(kind), "ok")["leaf"] for kind in GOOD]
    leaves = [bytes.fromhex(each) for each in listed]

    def head(name: str, expect: str, signer: Signer, size: int, **members: object) -> Case:
        note = checkpoints.sign(Checkpoint(signer.name, size, naive_root(leaves)), signer)
        case = {"name": name, "operation": "head", "expect": expect, "origin": ORIGIN}
        public = key.public_key().public_bytes_raw().hex()
        return {**case, "public": public, "leaves": listed, "note": note, **members}

    own = Signer(ORIGIN, key)
    swapped = [listed[1], listed[0], *listed[2:]]
    return [
        head("head", "ok", own, len(leaves)),
        head("head-by-another-key", "unsigned", Signer(ORIGIN, other), len(leaves)),
        head("head-of-another-trail", "unsigned", Signer(trail_name("VNHOP001", 0), key), 12),
        head("head-of-another-size", "unproved", own, len(leaves) - 1),
        head("head-over-swapped-leaves", "unproved", own, len(leaves), leaves=swapped),
        head("head-over-fewer-leaves", "unproved", own, len(leaves), leaves=listed[:-1]),
    ]


def cases() -> list[Case]:
    return [*(entry(kind, changed(kind), "ok") for kind in GOOD), *malformed(), *heads()]


def written() -> str:
    return json.dumps(cases(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (HERE / "trail" / "cases.json").write_text(written(), encoding="utf-8")
