"""What `verify` checks of a bundle, with nothing but the bundle and the keys the auditor already trusts."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

from services.audit.domain.bundle import Bundle, Opened, Signed
from services.audit.domain.leaf import BadLeaf, Leaf, commitment
from services.audit.domain.merkle import leaf_hash, root_of
from services.audit.domain.note import BadNote, Checkpoint, VerifierKey

SignatureHolds = Callable[[str, Signed], bool]
"""(source, message) → whether a key trusted for that source signed these very bytes."""

CANNOT_PROVE = (
    "What this cannot prove: that a source, its signed watermarks and the log were not all cut back together to an "
    "earlier moment; a checkpoint you kept yourself (--earlier) or a witness's cosignature does that. Nor that what a "
    "source wrote is true: only that it wrote it, in this order, and that nothing was changed, left out or added since."
)


@dataclass(frozen=True)
class Finding:
    """One thing that was checked, and whether it holds."""

    holds: bool
    text: str


@dataclass(frozen=True)
class Trust:
    """The keys an auditor brings: the log's, and a way to check each source's signatures."""

    log: VerifierKey
    sources: frozenset[str]
    signature_holds: SignatureHolds


def verify(bundle: Bundle, trust: Trust, *, earlier: str | None, oldest: timedelta) -> list[Finding]:
    """Check a bundle whole; it proves what it claims if, and only if, every finding holds.

    `earlier` is a signed checkpoint the auditor kept: the log must have grown from it. `oldest` bounds how far a
    source's watermark may lie before the bundle's time.
    """
    try:
        checkpoint = Checkpoint.open(bundle.checkpoint, trust.log)
        leaves = [Leaf.parse(raw) for raw in bundle.leaves]
    except (BadNote, BadLeaf) as wrong:
        return [Finding(False, f"checkpoint and leaves: {wrong}")]
    findings = [Finding(True, f"checkpoint of {checkpoint.origin}, {checkpoint.size} leaves, signed by the log")]
    findings += _tree(bundle.leaves, checkpoint)
    if earlier is not None:
        findings += _grown_from(earlier, bundle.leaves, checkpoint, trust.log)
    for source in sorted(trust.sources | {leaf.source for leaf in leaves}):
        findings += _source(source, leaves, bundle, trust, oldest)
    return findings + [finding for each in bundle.opened for finding in _opened(each, leaves, trust)]


def _tree(leaves: Sequence[bytes], checkpoint: Checkpoint) -> Iterator[Finding]:
    same = len(leaves) == checkpoint.size and root_of([leaf_hash(raw) for raw in leaves]) == checkpoint.root
    yield Finding(same, "the leaves give the root that the checkpoint names" if same else
                  f"these {len(leaves)} leaves are not those of the checkpoint: cut, changed or added")  # fmt: skip


def _grown_from(note: str, leaves: Sequence[bytes], now: Checkpoint, key: VerifierKey) -> Iterator[Finding]:
    try:
        before = Checkpoint.open(note, key)
    except BadNote as wrong:
        yield Finding(False, f"the earlier checkpoint: {wrong}")
        return
    if before.size > now.size:
        yield Finding(False, f"the log was cut: it had {before.size} leaves earlier and now has {now.size}")
        return
    same = root_of([leaf_hash(raw) for raw in leaves[: before.size]]) == before.root
    yield Finding(same, f"the log has grown from the earlier checkpoint of {before.size} leaves" if same else
                  f"a fork: the first {before.size} leaves are not those of the earlier checkpoint")  # fmt: skip


def _source(source: str, leaves: Sequence[Leaf], bundle: Bundle, trust: Trust, oldest: timedelta) -> Iterator[Finding]:
    """Check one source: its numbers are 1, 2, 3 … without a hole, as far as it swore it had published by T."""
    numbers = [leaf.sequence for leaf in leaves if leaf.source == source]
    yield _whole(source, numbers)
    yield from _reached(source, len(numbers), bundle, trust, oldest)


def _whole(source: str, numbers: Sequence[int]) -> Finding:
    whole = sorted(numbers) == list(range(1, len(numbers) + 1))
    return Finding(whole, f"{source}: numbers 1 to {len(numbers)} without a hole, each once" if whole else
                   f"{source}: numbers missing or twice: {_irregular(numbers)}")  # fmt: skip


def _reached(source: str, count: int, bundle: Bundle, trust: Trust, oldest: timedelta) -> Iterator[Finding]:
    """Check what its watermarks swear to: how far its numbers went, and by when."""
    watermarks = [_Watermark.of(signed) for signed in bundle.watermarks if _source_of(signed) == source]
    genuine = [mark for mark in watermarks if mark and trust.signature_holds(source, mark.signed)]
    if not genuine or len(genuine) != len(watermarks):
        yield Finding(False, f"{source}: no watermark that it signed, so nothing says how far its numbers went")
        return
    last, reached = max(mark.last for mark in genuine), min(mark.t for mark in genuine)
    yield Finding(last <= count, f"{source}: complete up to its watermarks, T = {reached.isoformat()}"
                  if last <= count else
                  f"{source}: it swore to number {last}, the log ends at {count}: leaves were cut")  # fmt: skip
    fresh = reached >= bundle.made_at - oldest
    yield Finding(fresh, f"{source}: that watermark is {_age(bundle.made_at - reached)} old at the bundle's time"
                  + ("" if fresh else f", more than the {_age(oldest)} allowed"))  # fmt: skip


def _irregular(numbers: Sequence[int]) -> str:
    seen = Counter(numbers)
    wrong = list(islice((n for n in range(1, max(numbers, default=0) + 1) if seen[n] != 1), 11))
    return ", ".join(map(str, wrong[:10])) + (" …" if len(wrong) > 10 else "")


def _age(span: timedelta) -> str:
    return f"{max(span.total_seconds(), 0):.0f} s"


@dataclass(frozen=True)
class _Watermark:
    signed: Signed
    last: int
    t: datetime

    @classmethod
    def of(cls, signed: Signed) -> "_Watermark | None":
        """Read a watermark; None if these bytes are none."""
        try:
            event = _event(signed)
            data = cast(Mapping[str, Any], event["data"])
            same = event["type"] == f"{event['source']}.watermark.v1" and data["source"] == event["source"]
            mark = cls(signed, int(data["last"]), datetime.fromisoformat(str(data["t"])))
        except (ValueError, TypeError, KeyError):
            return None
        return mark if same and mark.t.tzinfo is not None else None


def _event(signed: Signed) -> Mapping[str, Any]:
    event: object = json.loads(signed.canonical)
    if not isinstance(event, dict):
        raise ValueError("not an event")
    return cast(Mapping[str, Any], event)


def _source_of(signed: Signed) -> str:
    try:
        return str(_event(signed).get("source"))
    except ValueError:
        return ""


def _opened(each: Opened, leaves: Sequence[Leaf], trust: Trust) -> Iterator[Finding]:
    """Check an opened event: signed by its source, and the very bytes its leaf commits to."""
    try:
        event = _event(each.event)
        said = (str(event["source"]), int(str(event["sequence"])), str(event["type"]), str(event["time"]))
    except (ValueError, KeyError):
        yield Finding(False, f"opened event {each.index}: not an event")
        return
    committed = commitment(salt=each.salt, canonical=each.event.canonical, signature=each.event.signature)
    expected = Leaf(*said, commitment=committed)
    ok = each.index in range(len(leaves)) and leaves[each.index] == expected
    ok = ok and trust.signature_holds(said[0], each.event)
    name = f"opened event {each.index} ({said[2]})"
    yield Finding(ok, f"{name}: signed by {said[0]}, unchanged" if ok else f"{name}: not what its leaf commits to")
