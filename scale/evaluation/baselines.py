"""Plain baselines on the same splits: words, TF-IDF, pixels, colours and gradients; and the network's random start."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse, vstack
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from core.errors import MediaError
from media.image import read_image
from scale.data.shard_reader import RawSample, readable_samples
from scale.data.tokens import words_of
from scale.evaluation.evaluator import RETRIEVAL, Evaluator
from scale.evaluation.features import Features
from scale.evaluation.scores import cluster, probe, search
from scale.model.tasks import Pretraining
from scale.training.loop import seeded

__all__ = ["colours_and_gradients", "measure_baselines"]

COLUMNS = 2**18
"""Words and sequences of characters are counted by a hash modulo this."""
SIDE = 64
"""Side to which images are scaled for colours and gradients, pixels."""
PIXELS = 16
"""Side to which images are scaled as raw pixels."""

Matrix: TypeAlias = Any
"""[n, width]: an array of NumPy, or a sparse one of SciPy."""
Describe = Callable[[Sequence[RawSample]], Matrix]
"""Samples -> [n, width]; zeros where a sample lacks what is described."""


@dataclass(frozen=True)
class _Baseline:
    sees: str
    fit: Callable[[Iterator[RawSample]], Describe]
    """Called with the training split."""
    needs: str
    """Modality without which it is left out: ``text`` or ``image``."""


def measure_baselines(evaluator: Evaluator, on_measure: Callable[[], None]) -> dict[str, Any]:
    """Return the measures of the baselines on the same splits, in the layout of a phase.

    Baselines of images are left out if no product has an image, those of words if none has text.
    """
    found: dict[str, Any] = {}
    known = set().union(*(evaluator.modalities(split) for split in evaluator.shards.splits))
    for name, baseline in _BASELINES.items():
        if baseline.needs in known or (baseline.needs == "text" and "table" in known):
            found[name] = _measure(evaluator, baseline)
        on_measure()
    return {**found, "random initialisation": _untrained(evaluator).measure(on_measure)}


def count_baselines() -> int:
    """Return how often ``measure_baselines`` reports progress, besides the random start's own."""
    return len(_BASELINES)


def _untrained(evaluator: Evaluator) -> Evaluator:
    """Return the evaluator of the same network with its initial weights."""
    model = evaluator.model
    with seeded(torch.device("cpu"), model.seed, 1):
        module = Pretraining(model.recipe, model.fitted.vocabulary.size, 1)
    trunk = module.trunk.to(evaluator.device).eval()
    return replace(evaluator, model=replace(model, trunk=trunk, classifier=None, classes=()), combinations=False)


def _measure(evaluator: Evaluator, baseline: _Baseline) -> dict[str, Any]:
    splits = set(evaluator.shards.splits)
    learnt_from = evaluator.model.recipe.train_split
    describe = baseline.fit(_samples(evaluator, learnt_from) if learnt_from in splits else iter(()))
    read = partial(_features, evaluator, describe=describe, needs=baseline.needs)
    found: dict[str, Any] = {"retrieval": {}}
    for task, (queries, gallery) in RETRIEVAL.items():
        if {queries, gallery} <= splits:
            best = search(read(queries), read(gallery))
            counts = {"queries": float(best.queries), "unanswerable": float(best.unanswerable)}
            found["retrieval"][task] = {baseline.sees: {**best.values, **counts}}
    if {*evaluator.labelled} <= splits:
        train, test = (read(split) for split in evaluator.labelled)
        train, test = _folded_columns(train), _folded_columns(test)
        found["classification"] = {f"linear, {baseline.sees}": probe(train, test)}
        found["clustering"] = cluster(test, evaluator.model.seed)
    return found


FOLDED = 4096
"""Columns of word counts for classifiers and clustering, so that they stay small."""


def _folded_columns(features: Features) -> Features:
    """Return features with at most ``FOLDED`` columns: counts whose column is equal modulo this are added."""
    values: Any = features.values
    if not issparse(values):
        return features
    rows, columns = values.nonzero()
    folded = csr_array((values.data, (rows, columns % FOLDED)), shape=(values.shape[0], FOLDED)).toarray()
    return replace(features, values=folded)


def _samples(evaluator: Evaluator, split: str, *, media: bool = False) -> Iterator[RawSample]:
    return (sample for _, _, sample in readable_samples(evaluator.shards.shards(split), media=media))


AT_ONCE = 256


def _features(evaluator: Evaluator, split: str, describe: Describe, needs: str) -> Features:
    """Return the features of every readable sample of a split."""
    ids: list[str] = []
    labels: list[str | None] = []
    parts: list[Matrix] = []
    waiting: list[RawSample] = []
    for sample in _samples(evaluator, split, media=needs == "image"):
        ids.append(sample.product_id)
        labels.append(sample.label)
        waiting.append(sample)
        if len(waiting) == AT_ONCE:
            parts.append(describe(waiting))
            waiting = []
    parts += [describe(waiting)] if waiting else []
    is_sparse = isinstance(parts[0], csr_array)
    values = csr_array(vstack(parts)) if is_sparse else np.concatenate(parts)
    return Features(ids, np.array(labels, dtype=object), values, 0)


