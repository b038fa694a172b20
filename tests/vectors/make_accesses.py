"""Write the vectors of exports of an office's accesses.

Run `PYTHONPATH=tests python tests/vectors/make_accesses.py` with the package installed. What is
committed is final: other implementations are held to it.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import rfc8785

from unit.audit.tampering import LA, rewrite_trail, stores
from unit.audit.test_accesses import OFFICE, READER, went_to_the_office
from world import NOW_MS, SeededEntropy, party_keys
from xref.accesses import accesses_of, read_accesses, seal_accesses
from xref.errors import ConfigError
from xref.state import State
from xref.tlog.proof import encode_hashes
from xref.trail import Trail
from xref.wire.office import trail_name

HERE = Path(__file__).parent / "accesses"
Case = dict[str, Any]


def case(base: Case, name: str, expect: str, without: int | None = None, **changes: Any) -> Case:
    """A case of reading, with what is shown; fails where the outcome is another."""
    made: Case = {"name": name, "expect": expect, "changes": changes}
    document = {**base, **changes}
    if without is not None:
        made["without"] = without
        document["entries"] = [e for i, e in enumerate(base["entries"]) if i != without]
    try:
        found = read_accesses(json.dumps(document).encode(), party_keys()["LA"])
    except ConfigError:
        assert expect == "refused", name
        return made
    assert expect == ("problems" if found.problems else "ok"), (name, found.problems)
    made["shows"] = {"indexes": [index for index, _ in found.entries], "links": dict(found.links)}
    return made


def another_release(base: Case) -> Case:
    """The entries alone as a trail that its hop signs, one with a release that never went."""
    told = [(bytes.fromhex(e["nonce"]), json.loads(e["entry"])) for e in base["entries"]]
    at = next(place for place, (_, entry) in enumerate(told) if went_to_the_office(entry))
    told[at] = (told[at][0], {**told[at][1], "release": "5a" * 32})
    store = stores()[LA]
    rewrite_trail(store, told)
    trail = Trail(State(store), trail_name(LA, 0))
    entries = [
        {
            "index": index,
            "nonce": nonce.hex(),
            "entry": rfc8785.dumps(entry).decode(),
            "path": encode_hashes(trail.tree.inclusion(index)),
        }
        for index, (nonce, entry) in enumerate(told)
    ]
    return {"head": trail.checkpoint, "entries": entries}


def main() -> None:
    data = accesses_of(stores()[LA], OFFICE, LA, 0, NOW_MS)
    base: Case = json.loads(data)
    notes = list(base["links"].values())
    exchanged = dict(zip(base["links"], notes[::-1], strict=True))
    kinds = [json.loads(e["entry"])["kind"] for e in base["entries"]]
    moved = {**base["entries"][0], "index": base["entries"][0]["index"] + 1}
    others = {"xref/link/v1/VNHOP001/LAHOP001/0": notes[0]}
    cases = [
        case(base, "good", "ok"),
        case(base, "without-a-release", "problems", without=kinds.index("released")),
        case(base, "without-a-refusal", "problems", without=kinds.index("refused")),
        case(base, "without-an-acknowledgement", "ok", without=kinds.index("acknowledged")),
        case(base, "an-entry-moved", "problems", entries=[moved, *base["entries"][1:]]),
        case(base, "no-links", "problems", links={}),
        case(base, "link-of-others", "problems", links=others),
        case(base, "head-of-a-link", "refused", head=notes[0]),
        case(base, "links-exchanged", "refused", links=exchanged),
        case(base, "of-another-hop", "refused", hop="VNHOP001"),
        case(base, "of-another-shard", "refused", shard=1),
        case(base, "of-no-office", "refused", office="LA"),
        case(base, "of-another-version", "refused", format="xref/accesses/v2"),
    ]
    cases.append(case(base, "another-release-than-the-links", "problems", **another_release(base)))
    key = party_keys()["LA"].hex()
    write("read", {"export": data.decode(), "party_key": key}, cases)
    small = b'{"format":"xref/accesses/v1"}'
    sealed = seal_accesses(small, OFFICE, READER.public)
    digest = {"sha256": hashlib.sha256(small).hexdigest()}
    files = {
        "good": sealed,
        "for-another-office": sealed.replace(b"LANRM001", b"LANAT001"),
        "another-version": sealed.replace(b"/v1", b"/v2"),
        "another-key-id": sealed[:25] + bytes(8) + sealed[33:],
        "cut-off": sealed[:-1],
        "a-byte-more": sealed + b"\0",
        "header-alone": sealed[:33],
        "empty": b"",
    }
    seed = SeededEntropy("reader")(32).hex()
    opened = [
        {"name": name, "file": file.hex(), "seed": seed}
        | ({"expect": "ok", "shows": digest} if name == "good" else {"expect": "refused"})
        for name, file in files.items()
    ]
    write("open", {}, opened)


def write(operation: str, bases: Case, cases: list[Case]) -> None:
    document = {"format": "accesses", "operation": operation, "bases": bases, "cases": cases}
    HERE.mkdir(exist_ok=True)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (HERE / f"{operation}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
