"""The Merkle tree of RFC 9162 §2.1: hashes, roots, inclusion proofs, and the tiles they are computed from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

Hash = bytes
"""32 bytes of SHA-256."""

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes in a full tile (C2SP tlog-tiles)."""


def leaf_hash(leaf: bytes) -> Hash:
    """Hash one leaf, with the prefix that keeps leaves and nodes apart (RFC 9162 §2.1.1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """Hash an inner node of its two children."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Iterable[Hash]) -> Hash:
    """Return the root over these leaf hashes; that of an empty tree is SHA-256 of nothing."""
    tree = Growing()
    for leaf in hashes:
        tree.add(leaf)
    return tree.root()


class Growing:
    """A tree that only tells its root, however large it grows: a hash for each complete subtree is all it holds.

    Adding leaves from the left and carrying like a binary counter is equal to the recursive definition, in one pass.
    """

    def __init__(self) -> None:
        self.size = 0
        self._complete: list[tuple[int, Hash]] = []

    def add(self, leaf: Hash) -> None:
        """Add the hash of one more leaf."""
        height, node = 0, leaf
        while self._complete and self._complete[-1][0] == height:
            node = node_hash(self._complete.pop()[1], node)
            height += 1
        self._complete.append((height, node))
        self.size += 1

    def root(self) -> Hash:
        """Return the root over the leaves so far."""
        return _join([node for _, node in self._complete]) if self._complete else sha256().digest()


def _join(subtrees: Sequence[Hash]) -> Hash:
    """Fold complete subtrees, largest first, into the root above them."""
    root = subtrees[-1]
    for subtree in reversed(subtrees[:-1]):
        root = node_hash(subtree, root)
    return root


def _split(size: int) -> int:
    """Return the largest power of two below `size` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


@dataclass(frozen=True, order=True)
class TileId:
    """Where a tile lies: level 0 holds leaf hashes, each level above the roots of full tiles below."""

    level: int
    index: int


def edge_of(size: int) -> list[TileId]:
    """Name the newest tile of each level of a log of `size` leaves: all that its root, or appending to it, touches."""
    return [TileId(level, ((size >> level * TILE_HEIGHT) - 1) >> TILE_HEIGHT) for level in _levels(size)]


def tiles_above(index: int, size: int) -> list[TileId]:
    """Name the tiles that hold leaf `index`, or the roots of what it lies in."""
    return [TileId(level, index >> (level + 1) * TILE_HEIGHT) for level in _levels(size)]


def _levels(size: int) -> range:
    return range(-(-size.bit_length() // TILE_HEIGHT))


@dataclass
class Tiles:
    """The hashes of a log of `size` leaves, 256 to a tile, as C2SP tlog-tiles lays them out.

    Only tiles that a question touches need be present: `load` fetches one (its bytes, 32 per hash) when it is first
    wanted. `changed` names those that `append` wrote.
    """

    size: int
    load: Callable[[TileId], bytes]
    changed: set[TileId] = field(default_factory=set[TileId])
    _cache: dict[TileId, bytes] = field(default_factory=dict[TileId, bytes])

    def tile(self, where: TileId) -> bytes:
        """Return a tile's hashes, as many as it has by now."""
        if where not in self._cache:
            self._cache[where] = self.load(where)
        return self._cache[where]

    def append(self, leaves: Iterable[Hash]) -> None:
        """Add leaf hashes at the end, completing the tiles above them."""
        for leaf in leaves:
            self._put(0, self.size, leaf)
            self.size += 1

    def _put(self, level: int, position: int, value: Hash) -> None:
        where = TileId(level, position // TILE_WIDTH)
        before = self.tile(where) if position % TILE_WIDTH else b""
        self._cache[where] = before + value
        self.changed.add(where)
        if position % TILE_WIDTH == TILE_WIDTH - 1:
            self._put(level + 1, where.index, _tile_root(self._cache[where]))

    def root(self) -> Hash:
        """Return the root over all leaves."""
        return sha256().digest() if self.size == 0 else self._range(0, self.size)

    def inclusion_proof(self, index: int) -> list[Hash]:
        """Return the proof that leaf `index` is under the root, from its sibling up (RFC 9162 §2.1.3.1)."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        start, size, path = 0, self.size, list[Hash]()
        while size > 1:
            left = _split(size)
            if index - start < left:
                path.append(self._range(start + left, size - left))
                size = left
            else:
                path.append(self._range(start, left))
                start, size = start + left, size - left
        return path[::-1]

    def _range(self, start: int, size: int) -> Hash:
        """Return the root over `size` leaves from `start`, which the recursion only asks for on even boundaries."""
        if size & (size - 1) == 0:
            return self._subtree(size.bit_length() - 1, start)
        left = _split(size)
        return node_hash(self._range(start, left), self._range(start + left, size - left))

    def _subtree(self, height: int, start: int) -> Hash:
        """Return the root of the complete subtree of 2^height leaves from `start`."""
        level = height // TILE_HEIGHT
        width = 1 << (height % TILE_HEIGHT)
        first = start >> (level * TILE_HEIGHT)
        tile = self.tile(TileId(level, first // TILE_WIDTH))
        offset = first % TILE_WIDTH * 32
        return _tile_root(tile[offset : offset + width * 32])


def _tile_root(hashes: bytes) -> Hash:
    """Return the root over a power of two of hashes laid side by side."""
    return root_of([hashes[at : at + 32] for at in range(0, len(hashes), 32)])
