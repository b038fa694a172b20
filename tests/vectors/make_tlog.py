"""Write the vectors of the log formats: tree, note, checkpoint, cosignature, proof, witness.

Run `python tests/vectors/make_tlog.py` from the checkout with the package installed. The output is
the same every time; a test compares it with the files. What each member means is in docs/spec.
"""

import base64
import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xref.tlog import checkpoint as checkpoints
from xref.tlog import note
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.cosignature import cosign, cosigner
from xref.tlog.note import SignatureLine, Signer, Verifier
from xref.tlog.proof import InclusionProof
from xref.tlog.tree import EMPTY_ROOT, Tree, leaf_hash
from xref.tlog.witness import encode_add_checkpoint

HERE = Path(__file__).parent
Case = dict[str, Any]


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(b"vector key " + name.encode()).digest())


LOG = Signer("log.example/a", key("log"))
OTHER = Signer("log.example/b", key("other"))
PEER_KEY = key("peer")
PEER = cosigner("peer.example", PEER_KEY)
WITNESS_KEY = key("witness")
WITNESS = cosigner("witness.example", WITNESS_KEY)
TIME = 1_700_000_000


def leaf(index: int) -> bytes:
    return leaf_hash(index.to_bytes(8, "big"))


def grown(count: int, *, other_from: int | None = None) -> Tree:
    """Grow a tree whose leaf i is the 8 bytes of i; another history from `other_from` on."""
    tiles: dict[tuple[int, int], bytes] = {}
    tree = Tree(lambda level, index: tiles.get((level, index)), 0)
    fork = count if other_from is None else other_from
    tiles.update(tree.append([leaf(i if i < fork else i + 2**32) for i in range(count)]))
    return tree


TREE = grown(600)
FORK = grown(600, other_from=5)


def hexes(hashes: Sequence[bytes]) -> list[str]:
    return [item.hex() for item in hashes]


def verifier(key_: Verifier) -> Case:
    return {"name": key_.name, "public": key_.public.hex(), "type": key_.kind}


def flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


# Trees.


def inclusion(
    name: str, index: int, size: int, expect: str = "unproved", /, **changed: Any
) -> Case:
    case: Case = {"name": name, "operation": "inclusion", "expect": expect}
    case |= {"leaf_hash": leaf(index).hex(), "index": index, "size": size}
    case |= {"proof": hexes(TREE.inclusion(index, size)), "root": TREE.root(size).hex()}
    return case | changed


def consistency(name: str, old: int, new: int, expect: str = "unproved", /, **changed: Any) -> Case:
    case: Case = {"name": name, "operation": "consistency", "expect": expect}
    case |= {"old_size": old, "new_size": new, "proof": hexes(TREE.consistency(old, new))}
    case |= {"old_root": TREE.root(old).hex(), "new_root": TREE.root(new).hex()}
    return case | changed


def roots() -> list[Case]:
    return [
        {
            "name": f"root-of-{count}",
            "comment": "leaf i is the number i in 8 bytes, big-endian",
            "operation": "root",
            "count": count,
            "root": grown(count).root().hex(),
            "expect": "ok",
        }
        for count in (0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 600)
    ]


