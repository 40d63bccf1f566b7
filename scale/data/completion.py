"""Completion beta, offline: missing modalities come from other products of the export, or from a search service."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer

from core.errors import SettingsError
from scale.data.shard_folder import ShardFile
from scale.data.shard_reader import DamagedShardError, RawSample, read_samples, readable_samples

__all__ = ["Completion", "Imputer", "complete_by_group", "complete_by_search", "load_completion"]

_FIELDS = ("caption", "specs", "image", "frames", "audio", "mfcc")
_TOGETHER = {"audio": "mfcc"}
"""Fields of the same recording, which must come from the same product."""
MIN = 0.5
"""Minimum cosine of captions; with a smaller one, products are different."""
QUERIES = 256

SamplePosition = tuple[Path, int]
"""Shard, and row in it."""


class Imputer(Protocol):
    """Filler of a sample's gaps, such as a search service. It is sent to the processes that decode shards."""

    @property
    def digest(self) -> str:
        """Hash of everything its answers depend on; decoded samples are cached under it."""

    def fill(self, sample: RawSample) -> RawSample:
        """Return the sample with its gaps filled where possible."""


@dataclass(frozen=True)
class Completion:
    """Places in the export from which the gaps of samples are filled.

    The paper fills gaps by a web search; here only the export itself is searched.
    """

    places: Mapping[str, Mapping[str, SamplePosition]]
    """Group or product -> field of ``RawSample`` -> the listing that has it."""
    key: Literal["group_id", "product_id"] = "group_id"

    @property
    def digest(self) -> str:
        """A hash of all places."""
        text = repr(
            (self.key, sorted((name, sorted(map(repr, fields.items()))) for name, fields in self.places.items()))
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def fill(self, sample: RawSample) -> RawSample:
        """Return the sample with its gaps filled where there is a place that can be read."""
        found: dict[str, Any] = {}
        for name, (path, row) in self.places.get(getattr(sample, self.key), {}).items():
            if not _has(sample, name):
                try:
                    found[name] = getattr(read_samples(path, row, row + 1)[0], name)
                except DamagedShardError:
                    continue
        return replace(sample, **found)


def complete_by_group(shards: Sequence[ShardFile]) -> Completion:
    """Return a completion from listings of the same group: matched or near-duplicate listings of any shop.

    Reads the split twice: for the groups with several listings, then for the first listing that has each field.
    Holds one number per group, and a few places per group with several listings. Damaged blocks are skipped.
    """
    counts = Counter(sample.group_id for _, _, sample in readable_samples(shards, media=False))
    several = {group for group, count in counts.items() if count > 1}
    places: dict[str, dict[str, SamplePosition]] = {}
    for path, row, sample in readable_samples(shards, media=True) if several else ():
        if sample.group_id in several:
            fields = places.setdefault(sample.group_id, {})
            for name in _FIELDS:
                if _has(sample, name):
                    fields.setdefault(name, (path, row))
    return Completion(places)


def complete_by_search(shards: Sequence[ShardFile]) -> Completion:
    """Return a completion from the product with the most similar caption that has the missing field.

    Similarity is the cosine of counts of character pairs and triples, at least .5; ties go to the first product.
    Products without a caption are not completed. Holds the captions and one sparse row per product; time grows with
    the pairs of products that share characters and of which one lacks a field.
    """
    listed = list(_listed(shards))
    captions = [caption for _, _, caption, _ in listed]
    if not listed:
        return Completion({}, "product_id")
    rows = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 3), n_features=2**18, alternate_sign=False).transform(
        captions
    )
    places: dict[str, dict[str, SamplePosition]] = {}
    for name in _FIELDS:
        if name in ("caption", "audio"):
            continue
        have = np.flatnonzero([name in fields for _, _, _, fields in listed])
        lack = np.array(
            [row for row, (_, _, text, fields) in enumerate(listed) if text and name not in fields], np.int64
        )
        if not len(have):
            continue
        for query, answer in _nearest(rows, lack, have):
            product, _, _, _ = listed[query]
            place = listed[answer][1]
            for field in (name, *(other for other, main in _TOGETHER.items() if main == name)):
                places.setdefault(product, {})[field] = place
    return Completion(places, "product_id")


def load_completion(name: str, shards: Sequence[ShardFile]) -> Imputer:
    """Return the imputer of a search service: ``module:function``, called with the shards of the split.

    Raises:
        SettingsError: There is no such function.
    """
    module, _, function = name.partition(":")
    try:
        return cast("Imputer", getattr(import_module(module), function)(shards))
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"objective.completion: {name!r} must be module:function, which makes an imputer of shards: {error}"
        ) from None


def _nearest(rows: Any, lack: NDArray[np.int64], have: NDArray[np.int64]) -> Iterator[tuple[int, int]]:  # noqa: ANN401 - a sparse matrix
    """Yield the rows of query and answer where the best answer is similar enough."""
    answers = rows[have].T.tocsc()
    for start in range(0, len(lack), QUERIES):
        part = lack[start : start + QUERIES]
        scores = (rows[part] @ answers).tocsr()
        for at, query in enumerate(part):
            row = scores[at]
            if row.nnz and row.data.max() >= MIN:
                best = row.indices[row.data == row.data.max()].min()
                yield int(query), int(have[best])


def _listed(shards: Sequence[ShardFile]) -> Iterator[tuple[str, SamplePosition, str, frozenset[str]]]:
    """Yield product, place, caption and available fields."""
    for path, row, sample in readable_samples(shards, media=True):
        yield sample.product_id, (path, row), sample.caption or "", frozenset(n for n in _FIELDS if _has(sample, n))


def _has(sample: RawSample, name: str) -> bool:
    value = getattr(sample, name)
    return value is not None and len(value) > 0
