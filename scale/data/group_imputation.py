"""Group imputation (completion beta, offline): missing modalities come from another listing of the group."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scale.data.blocks import split_into_blocks
from scale.data.shard_folder import Shard
from scale.data.shard_reader import DamagedShardError, RawSample, read_samples

__all__ = ["GroupImputer", "fit_group_imputer"]

_FIELDS = ("caption", "specs", "image", "frames", "audio", "mfcc")

Place = tuple[Path, int]
"""Shard, and row in it."""


@dataclass(frozen=True)
class GroupImputer:
    """Where each group of several listings has what one of them may lack.

    The paper fills gaps by a web search; here only the export itself is searched: the first listing of the group
    (``group_id``: matched or near-duplicate listings, of any shop) that has the modality gives it.
    """

    places: Mapping[str, Mapping[str, Place]]
    """Group -> field of ``RawSample`` -> the first listing that has it."""

    @property
    def digest(self) -> str:
        """A hash of all places."""
        text = repr(sorted((group, sorted(map(repr, fields.items()))) for group, fields in self.places.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def fill(self, sample: RawSample) -> RawSample:
        """Return the sample with its gaps filled where its group can; one that cannot be read stays open."""
        found: dict[str, Any] = {}
        for name, (path, row) in self.places.get(sample.group_id, {}).items():
            if not _has(sample, name):
                try:
                    found[name] = getattr(read_samples(path, row, row + 1)[0], name)
                except DamagedShardError:
                    continue
        return replace(sample, **found)


def fit_group_imputer(shards: Sequence[Shard]) -> GroupImputer:
    """Read a split twice: for the groups that have several listings, then for what those listings have.

    Holds one number a group, and a few places for each group of several. Damaged blocks are passed over.
    """
    counts = Counter(sample.group_id for _, _, sample in _samples(shards, media=False))
    several = {group for group, count in counts.items() if count > 1}
    places: dict[str, dict[str, Place]] = {}
    for path, row, sample in _samples(shards, media=True) if several else ():
        if sample.group_id in several:
            fields = places.setdefault(sample.group_id, {})
            for name in _FIELDS:
                if _has(sample, name):
                    fields.setdefault(name, (path, row))
    return GroupImputer(places)


def _samples(shards: Sequence[Shard], *, media: bool) -> Iterator[tuple[Path, int, RawSample]]:
    for block in split_into_blocks(shards):
        try:
            samples = read_samples(block.shard.path, block.start, block.stop, media=media)
        except DamagedShardError:
            continue
        yield from ((block.shard.path, block.start + at, sample) for at, sample in enumerate(samples))


def _has(sample: RawSample, name: str) -> bool:
    value = getattr(sample, name)
    return value is not None and len(value) > 0