def _text(sample: RawSample) -> str:
    return " ".join([sample.caption or "", *(text for pair in sample.specs for text in pair)])


def _hashed(analyzer: str) -> HashingVectorizer:
    counted: dict[str, Any] = {"n_features": COLUMNS, "alternate_sign": False, "norm": None, "dtype": np.float32}
    if analyzer == "words":
        return HashingVectorizer(analyzer=words_of, **counted)
    return HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), preprocessor=_folded, **counted)


def _folded(text: str) -> str:
    return " ".join(words_of(text))


def _bag_of_words(_: Iterator[RawSample]) -> Describe:
    """Return square roots of the word counts of caption and table, scaled to length one."""
    hashed = _hashed("words")

    def describe(samples: Sequence[RawSample]) -> Matrix:
        return csr_array(normalize(hashed.transform(map(_text, samples)).sqrt()))

    return describe


def _tf_idf(samples: Iterator[RawSample], analyzer: str) -> Describe:
    """Return TF-IDF of caption and table; document frequencies are those of the training split."""
    hashed = _hashed(analyzer)
    texts = [_text(sample) for sample in samples]
    weights = TfidfTransformer(sublinear_tf=True).fit(hashed.transform(texts or [""]))

    def describe(samples: Sequence[RawSample]) -> Matrix:
        return csr_array(weights.transform(hashed.transform(map(_text, samples))).astype(np.float32))

    return describe


def _image_features(_: Iterator[RawSample], side: int, describe: Callable[[NDArray[np.float32]], Any]) -> Describe:
    blank = np.zeros_like(describe(np.zeros((side, side, 3), np.float32)))

    def of_samples(samples: Sequence[RawSample]) -> Matrix:
        pixels = [_pixels(sample.image, side) for sample in samples]
        return np.stack([blank if one is None else describe(one) for one in pixels])

    return of_samples


def _pixels(payload: bytes | None, side: int) -> NDArray[np.float32] | None:
    """Return an image scaled to a square, from 0 to 1: [side, side, 3]; None if there is none that can be read."""
    try:
        image = read_image(payload, enough=side) if payload else None
    except MediaError:
        return None
    if image is None:
        return None
    pixels: NDArray[np.float32] = np.asarray(image.resize((side, side), reducing_gap=2.0)).astype(
        np.float32
    ) / np.float32(255)
    return pixels


def _raw(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    return 2 * pixels.ravel() - 1


LEVELS = 4
"""Of each of red, green and blue in a colour histogram."""
CELL = 8
ORIENTATIONS = 9


def colours_and_gradients(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a colour histogram, and histograms of oriented gradients (Dalal and Triggs 2005), of equal weight.

    Args:
        pixels: [side, side, 3] from 0 to 1; ``side`` is a multiple of 8.

    Returns:
        [64 + 9 (side / 8)²]: the square roots of the shares of 4 x 4 x 4 colours; for each cell of 8 x 8 pixels its
        gradients by 9 unsigned orientations, normalised over the 3 x 3 cells around it. Each part has length one.
    """
    levels = np.minimum((pixels * LEVELS).astype(np.int64), LEVELS - 1)
    codes = (levels * np.array([LEVELS**2, LEVELS, 1])).sum(axis=2)
    colours = np.sqrt(np.bincount(codes.ravel(), minlength=LEVELS**3) / codes.size)
    down, right = np.gradient(pixels.mean(axis=2).astype(np.float64))
    cells = pixels.shape[0] // CELL
    turns = (np.arctan2(down, right) % np.pi) / np.pi * ORIENTATIONS
    bins = turns.astype(np.int64) % ORIENTATIONS
    rows, columns = np.indices(bins.shape) // CELL
    numbers = (rows * cells + columns) * ORIENTATIONS + bins
    counted = np.bincount(numbers.ravel(), np.hypot(down, right).ravel(), minlength=cells**2 * ORIENTATIONS)
    grid = counted.reshape(cells, cells, ORIENTATIONS)
    energy = np.pad((grid**2).sum(axis=2), 1)
    around = sum(energy[1 + dy : 1 + dy + cells, 1 + dx : 1 + dx + cells] for dy in (-1, 0, 1) for dx in (-1, 0, 1))
    gradients = np.minimum(grid / np.sqrt(np.asarray(around)[..., None] + 1e-3), 0.2).ravel()
    gradients /= max(float(np.linalg.norm(gradients)), 1e-9)
    return np.concatenate([colours, gradients]).astype(np.float32)


_BASELINES: Mapping[str, _Baseline] = {
    "bag of words": _Baseline("T + Tab", _bag_of_words, "text"),
    "TF-IDF of words": _Baseline("T + Tab", partial(_tf_idf, analyzer="words"), "text"),
    "TF-IDF of characters": _Baseline("T + Tab", partial(_tf_idf, analyzer="characters"), "text"),
    "raw pixels": _Baseline("I", partial(_image_features, side=PIXELS, describe=_raw), "image"),
    "colours and gradients": _Baseline(
        "I", partial(_image_features, side=SIDE, describe=colours_and_gradients), "image"
    ),
}
