"""An append-only Merkle tree: hashes, tiles, and the proofs that it only grew.

Hashing and proofs follow RFC 6962, section 2.1; verification follows RFC 9162, sections 2.1.3 and
2.1.4; storage follows C2SP tlog-tiles (tiles of height 8). See docs/spec/tree.md.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from xref.errors import EvidenceError, XrefError
from xref.limits import LOG_SIZE_MAX, TREE_TILES_CACHED_MAX

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
EMPTY_ROOT: Final = sha256(b"").digest()

ReadTile: TypeAlias = Callable[[int, int], bytes | None]


class ProofError(XrefError):
    """A proof that does not prove what it claims, or is not a well-formed proof at all."""


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf: H(0x00 data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node: H(0x01 left right)."""
    return sha256(b"\x01" + left + right).digest()


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf`, a leaf hash, is number `index` of the tree of `size` with `root`.

    Raises ProofError. Does not check who vouches for the root.
    """
    if not 0 <= index < size <= LOG_SIZE_MAX:
        raise ProofError("inclusion proof: the index is not within the tree")
    _check_hashes([leaf, root, *proof])
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("inclusion proof: too long")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            # On the right edge the node may stand in for several levels that have no sibling.
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or computed != root:
        raise ProofError("inclusion proof: does not lead to the root")


def verify_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Check that the new tree is the old one with leaves appended. Raises ProofError."""
    if not 0 <= old_size <= new_size <= LOG_SIZE_MAX:
        raise ProofError("consistency proof: the sizes are out of order")
    _check_hashes([old_root, new_root, *proof])
    if old_size in (0, new_size):
        expected = old_root if old_size == new_size else new_root
        if proof or expected != new_root or (old_size == 0 and old_root != EMPTY_ROOT):
            raise ProofError(
                "consistency proof: nothing to prove, yet the roots or the proof say otherwise"
            )
        return
    # RFC 9162: a complete old tree is its own first node, which the proof leaves out.
    whole = old_size & (old_size - 1) == 0
    walked = _walk_consistency(old_size, new_size, [old_root, *proof] if whole else proof)
    if walked != (old_root, new_root):
        raise ProofError("consistency proof: does not lead to both roots")


def _walk_consistency(
    old_size: int, new_size: int, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Compute both roots from a path, for 0 < old_size < new_size; None if its length is wrong."""
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    if not path:
        return None
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return (old, new) if last == 0 else None


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if {HASH_BYTES}.union(map(len, hashes)) != {HASH_BYTES}:
        raise ProofError("proof: a hash is not 32 bytes long")


class _Tile:
    """One tile with the nodes between its own hashes and its apex, kept up as it grows."""

    __slots__ = ("rows",)

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        self.rows: list[list[bytes]] = [[] for _ in range(TILE_HEIGHT + 1)]
        self.extend(hashes)

    @property
    def width(self) -> int:
        return len(self.rows[0])

    @property
    def apex(self) -> bytes:
        """The hash over a full tile: an entry of the tile above."""
        return self.rows[TILE_HEIGHT][0]

    def extend(self, hashes: Iterable[bytes]) -> None:
        self.rows[0] += hashes
        for below, above in zip(self.rows, self.rows[1:], strict=False):
            for i in range(2 * len(above), len(below) - 1, 2):
                above.append(sha256(b"\x01" + below[i] + below[i + 1]).digest())

    def encode(self) -> bytes:
        return b"".join(self.rows[0])

    def copy(self) -> "_Tile":
        twin = _Tile()
        twin.rows = [row[:] for row in self.rows]
        return twin


class Tree:
    """A tree of `size` leaves over tiles that its owner stores.

    `read_tile(level, index)` gives a tile's bytes (up to 256 hashes, level 0 holds leaf hashes) or
    None. It is asked for the right edge at the start and for older tiles when a proof needs them,
    so memory stays flat however large the tree is. A tile may hold more hashes than `size` needs:
    what is beyond is ignored. Missing or short tiles raise EvidenceError, as the log's own past is
    then gone. Tile contents are trusted; compare `root()` with a signed checkpoint after opening.

    `append` changes the object at once. If storing what it returns fails, throw the object away
    and open another on the stored size; or append to a `copy()` first.
    """

    def __init__(self, read_tile: ReadTile, size: int) -> None:
        """Open the tree of `size` leaves by reading its right edge."""
        if not 0 <= size <= LOG_SIZE_MAX:
            raise RuntimeError("tree size out of range")
        self._read_tile = read_tile
        self._size = size
        self._tiles: dict[tuple[int, int], _Tile] = {}
        self._shared: tuple[tuple[int, int], list[bytes]] | None = None
        self._spans: dict[tuple[int, int], bytes] = {}
        self._edge: list[_Tile] = [_Tile()]
        while (size >> TILE_HEIGHT * (len(self._edge) - 1)) > 0:
            level = len(self._edge) - 1
            here = size >> TILE_HEIGHT * level
            self._edge[level] = self._load(level, here >> TILE_HEIGHT, here % TILE_WIDTH)
            self._edge.append(_Tile())

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    def copy(self) -> "Tree":
        """Return an independent tree on the same stored tiles, to try an append on."""
        twin = Tree(self._read_tile, 0)
        twin._size = self._size
        twin._tiles = dict(self._tiles)  # full tiles, which never change
        twin._edge = [tile.copy() for tile in self._edge]
        return twin

    def append(self, leaf_hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
        """Append leaf hashes and return every tile that changed, by (level, index), to be stored.

        Store them before asking for a proof: a tile that is full leaves memory after a while.
        """
        _check_hashes(leaf_hashes)
        if self._size + len(leaf_hashes) > LOG_SIZE_MAX:
            raise RuntimeError("the tree is full")
        changed: dict[tuple[int, int], bytes] = {}
        carried: Sequence[bytes] = leaf_hashes
        level = 0
        while carried:
            if level == len(self._edge):
                self._edge.append(_Tile())
            carried = self._append_level(level, carried, changed)
            level += 1
        self._size += len(leaf_hashes)
        return changed

    def _append_level(
        self, level: int, hashes: Sequence[bytes], changed: dict[tuple[int, int], bytes]
    ) -> list[bytes]:
        """Append to one level's edge and return the hashes that full tiles pass to the next."""
        apexes = []
        number = self._size >> TILE_HEIGHT * (level + 1)
        taken = 0
        while taken < len(hashes):
            tile = self._edge[level]
            room = TILE_WIDTH - tile.width
            tile.extend(hashes[taken : taken + room])
            taken += room
            changed[level, number] = tile.encode()
            if tile.width == TILE_WIDTH:
                apexes.append(tile.apex)
                self._remember(level, number, tile)
                self._edge[level] = _Tile()
                number += 1
        return apexes

    def root(self, size: int | None = None) -> bytes:
        """Compute the root, of the whole tree or of its first `size` leaves."""
        stop = self._within(size)
        return self._span(0, stop) if stop else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash at `index`."""
        if not 0 <= index < self._size:
            raise RuntimeError("leaf index out of range")
        return self._node(0, index)

    def leaves(self, first: int, stop: int) -> list[bytes]:
        """Return the leaf hashes from `first` up to, not including, `stop`."""
        if not 0 <= first <= stop <= self._size:
            raise RuntimeError("leaf range out of range")
        found: list[bytes] = []
        while first < stop:
            row = self._tile(0, first >> TILE_HEIGHT).rows[0]
            offset = first % TILE_WIDTH
            found += row[offset : offset + stop - first]
            first += TILE_WIDTH - offset
        return found

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Prove that leaf `index` is in the tree of `size` leaves: siblings, the leaf's first."""
        stop = self._within(size)
        if not 0 <= index < stop:
            raise RuntimeError("leaf index out of range")
        return self._path(0, index, stop)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Prove that the tree of `new` leaves starts with the tree of `old` leaves."""
        stop = self._within(new)
        if not 0 <= old <= stop:
            raise RuntimeError("consistency proof: the sizes are out of order")
        if old in (0, stop):
            return []
        height = (old & -old).bit_length() - 1
        node = (old >> height) - 1
        start = [self._node(height, node)] if node else []
        return start + self._path(height, node, stop)

    def _within(self, size: int | None) -> int:
        if size is None:
            return self._size
        if not 0 <= size <= self._size:
            raise RuntimeError("size out of range")
        return size

    def _path(self, height: int, node: int, size: int) -> list[bytes]:
        """List the siblings from the node up to the root of the tree of `size` leaves."""
        if height > TILE_HEIGHT:
            return self._upper(height, node, size)
        path = self._inside(height, node, size)
        # Neighbouring leaves share all that is above their tile: one entry serves a whole batch.
        key = (node >> TILE_HEIGHT - height, size)
        if self._shared is None or self._shared[0] != key:
            self._shared = (key, self._upper(TILE_HEIGHT, key[0], size))
        return path + self._shared[1]

    def _inside(self, height: int, node: int, size: int) -> list[bytes]:
        """List the siblings that lie in the node's own tile of level 0."""
        number = node >> TILE_HEIGHT - height
        first = number << TILE_HEIGHT
        stop = size - first
        rows = self._tile(0, number).rows
        node -= first >> height
        path: list[bytes] = []
        while height < TILE_HEIGHT:
            sibling = node ^ 1
            if (sibling + 1) << height <= stop:
                path.append(rows[height][sibling])
            elif sibling << height < stop:
                path.append(self._edge_span(first + (sibling << height), size))
            height, node = height + 1, node >> 1
        return path

    def _upper(self, height: int, node: int, size: int) -> list[bytes]:
        path: list[bytes] = []
        while (size - 1) >> height:
            path += self._sibling(height, node, size)
            height, node = height + 1, node >> 1
        return path

    def _sibling(self, height: int, node: int, size: int) -> list[bytes]:
        """Return the sibling's hash in a list, which is empty where the right edge has none."""
        sibling = node ^ 1
        if (sibling + 1) << height <= size:
            return [self._node(height, sibling)]
        first = sibling << height
        return [self._edge_span(first, size)] if first < size else []

    def _edge_span(self, first: int, size: int) -> bytes:
        """Hash an incomplete subtree at the right edge; a batch of proofs shares very few."""
        key = (first, size)
        if key not in self._spans:
            if len(self._spans) >= TREE_TILES_CACHED_MAX:
                self._spans.clear()
            self._spans[key] = self._span(first, size)
        return self._spans[key]

    def _span(self, first: int, stop: int) -> bytes:
        """Hash the subtree of leaves `first` to `stop`, at the right edge of a tree of `stop`."""
        parts = []
        while first < stop:
            height = (stop - first).bit_length() - 1
            parts.append(self._node(height, first >> height))
            first += 1 << height
        computed = parts.pop()
        while parts:
            computed = node_hash(parts.pop(), computed)
        return computed

    def _node(self, height: int, index: int) -> bytes:
        """Return the hash over leaves index * 2**height up to (index + 1) * 2**height."""
        level, row = divmod(height, TILE_HEIGHT)
        shift = TILE_HEIGHT - row
        return self._tile(level, index >> shift).rows[row][index & ((1 << shift) - 1)]

    def _tile(self, level: int, number: int) -> _Tile:
        if number == self._size >> TILE_HEIGHT * (level + 1):
            return self._edge[level]
        tile = self._tiles.get((level, number))
        if tile is None:
            tile = self._load(level, number, TILE_WIDTH)
            self._remember(level, number, tile)
        return tile

    def _remember(self, level: int, number: int, tile: _Tile) -> None:
        self._tiles[level, number] = tile
        if len(self._tiles) > TREE_TILES_CACHED_MAX:
            del self._tiles[next(iter(self._tiles))]

    def _load(self, level: int, number: int, width: int) -> _Tile:
        data = (self._read_tile(level, number) or b"") if width else b""
        if len(data) < width * HASH_BYTES or len(data) % HASH_BYTES:
            raise EvidenceError(f"log storage: tile {level}/{number} is missing or short")
        return _Tile(data[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(width))
