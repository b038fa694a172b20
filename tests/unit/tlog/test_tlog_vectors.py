"""The published vectors of the log formats, run one by one, and made again from nothing."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from vectors import make_tlog
from xref.tlog import checkpoint as checkpoints
from xref.tlog import proof, witness
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.cosignature import verify_cosigned
from xref.tlog.note import NoteError, SignatureError, Verifier, open_note
from xref.tlog.tree import ProofError, Tree, leaf_hash, verify_consistency, verify_inclusion

VECTORS = Path(make_tlog.__file__).parent
Case = dict[str, Any]


def cases(folder: str) -> list[Any]:
    listed = json.loads((VECTORS / folder / "cases.json").read_text(encoding="utf-8"))
    names = [case["name"] for case in listed]
    assert len(set(names)) == len(names)
    return [pytest.param(case, id=case["name"]) for case in listed]


def outcome(check: Callable[[Case], str | None], case: Case) -> str:
    try:
        return check(case) or "ok"
    except SignatureError:
        return "unsigned"
    except NoteError:
        return "malformed"
    except ProofError:
        return "unproved"


def verifier(given: Case) -> Verifier:
    return Verifier(given["name"], bytes.fromhex(given["public"]), given["type"])


def check_tree(case: Case) -> None:
    raw = {name: bytes.fromhex(case[name]) for name in case if name.endswith(("root", "_hash"))}
    path = [bytes.fromhex(item) for item in case.get("proof", [])]
    match case["operation"]:
        case "inclusion":
            verify_inclusion(raw["leaf_hash"], case["index"], case["size"], path, raw["root"])
        case "consistency":
            sizes = case["old_size"], case["new_size"]
            verify_consistency(*sizes, path, raw["old_root"], raw["new_root"])
        case made:
            tree = Tree(lambda *_: None, 0)
            leaves = [leaf_hash(i.to_bytes(8, "big")) for i in range(case["count"])]
            tiles = tree.append(leaves)
            if made == "root":
                assert tree.root() == raw["root"]
            else:
                assert case["tiles"] == {
                    f"{level}/{index}": {
                        "hashes": len(data) // 32,
                        "sha256": sha256(data).hexdigest(),
                    }
                    for (level, index), data in tiles.items()
                }


def check_note(case: Case) -> None:
    text, names = open_note(case["note"], [verifier(item) for item in case["verifiers"]])
    assert (text, names) == (case["text"], case["names"])


def check_checkpoint(case: Case) -> None:
    head = checkpoints.open_checkpoint(case["note"], verifier(case["verifier"]))
    assert head == Checkpoint(case["origin"], case["size"], bytes.fromhex(case["root"]))


def check_cosignature(case: Case) -> None:
    keys = verifier(case["log"]), verifier(case["cosigner"])
    head, time = verify_cosigned(case["note"], *keys)
    assert (head.size, time) == (case["size"], case["time"])


def check_proof(case: Case) -> None:
    parsed = proof.parse(case["proof"].encode())
    assert parsed.encode().decode() == case["proof"]
    parsed.verify(bytes.fromhex(case["leaf_hash"]), verifier(case["verifier"]))


def check_witness(case: Case) -> str | None:
    if case["operation"] == "answer":
        answer = witness.parse_answer(case["status"], case["body"].encode())
        names = {witness.Cosigned: "ok", witness.Conflict: "conflict", witness.Refused: "refused"}
        return names[type(answer)]
    try:
        request = witness.parse_add_checkpoint(case["body"].encode())
    except NoteError:
        assert case["status"] == witness.BAD_REQUEST
        raise
    origin = request.checkpoint.origin
    trusted = {item["name"]: verifier(item) for item in case["trusted"]}
    known = case["latest"]
    latest = known and Checkpoint(origin, known["size"], bytes.fromhex(known["root"]))
    verdict = witness.consider(request, trusted.get(origin), latest)
    assert (verdict.status, verdict.body) == (case["status"], case["answer"])
    named = {200: "ok", 400: "malformed", 403: "unsigned", 404: "unknown", 422: "unproved"}
    return "fork" if verdict.is_fork else named.get(verdict.status, "conflict")


@pytest.mark.parametrize("case", cases("tree"))
def test_tree_vectors(case: Case) -> None:
    assert outcome(check_tree, case) == case["expect"]


@pytest.mark.parametrize("case", cases("note"))
def test_note_vectors(case: Case) -> None:
    assert outcome(check_note, case) == case["expect"]


@pytest.mark.parametrize("case", cases("checkpoint"))
def test_checkpoint_vectors(case: Case) -> None:
    assert outcome(check_checkpoint, case) == case["expect"]


@pytest.mark.parametrize("case", cases("cosignature"))
def test_cosignature_vectors(case: Case) -> None:
    assert outcome(check_cosignature, case) == case["expect"]


@pytest.mark.parametrize("case", cases("proof"))
def test_proof_vectors(case: Case) -> None:
    assert outcome(check_proof, case) == case["expect"]


@pytest.mark.parametrize("case", cases("witness"))
def test_witness_vectors(case: Case) -> None:
    assert outcome(check_witness, case) == case["expect"]


@pytest.mark.parametrize("folder", make_tlog.FOLDERS)
def test_the_script_makes_the_same_vectors_again(folder: str) -> None:
    stored = (VECTORS / folder / "cases.json").read_text(encoding="utf-8")
    assert make_tlog.encoded(folder) == stored
