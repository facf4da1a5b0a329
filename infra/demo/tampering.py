"""What a log operator could do who holds the log's own key, each of which an auditor's offline check must find."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from services.audit.domain.bundle import Bundle
from services.audit.domain.leaf import Leaf
from services.audit.domain.merkle import leaf_hash, root_of
from services.audit.domain.note import Checkpoint, NoteKey

Lie = Callable[[Bundle, NoteKey], Bundle]


def cut_leaf(bundle: Bundle, key: NoteKey) -> Bundle:
    """Leave the last leaf out and keep the checkpoint."""
    return replace(bundle, leaves=bundle.leaves[:-1], opened=[])


def cut_under_watermark(bundle: Bundle, key: NoteKey) -> Bundle:
    """Leave out the last leaves of every source and sign a checkpoint of what is left; the watermarks stay."""
    return _signed_again(bundle, key, bundle.leaves[: len(bundle.leaves) // 2])


def fork(bundle: Bundle, key: NoteKey) -> Bundle:
    """Tell another first event, and sign a checkpoint of that history."""
    first = replace(Leaf.parse(bundle.leaves[0]), commitment="0" * 64)
    return _signed_again(bundle, key, [first.canonical(), *bundle.leaves[1:]])


def _signed_again(bundle: Bundle, key: NoteKey, leaves: Sequence[bytes]) -> Bundle:
    root = root_of([leaf_hash(leaf) for leaf in leaves])
    note = key.sign(Checkpoint(key.name, len(leaves), root).text())
    return replace(bundle, leaves=leaves, checkpoint=note, opened=[])


LIES: Mapping[str, Lie] = {
    "a leaf cut under the same checkpoint": cut_leaf,
    "leaves and checkpoint cut under a source's watermark": cut_under_watermark,
    "another first event, under a checkpoint signed anew": fork,
}
