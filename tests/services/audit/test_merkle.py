"""The tree: the same root as the recursive definition of RFC 9162, and proofs that only the right leaf passes."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.domain.merkle import TileId, Tiles, edge_of, leaf_hash, node_hash, root_of, tiles_above
from tests.services.audit.log import verify_inclusion

# Leaves and roots that certificate-transparency implementations publish as test vectors for this tree.
VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def recursive_root(hashes: list[bytes]) -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256().digest()
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node_hash(recursive_root(hashes[:split]), recursive_root(hashes[split:]))


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def tiles_of(hashes: list[bytes]) -> Tiles:
    tiles = Tiles(0, lambda where: b"")
    tiles.append(hashes)
    return tiles


@pytest.mark.parametrize("size", VECTOR_ROOTS)
def test_known_trees_have_their_published_roots(size: int) -> None:
    assert root_of([leaf_hash(leaf) for leaf in VECTOR_LEAVES[:size]]).hex() == VECTOR_ROOTS[size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 255, 256, 257, 511, 513, 1000])
def test_the_root_is_the_same_in_one_pass_by_definition_and_from_tiles(size: int) -> None:
    hashes = leaves(size)
    assert root_of(hashes) == recursive_root(hashes) == tiles_of(hashes).root()


def test_tiles_written_in_two_batches_are_those_written_in_one() -> None:
    hashes = leaves(70_000)
    in_two = Tiles(0, lambda where: b"")
    in_two.append(hashes[:300])
    in_two.append(hashes[300:])
    assert in_two.root() == root_of(hashes)
    assert len(in_two.tile(max(in_two.changed))) == 32  # level 2: the root of the one full tile of level 1


@given(st.integers(0, 1 << 44), st.data())
def test_of_a_log_however_long_a_few_named_tiles_are_all_that_is_read(size: int, data: st.DataObject) -> None:
    index, read = data.draw(st.integers(0, max(0, size - 1))), set[TileId]()

    def load(where: TileId) -> bytes:
        read.add(where)
        return bytes(32 << 8)

    Tiles(size, load).append([b""])
    Tiles(size, load).root()
    assert read <= set(edge_of(size))
    if size:
        Tiles(size, load).inclusion_proof(index)
    assert read <= {*edge_of(size), *tiles_above(index, size)}
    assert len(edge_of(size)) <= 6


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 700), st.data())
def test_a_proof_leads_to_the_root_from_its_own_leaf_and_place_alone(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    tiles = tiles_of(hashes)
    proof, root = tiles.inclusion_proof(index), tiles.root()
    assert verify_inclusion(hashes[index], index=index, size=size, proof=proof, root=root)
    assert not verify_inclusion(leaf_hash(b"another"), index=index, size=size, proof=proof, root=root)
    assert not verify_inclusion(hashes[index], index=size, size=size, proof=proof, root=root)
    assert not verify_inclusion(hashes[index], index=index, size=size, proof=[*proof, root], root=root)
    if proof:
        assert not verify_inclusion(hashes[index], index=index, size=size, proof=proof[:-1], root=root)


def test_an_empty_log_has_the_hash_of_nothing_as_its_root() -> None:
    assert base64.b64encode(Tiles(0, lambda where: b"").root()) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
