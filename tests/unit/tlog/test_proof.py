"""Offline proofs: strict to parse, and bound to leaf, place and log."""

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from xref.tlog import checkpoint as checkpoints
from xref.tlog.checkpoint import Checkpoint
from xref.tlog.cosignature import cosign
from xref.tlog.note import NoteError, SignatureError, Signer
from xref.tlog.proof import InclusionProof, parse
from xref.tlog.tree import ProofError, Tree, leaf_hash

LOG = Signer("log.example/a", Ed25519PrivateKey.from_private_bytes(bytes(32)))
TREE = Tree(lambda *_: None, 0)
TREE.append([leaf_hash(bytes([i])) for i in range(11)])
HEAD = Checkpoint(LOG.name, TREE.size, TREE.root())
PROOF = InclusionProof(6, tuple(TREE.inclusion(6)), checkpoints.sign(HEAD, LOG))
DATA = PROOF.encode()


@given(st.integers(0, 10))
def test_every_leaf_proves_itself(index: int) -> None:
    proof = replace(PROOF, index=index, hashes=tuple(TREE.inclusion(index)))
    assert parse(proof.encode()) == proof
    assert parse(proof.encode()).verify(TREE.leaf(index), LOG.verifier) == HEAD


def test_a_log_of_one_leaf_needs_no_path() -> None:
    leaf = leaf_hash(b"")
    proof = InclusionProof(0, (), checkpoints.sign(Checkpoint(LOG.name, 1, leaf), LOG))
    assert parse(proof.encode()).verify(leaf, LOG.verifier).size == 1


@given(st.integers(0, len(DATA)), st.integers(0, 3), st.binary(max_size=3))
def test_a_mutation_is_refused_or_is_canonical(at: int, removed: int, inserted: bytes) -> None:
    mutated = DATA[:at] + inserted + DATA[at + removed :]
    try:
        proof = parse(mutated)
    except NoteError:
        return
    assert proof.encode() == mutated
    if mutated != DATA:
        with pytest.raises((NoteError, ProofError)):
            proof.verify(TREE.leaf(6), LOG.verifier)


@given(st.binary())
def test_noise(noise: bytes) -> None:
    with pytest.raises(NoteError):
        parse(noise)


HASH_LINE = base64.b64encode(PROOF.hashes[0]) + b"\n"


@pytest.mark.parametrize(
    "spoilt",
    [
        DATA + b"\n",
        DATA[:-1],
        DATA.replace(b"@v1", b"@v2"),
        DATA.replace(b"\nindex", b"\nextra AAAA\nindex"),
        DATA.replace(b"index 6", b"index 06"),
        DATA.replace(b"index 6", b"index"),
        DATA.replace(b"index 6\n", b""),
        DATA.replace(HASH_LINE, HASH_LINE.replace(b"=", b"")),
        DATA.replace(HASH_LINE, base64.b64encode(bytes(31)) + b"\n"),
        DATA.replace(HASH_LINE, HASH_LINE * 80),
        DATA.replace(HASH_LINE, b"\n" + HASH_LINE),
        DATA.replace(b"\n", b"\r\n"),
        DATA + b"\xff",
        DATA * 40,
        b"c2sp.org/tlog-proof@v1\n\n" + PROOF.checkpoint_note.encode(),
        b"",
    ],
)
def test_malformed_proofs(spoilt: bytes) -> None:
    with pytest.raises(NoteError) as caught:
        parse(spoilt)
    assert not isinstance(caught.value, SignatureError)


def test_proof_for_another_place_or_leaf() -> None:
    with pytest.raises(ProofError):
        replace(PROOF, index=7).verify(TREE.leaf(6), LOG.verifier)
    with pytest.raises(ProofError):
        PROOF.verify(TREE.leaf(7), LOG.verifier)
    with pytest.raises(ProofError):
        replace(PROOF, index=11).verify(TREE.leaf(6), LOG.verifier)


def test_swapped_sibling() -> None:
    first, second, *rest = PROOF.hashes
    with pytest.raises(ProofError):
        replace(PROOF, hashes=(second, first, *rest)).verify(TREE.leaf(6), LOG.verifier)


def test_checkpoint_of_another_log() -> None:
    other = Signer("log.example/b", LOG.key)
    head = Checkpoint(other.name, HEAD.size, HEAD.root)
    moved = replace(PROOF, checkpoint_note=checkpoints.sign(head, other))
    with pytest.raises(SignatureError):
        moved.verify(TREE.leaf(6), LOG.verifier)


def test_cosigned_checkpoint_in_a_proof() -> None:
    cosigned = replace(PROOF, checkpoint_note=cosign(PROOF.checkpoint_note, "w", LOG.key, 1))
    with pytest.raises(SignatureError):
        parse(cosigned.encode()).verify(TREE.leaf(6), LOG.verifier)
