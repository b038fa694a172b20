"""Trees against a naive reading of RFC 6962, and forged proofs."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfc6962 import naive_root, naive_split
from xref.errors import EvidenceError
from xref.limits import TREE_TILES_CACHED_MAX
from xref.tlog.tree import (
    EMPTY_ROOT,
    ProofError,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)


def naive_path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = naive_split(len(hashes))
    if index < k:
        return [*naive_path(index, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_path(index - k, hashes[k:]), naive_root(hashes[:k])]


def naive_proof(old: int, hashes: Sequence[bytes], *, known: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if old == len(hashes):
        return [] if known else [naive_root(hashes)]
    k = naive_split(len(hashes))
    if old <= k:
        return [*naive_proof(old, hashes[:k], known=known), naive_root(hashes[k:])]
    return [*naive_proof(old - k, hashes[k:], known=False), naive_root(hashes[:k])]


def leaves(count: int, seed: bytes = b"") -> list[bytes]:
    return [leaf_hash(seed + i.to_bytes(8, "big")) for i in range(count)]


def grown(hashes: Sequence[bytes]) -> tuple[Tree, dict[tuple[int, int], bytes]]:
    tiles: dict[tuple[int, int], bytes] = {}
    tree = Tree(lambda level, index: tiles.get((level, index)), 0)
    tiles.update(tree.append(hashes))
    return tree, tiles


sizes = st.one_of(
    st.integers(1, 70), st.integers(250, 262), st.integers(500, 520), st.integers(60, 1100)
)


@given(st.lists(st.integers(1, 400), max_size=6))
def test_batches_give_the_root_of_the_whole(batches: list[int]) -> None:
    tiles: dict[tuple[int, int], bytes] = {}
    tree = Tree(lambda level, index: tiles.get((level, index)), 0)
    hashes = leaves(sum(batches))
    assert tree.root() == EMPTY_ROOT
    for count in batches:
        tiles.update(tree.append(hashes[tree.size : tree.size + count]))
        assert tree.root() == naive_root(hashes[: tree.size])
    assert tree.leaves(0, tree.size) == hashes
    assert Tree(lambda level, index: tiles.get((level, index)), tree.size).root() == tree.root()


@given(sizes, st.data())
@settings(max_examples=60)
def test_proofs_are_those_of_rfc_6962(size: int, data: st.DataObject) -> None:
    tree, _ = grown(leaves(size))
    new = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, new - 1))
    old = data.draw(st.integers(1, new))
    hashes = leaves(new)
    assert tree.inclusion(index, new) == naive_path(index, hashes)
    assert tree.consistency(old, new) == naive_proof(old, hashes)
    verify_inclusion(hashes[index], index, new, tree.inclusion(index, new), tree.root(new))
    verify_consistency(old, new, tree.consistency(old, new), tree.root(old), tree.root(new))


def test_every_small_tree() -> None:
    tree, _ = grown(leaves(34))
    for size in range(1, 35):
        for index in range(size):
            proof = tree.inclusion(index, size)
            verify_inclusion(tree.leaf(index), index, size, proof, tree.root(size))
        for old in range(size + 1):
            proof = tree.consistency(old, size)
            verify_consistency(old, size, proof, tree.root(old), tree.root(size))


@given(st.integers(2, 300), st.data())
def test_a_changed_inclusion_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    tree, _ = grown(leaves(size))
    index = data.draw(st.integers(0, size - 1))
    proof, leaf, root = tree.inclusion(index), tree.leaf(index), tree.root()
    changed = data.draw(st.integers(0, len(proof) - 1))
    flipped = [*proof]
    flipped[changed] = bytes([flipped[changed][0] ^ 1]) + flipped[changed][1:]
    for forged in (flipped, proof[:-1], proof[1:], [*proof, root], [leaf, *proof]):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index, size, forged, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
    with pytest.raises(ProofError):
        verify_inclusion(leaf, other, size, proof, root)


@given(st.integers(2, 300), st.data())
def test_a_changed_consistency_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    tree, _ = grown(leaves(size))
    old = data.draw(st.integers(1, size - 1))
    proof = tree.consistency(old)
    changed = data.draw(st.integers(0, len(proof) - 1))
    flipped = [*proof]
    flipped[changed] = bytes([flipped[changed][0] ^ 1]) + flipped[changed][1:]
    for forged in (flipped, proof[:-1], proof[1:], [*proof, proof[0]]):
        with pytest.raises(ProofError):
            verify_consistency(old, size, forged, tree.root(old), tree.root())


def test_swapped_sibling() -> None:
    tree, _ = grown(leaves(8))
    first, second, third = tree.inclusion(3)
    with pytest.raises(ProofError):
        verify_inclusion(tree.leaf(3), 3, 8, [second, first, third], tree.root())


def test_inner_node_passed_off_as_a_leaf() -> None:
    """A node two levels up verifies only if the tree is believed to be smaller than it is."""
    tree, _ = grown(leaves(8))
    inner = node_hash(tree.leaf(0), tree.leaf(1))
    with pytest.raises(ProofError):
        verify_inclusion(inner, 0, 8, tree.inclusion(0)[1:], tree.root())


def test_hash_of_another_length_moves_a_boundary() -> None:
    tree, _ = grown(leaves(4))
    first, second = tree.inclusion(0)
    with pytest.raises(ProofError):
        verify_inclusion(tree.leaf(0) + first[:1], 0, 4, [first[1:], second], tree.root())


def test_forked_log() -> None:
    honest, _ = grown(leaves(20))
    forked, _ = grown([*leaves(9), leaf_hash(b"another"), *leaves(20)[10:]])
    with pytest.raises(ProofError):
        verify_consistency(12, 20, forked.consistency(12), honest.root(12), forked.root())
    with pytest.raises(ProofError):
        verify_consistency(20, 20, [], honest.root(), forked.root())


def test_rolled_back_log() -> None:
    tree, _ = grown(leaves(20))
    with pytest.raises(ProofError):
        verify_consistency(20, 12, tree.consistency(12), tree.root(), tree.root(12))


def test_old_root_invented_for_an_empty_log() -> None:
    tree, _ = grown(leaves(3))
    verify_consistency(0, 3, [], EMPTY_ROOT, tree.root())
    with pytest.raises(ProofError):
        verify_consistency(0, 3, [], tree.root(1), tree.root())
    with pytest.raises(ProofError):
        verify_consistency(0, 3, [tree.root()], EMPTY_ROOT, tree.root())


def test_index_outside_the_tree() -> None:
    tree, _ = grown(leaves(3))
    for index, size in ((3, 3), (-1, 3), (0, 0), (0, 2**63)):
        with pytest.raises(ProofError):
            verify_inclusion(tree.leaf(0), index, size, tree.inclusion(0), tree.root())


def test_tiles_are_those_of_the_specification() -> None:
    hashes = leaves(66_000)
    tree, tiles = grown(hashes)
    assert {key: len(tile) // 32 for key, tile in tiles.items() if key[0] > 0} == {
        (1, 0): 256,
        (1, 1): 1,
        (2, 0): 1,
    }
    assert len(tiles[0, 257]) == (66_000 - 257 * 256) * 32
    assert tiles[0, 3] == b"".join(hashes[768:1024])
    assert tiles[1, 0][64:96] == naive_root(hashes[512:768])
    assert tiles[2, 0] == naive_root(hashes[:65_536])
    for index in (0, 65_535, 65_536, 65_999):
        verify_inclusion(hashes[index], index, 66_000, tree.inclusion(index), tree.root())


def test_memory_stays_flat_while_proving() -> None:
    tree, _ = grown(leaves(256 * 40))
    for index in range(0, 256 * 40, 128):
        tree.inclusion(index)
    assert len(tree._tiles) <= TREE_TILES_CACHED_MAX


def test_tiles_that_ran_ahead_of_the_size_are_cut() -> None:
    """A crash between storing tiles and size must not put unrecorded leaves into the tree."""
    _, tiles = grown(leaves(300))
    tree = Tree(lambda level, index: tiles.get((level, index)), 290)
    assert tree.root() == naive_root(leaves(290))
    other = leaf_hash(b"another")
    assert tree.append([other])[0, 1] == b"".join(leaves(290)[256:]) + other


def test_lost_or_shortened_tile_is_evidence() -> None:
    _, tiles = grown(leaves(600))
    for broken in (None, tiles[0, 2][:-32], tiles[0, 2][:-1]):
        with pytest.raises(EvidenceError):
            Tree(lambda _, index, tile=broken: tile if index == 2 else tiles[0, 0], 600)  # type: ignore[misc] # the default binds the loop's value
    tree = Tree(lambda level, index: tiles[level, index] if (level, index) != (0, 0) else None, 600)
    with pytest.raises(EvidenceError):
        tree.inclusion(5)


def test_a_copy_takes_an_append_alone() -> None:
    tree, _ = grown(leaves(255))
    root = tree.root()
    twin = tree.copy()
    twin.append(leaves(300)[255:])
    assert (tree.size, tree.root()) == (255, root)
    assert twin.root() == naive_root(leaves(300))


def test_asking_beyond_the_tree_is_our_own_mistake() -> None:
    tree, _ = grown(leaves(5))
    for call in (
        lambda: tree.root(6),
        lambda: tree.leaf(5),
        lambda: tree.leaves(3, 6),
        lambda: tree.inclusion(5),
        lambda: tree.consistency(4, 3),
        lambda: Tree(lambda *_: None, -1),
    ):
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(ProofError):
        tree.append([b"short"])