def tiles() -> Case:
    stored = Tree(lambda *_: None, 0).append([leaf(i) for i in range(600)])
    digests = {
        f"{level}/{index}": {"hashes": len(data) // 32, "sha256": sha256(data).hexdigest()}
        for (level, index), data in sorted(stored.items())
    }
    comment = "tile level/index; leaves as in the roots"
    return {
        "name": "tiles-of-600",
        "comment": comment,
        "operation": "tiles",
        "count": 600,
        "tiles": digests,
        "expect": "ok",
    }


def tree_cases() -> list[Case]:
    places = [(0, 1), (0, 2), (1, 2), (2, 3), (4, 5), (5, 7), (7, 8), (8, 9), (3, 256), (256, 257)]
    places += [(300, 600), (599, 600), (511, 600)]
    pairs = [(0, 0), (0, 5), (1, 1), (1, 2), (2, 3), (3, 4), (4, 8), (5, 8), (6, 11), (7, 7)]
    pairs += [(255, 256), (256, 257), (256, 600), (300, 600), (599, 600)]
    path = TREE.inclusion(5, 11)
    grow = TREE.consistency(6, 11)
    zeros = bytes(32).hex()
    return [
        *roots(),
        tiles(),
        *(inclusion(f"leaf-{i}-of-{size}", i, size, "ok") for i, size in places),
        *(consistency(f"from-{old}-to-{new}", old, new, "ok") for old, new in pairs),
        inclusion("swapped-sibling", 5, 11, proof=hexes([path[1], path[0], *path[2:]])),
        inclusion("flipped-sibling", 5, 11, proof=hexes([flipped(path[0]), *path[1:]])),
        inclusion("sibling-left-out", 5, 11, proof=hexes(path[1:])),
        inclusion("apex-left-out", 5, 11, proof=hexes(path[:-1])),
        inclusion("trailing-hash", 5, 11, proof=[*hexes(path), zeros]),
        inclusion("short-hash", 5, 11, proof=[path[0].hex()[:-2], *hexes(path[1:])]),
        inclusion("another-leaf", 5, 11, leaf_hash=leaf(6).hex()),
        inclusion("another-index", 5, 11, index=4),
        inclusion("index-at-size", 5, 11, index=11),
        inclusion("another-size", 5, 11, size=32),
        inclusion("another-root", 5, 11, root=TREE.root(12).hex()),
        inclusion("root-of-a-fork", 5, 11, root=FORK.root(11).hex()),
        inclusion("empty-tree", 0, 1, size=0, root=EMPTY_ROOT.hex()),
        inclusion("inner-node-as-leaf", 4, 11, leaf_hash=path[1].hex(), proof=hexes(path[1:])),
        consistency("fork", 6, 11, new_root=FORK.root(11).hex()),
        consistency(
            "fork-with-its-own-proof",
            6,
            11,
            new_root=FORK.root(11).hex(),
            proof=hexes(FORK.consistency(6, 11)),
        ),
        consistency("fork-at-one-size", 7, 7, new_root=FORK.root(7).hex()),
        consistency("rollback", 6, 11, old_size=11, new_size=6),
        consistency("swapped-hash", 6, 11, proof=hexes([grow[1], grow[0], *grow[2:]])),
        consistency("flipped-hash", 6, 11, proof=hexes([*grow[:-1], flipped(grow[-1])])),
        consistency("hash-left-out", 6, 11, proof=hexes(grow[1:])),
        consistency("trailing-hash-in-growth", 6, 11, proof=[*hexes(grow), zeros]),
        consistency("no-proof", 6, 11, proof=[]),
        consistency("proof-from-nothing", 0, 5, proof=[zeros]),
        consistency("proof-of-no-change", 7, 7, proof=[zeros]),
        consistency("empty-log-with-a-root", 0, 5, old_root=zeros),
        consistency(
            "complete-tree-repeated", 4, 8, proof=hexes([TREE.root(4), *TREE.consistency(4, 8)])
        ),
    ]


# Notes.

TEXT = "first line\n\nthird line, \N{LATIN SMALL LETTER E WITH ACUTE}\n"
NOTE = note.sign(TEXT, [LOG])
LOG_LINE = note.split(NOTE)[1][0]
ENCODED = LOG_LINE.text.split(" ")[2].strip()


def noted(text: str, lines: Sequence[SignatureLine]) -> str:
    return text + "\n" + "".join(line.text for line in lines)


def note_case(name: str, text: str, expect: str = "malformed", /, **more: Any) -> Case:
    case: Case = {"name": name, "note": text, "verifiers": [verifier(LOG.verifier)]}
    return case | {"expect": expect} | more


def note_cases() -> list[Case]:
    by_other = OTHER.sign(TEXT)
    wrong = SignatureLine(LOG.name, LOG_LINE.key_id, flipped(LOG_LINE.signature))
    spare = ENCODED[:-2] + chr(ord(ENCODED[-2]) + 1) + "="
    opened: Case = {"text": TEXT, "names": [LOG.name]}
    return [
        note_case("one-signature", NOTE, "ok", **opened),
        note_case("unknown-signature-ignored", noted(TEXT, [by_other, LOG_LINE]), "ok", **opened),
        note_case("sixteen-signatures", noted(TEXT, [LOG_LINE, *[by_other] * 15]), "ok", **opened),
        note_case("seventeen-signatures", noted(TEXT, [LOG_LINE, *[by_other] * 16])),
        note_case("unknown-signature-only", noted(TEXT, [by_other]), "unsigned"),
        note_case(
            "same-name-other-key", note.sign(TEXT, [Signer(LOG.name, OTHER.key)]), "unsigned"
        ),
        note_case("wrong-signature", noted(TEXT, [wrong]), "unsigned"),
        note_case("wrong-signature-beside-a-good-one", noted(TEXT, [LOG_LINE, wrong]), "unsigned"),
        note_case("changed-text", NOTE.replace("first", "worst"), "unsigned"),
        note_case("trailing-newline", NOTE + "\n"),
        note_case("trailing-text", NOTE + "more"),
        note_case("last-line-unended", NOTE[:-1]),
        note_case("no-signature", TEXT + "\n"),
        note_case("no-empty-line", "one line\n" + LOG_LINE.text),
        note_case("hyphen-for-dash", NOTE.replace("— ", "- ")),
        note_case("two-spaces", NOTE.replace("example/a ", "example/a  ")),
        note_case("carriage-return", NOTE.replace("first line", "first line\r")),
        note_case("tab-in-text", NOTE.replace("first", "fi\trst")),
        note_case("plus-in-name", NOTE.replace("log.example/a", "log+a")),
        note_case("no-break-space-in-name", NOTE.replace("log.example/a", "log\u00a0a")),
        note_case("empty-name", NOTE.replace("log.example/a", "")),
        note_case("base64-unpadded", NOTE.replace(ENCODED, ENCODED.rstrip("="))),
        note_case("base64-spare-bits", NOTE.replace(ENCODED, spare)),
        note_case("base64-not", NOTE.replace(ENCODED, "!" + ENCODED[1:])),
        note_case("signature-empty", noted(TEXT, [SignatureLine(LOG.name, LOG_LINE.key_id, b"")])),
        note_case("nothing", ""),
    ]


# Checkpoints.

HEAD = Checkpoint(LOG.name, 11, TREE.root(11))
SIGNED = checkpoints.sign(HEAD, LOG)


def head_case(name: str, text: str, expect: str = "malformed") -> Case:
    case: Case = {"name": name, "note": text, "verifier": verifier(LOG.verifier)}
    if expect == "ok":
        head = checkpoints.parse(note.split(text)[0])
        case |= {"origin": head.origin, "size": head.size, "root": head.root.hex()}
    return case | {"expect": expect}


def resigned(old: str, new: str) -> str:
    """Sign a changed text, so that only the form of the checkpoint is at fault."""
    return note.sign(HEAD.text.replace(old, new), [LOG])


def checkpoint_cases() -> list[Case]:
    empty = checkpoints.sign(Checkpoint(LOG.name, 0, EMPTY_ROOT), LOG)
    root = base64.b64encode(HEAD.root).decode()
    return [
        head_case("good", SIGNED, "ok"),
        head_case("empty-log", empty, "ok"),
        head_case("largest-size", resigned("\n11\n", f"\n{2**63 - 1}\n"), "ok"),
        head_case("size-too-large", resigned("\n11\n", f"\n{2**63}\n")),
        head_case("size-with-leading-zero", resigned("\n11\n", "\n011\n")),
        head_case("size-with-sign", resigned("\n11\n", "\n+11\n")),
        head_case("size-in-other-digits", resigned("\n11\n", "\n١١\n")),
        head_case("size-empty", resigned("\n11\n", "\n\n")),
        head_case("origin-empty", resigned(LOG.name, "")),
        head_case("root-short", resigned(root, base64.b64encode(HEAD.root[:31]).decode())),
        head_case("root-long", resigned(root, base64.b64encode(HEAD.root + b"0").decode())),
        head_case("root-unpadded", resigned(root, root.rstrip("="))),
        head_case("root-missing", resigned(root + "\n", "")),
        head_case("extension-line", resigned(root + "\n", root + "\nextension\n")),
        head_case("too-long", note.sign("a" * 4096 + "\n" + HEAD.text, [LOG])),
        head_case("second-signature-line", note.sign(HEAD.text, [LOG, OTHER]), "unsigned"),
        head_case("same-signature-twice", note.sign(HEAD.text, [LOG, LOG]), "unsigned"),
        head_case("signed-by-another-name", note.sign(HEAD.text, [OTHER]), "unsigned"),
        head_case("origin-of-another-log", resigned(LOG.name, OTHER.name), "unsigned"),
        head_case("size-changed", SIGNED.replace("\n11\n", "\n10\n"), "unsigned"),
        head_case(
            "cosignature-for-signature",
            cosign(SIGNED, LOG.name, LOG.key, TIME).replace(note.split(SIGNED)[1][0].text, ""),
            "unsigned",
        ),
    ]


# Cosignatures.

COSIGNED = cosign(SIGNED, PEER.name, PEER_KEY, TIME)


def cosigned_case(name: str, text: str, expect: str = "unsigned", /, **more: Any) -> Case:
    case: Case = {"name": name, "note": text, "log": verifier(LOG.verifier)}
    return case | {"cosigner": verifier(PEER), "expect": expect} | more


def with_line(time: int, signature: bytes) -> str:
    return SIGNED + SignatureLine(PEER.name, PEER.key_id, time.to_bytes(8, "big") + signature).text


def cosignature_cases() -> list[Case]:
    log_line, peer_line = note.split(COSIGNED)[1]
    raw = peer_line.signature[8:]
    far = 2**63
    return [
        cosigned_case("good", COSIGNED, "ok", time=TIME, size=11),
        cosigned_case("time-zero", cosign(SIGNED, PEER.name, PEER_KEY, 0), "ok", time=0, size=11),
        cosigned_case("not-cosigned", SIGNED),
        cosigned_case("cosigner-first", noted(HEAD.text, [peer_line, log_line])),
        cosigned_case("cosigned-twice", COSIGNED + peer_line.text),
        cosigned_case("third-line", cosign(COSIGNED, WITNESS.name, WITNESS_KEY, TIME)),
        cosigned_case("another-cosigner", cosign(SIGNED, WITNESS.name, WITNESS_KEY, TIME)),
        cosigned_case("cosigners-name-other-key", cosign(SIGNED, PEER.name, WITNESS_KEY, TIME)),
        cosigned_case("backdated", with_line(TIME - 1, raw)),
        cosigned_case("signature-long", with_line(TIME, raw + b"\0")),
        cosigned_case("signature-short", with_line(TIME, raw[:-1])),
        cosigned_case(
            "time-beyond-63-bits",
            with_line(far, PEER_KEY.sign(note.cosignature_message(HEAD.text, far))),
        ),
        cosigned_case(
            "plain-signature-for-cosignature",
            note.sign(HEAD.text, [LOG, Signer(PEER.name, PEER_KEY)]),
        ),
        cosigned_case("size-changed", COSIGNED.replace("\n11\n", "\n10\n")),
        cosigned_case("trailing-newline", COSIGNED + "\n", "malformed"),
    ]


# Offline proofs.

PROOF = InclusionProof(5, tuple(TREE.inclusion(5, 11)), SIGNED)
PROOF_TEXT = PROOF.encode().decode()


def proof_case(name: str, text: str, expect: str = "malformed", of: int = 5) -> Case:
    case: Case = {"name": name, "proof": text, "leaf_hash": leaf(of).hex()}
    return case | {"verifier": verifier(LOG.verifier), "expect": expect}


def proof_cases() -> list[Case]:
    first, second = (base64.b64encode(item).decode() + "\n" for item in PROOF.hashes[:2])
    index = "index 5\n"
    alone = InclusionProof(0, (), checkpoints.sign(Checkpoint(LOG.name, 1, leaf(0)), LOG))
    return [
        proof_case("good", PROOF_TEXT, "ok"),
        proof_case("only-leaf", alone.encode().decode(), "ok", of=0),
        proof_case("another-leaf", PROOF_TEXT, "unproved", of=6),
        proof_case("another-index", PROOF_TEXT.replace(index, "index 4\n"), "unproved"),
        proof_case("index-at-size", PROOF_TEXT.replace(index, "index 11\n"), "unproved"),
        proof_case(
            "swapped-sibling", PROOF_TEXT.replace(first + second, second + first), "unproved"
        ),
        proof_case("sibling-left-out", PROOF_TEXT.replace(first, ""), "unproved"),
        proof_case("trailing-sibling", PROOF_TEXT.replace(first, first + first), "unproved"),
        proof_case(
            "checkpoint-of-a-fork",
            InclusionProof(
                5,
                PROOF.hashes,
                checkpoints.sign(Checkpoint(LOG.name, 11, FORK.root(11)), LOG),
            )
            .encode()
            .decode(),
            "unproved",
        ),
        proof_case("checkpoint-changed", PROOF_TEXT.replace("\n11\n", "\n12\n"), "unsigned"),
        proof_case("checkpoint-cosigned", PROOF_TEXT + note.split(COSIGNED)[1][1].text, "unsigned"),
        proof_case("extra-line", PROOF_TEXT.replace("\nindex", "\nextra AAAA\nindex")),
        proof_case("another-version", PROOF_TEXT.replace("@v1", "@v2")),
        proof_case("index-with-leading-zero", PROOF_TEXT.replace(index, "index 05\n")),
        proof_case("index-missing", PROOF_TEXT.replace(index, "")),
        proof_case("hash-unpadded", PROOF_TEXT.replace(first, first.replace("=", ""))),
        proof_case("hash-short", PROOF_TEXT.replace(first, "AAAA\n")),
        proof_case("64-hashes", PROOF_TEXT.replace(first, first * 62)),
        proof_case("no-empty-line", PROOF_TEXT.replace("\n\nlog", "\nlog")),
        proof_case("two-empty-lines", PROOF_TEXT.replace("\n\nlog", "\n\n\nlog")),
        proof_case("carriage-returns", PROOF_TEXT.replace("\n", "\r\n")),
        proof_case("trailing-newline", PROOF_TEXT + "\n"),
        proof_case("truncated", PROOF_TEXT[:-1]),
        proof_case("nothing", ""),
    ]


# The witness.


def head_of(tree: Tree, size: int) -> Case:
    return {"size": size, "root": tree.root(size).hex()}


def request_body(old: int, size: int, tree: Tree = TREE, signer: Signer = LOG) -> str:
    signed = checkpoints.sign(Checkpoint(signer.name, size, tree.root(size)), signer)
    proof = tree.consistency(old, size) if old <= size else []
    return encode_add_checkpoint(old, proof, signed).decode()


def request_case(name: str, body: str, latest: int | None, status: int, /, **more: Any) -> Case:
    case: Case = {"name": name, "operation": "request", "body": body}
    case |= {"trusted": [verifier(LOG.verifier)], "status": status}
    case |= {"latest": None if latest is None else head_of(TREE, latest)}
    names = {200: "ok", 400: "malformed", 403: "unsigned", 404: "unknown"}
    names |= {409: "conflict", 422: "unproved"}
    return case | {"answer": "", "expect": names[status]} | more


def answer_case(name: str, status: int, body: str, expect: str = "malformed") -> Case:
    case: Case = {"name": name, "operation": "answer", "status": status, "body": body}
    return case | {"expect": expect}


def witness_cases() -> list[Case]:
    good = request_body(6, 11)
    hash_line = good.split("\n")[1] + "\n"
    line = note.split(cosign(SIGNED, WITNESS.name, WITNESS_KEY, TIME))[1][1].text
    empty = checkpoints.sign(Checkpoint(LOG.name, 0, bytes(32)), LOG)
    impostor = Signer(LOG.name, OTHER.key)
    told: Case = {"answer": "7\n"}
    return [
        request_case("first", request_body(0, 11), None, 200),
        request_case("growth", good, 6, 200),
        request_case("no-change", request_body(6, 6), 6, 200),
        request_case("empty-log", request_body(0, 0), None, 200),
        request_case("unknown-origin", request_body(6, 11, signer=OTHER), 6, 404),
        request_case("another-key", request_body(6, 11, signer=impostor), 6, 403),
        request_case("another-key-learns-no-size", request_body(5, 9, signer=impostor), 6, 403),
        request_case("checkpoint-changed", good.replace("\n11\n", "\n12\n"), 6, 403),
        request_case("old-beyond-new", request_body(9, 5), 9, 400),
        request_case("behind", good, 7, 409, **told),
        request_case("rollback", request_body(0, 5), 7, 409, **told),
        request_case("never-seen", good, None, 409, answer="0\n"),
        request_case("fork-at-one-size", request_body(7, 7, FORK), 7, 409, expect="fork", **told),
        request_case(
            "empty-log-with-a-root",
            f"old 0\n\n{empty}",
            None,
            409,
            expect="fork",
            answer="0\n",
        ),
        request_case("fork-behind-growth", request_body(6, 11, FORK), 6, 422),
        request_case("proof-left-out", good.replace(hash_line, ""), 6, 422),
        request_case(
            "proof-from-nothing", request_body(0, 11).replace("\n", "\n" + hash_line, 1), None, 422
        ),
        request_case("old-with-leading-zero", good.replace("old 6", "old 06"), 6, 400),
        request_case("old-missing", good.replace("old 6\n", ""), 6, 400),
        request_case("64-hashes", good.replace(hash_line, hash_line * 64), 6, 400),
        request_case("hash-unpadded", good.replace(hash_line, hash_line.replace("=", "")), 6, 400),
        request_case("extension-line", good.replace("=\n\n—", "=\nextension\n\n—"), 6, 400),
        request_case("no-empty-line", good.replace("=\n\nlog", "=\nlog"), 6, 400),
        request_case("trailing-newline", good + "\n", 6, 400),
        request_case("truncated", good[:-1], 6, 400),
        request_case("nothing", "", 6, 400),
        answer_case("cosigned", 200, line, "ok"),
        answer_case("cosigned-by-two", 200, line + line, "ok"),
        answer_case("told-a-size", 409, "17\n", "conflict"),
        answer_case("told-no-size", 409, ""),
        answer_case("size-unended", 409, "17"),
        answer_case("size-with-leading-zero", 409, "017\n"),
        answer_case("size-and-more", 409, "17\n\n"),
        answer_case("cosigned-by-nobody", 200, ""),
        answer_case("cosignature-unended", 200, line[:-1]),
        answer_case("seventeen-cosignatures", 200, line * 17),
        answer_case("refused", 422, "", "refused"),
    ]


FOLDERS: dict[str, Callable[[], list[Case]]] = {
    "tree": tree_cases,
    "note": note_cases,
    "checkpoint": checkpoint_cases,
    "cosignature": cosignature_cases,
    "proof": proof_cases,
    "witness": witness_cases,
}


def encoded(folder: str) -> str:
    """Return the file of a folder."""
    return json.dumps(FOLDERS[folder](), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every file."""
    for folder in FOLDERS:
        path = HERE / folder / "cases.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(encoded(folder), encoding="utf-8")


if __name__ == "__main__":
    main()
