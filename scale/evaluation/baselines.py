"""Baselines that a trained model must beat: bag of words, raw pixels, and its own network before any training."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scale.data.sample_encoder import Encoded
from scale.evaluation.evaluator import RETRIEVAL, Evaluator
from scale.evaluation.features import Features, finite_features
from scale.evaluation.scores import cluster, probe, search
from scale.model.tasks import Pretraining
from scale.training.loop import seeded

__all__ = ["measure_baselines"]

BUCKETS = 4096
"""Words are counted by their number modulo this: the features of a large vocabulary stay small."""
Describe = Callable[[Encoded], NDArray[np.float32]]


def measure_baselines(evaluator: Evaluator, on_measure: Callable[[], None]) -> dict[str, Any]:
    """Return the measures of the baselines on the same splits, in the layout of a phase.

    Raw pixels are left out where no product has an image.
    """
    sides = evaluator.model.recipe.input.grid, evaluator.model.recipe.input.patch
    simple: dict[str, tuple[str, Describe]] = {
        "bag of words": ("T + Tab", _bag_of_words),
        "raw pixels": ("I", lambda encoded: _pixels(encoded, *sides)),
    }
    if not any("image" in evaluator.modalities(split) for split in evaluator.shards.splits):
        del simple["raw pixels"]
    found = {name: _measure(evaluator, sees, describe, on_measure) for name, (sees, describe) in simple.items()}
    return {**found, "random initialisation": _untrained(evaluator).measure(on_measure)}


def _untrained(evaluator: Evaluator) -> Evaluator:
    """Return the evaluator of the same network with the weights it started from."""
    model = evaluator.model
    with seeded(torch.device("cpu"), model.seed, 1):
        module = Pretraining(model.recipe, model.fitted.vocabulary.size, 1)
    trunk = module.trunk.to(evaluator.device).eval()
    return replace(evaluator, model=replace(model, trunk=trunk, classifier=None, classes=()), combinations=False)


def _measure(evaluator: Evaluator, sees: str, describe: Describe, on_measure: Callable[[], None]) -> dict[str, Any]:
    splits = set(evaluator.shards.splits)
    found: dict[str, Any] = {"retrieval": {}}
    for task, (queries, gallery) in RETRIEVAL.items():
        if {queries, gallery} <= splits:
            best = search(_features(evaluator, queries, describe), _features(evaluator, gallery, describe))
            counts = {"queries": float(best.queries), "unanswerable": float(best.unanswerable)}
            found["retrieval"][task] = {sees: {**best.values, **counts}}
    if {*evaluator.labelled} <= splits:
        train, test = (_features(evaluator, split, describe) for split in evaluator.labelled)
        found["classification"] = {f"linear, {sees}": probe(train, test)}
        found["clustering"] = cluster(test, evaluator.model.seed)
    on_measure()
    return found


def _features(evaluator: Evaluator, split: str, describe: Describe) -> Features:
    """Return the features of every sample of a split, zeros where it lacks what is described."""
    ids: list[str] = []
    labels: list[str | None] = []
    values: list[NDArray[np.float32]] = []
    for encoded in evaluator.batches(split).in_order():
        values.append(describe(encoded))
        ids += encoded.product_ids
        labels += encoded.labels
    return Features(ids, np.array(labels, dtype=object), finite_features(values, ids, ()), 0)


def _bag_of_words(encoded: Encoded) -> NDArray[np.float32]:
    """Return the square roots of the counts of caption's and table's words, scaled to length one."""
    counts = np.zeros((len(encoded), BUCKETS), np.float32)
    for name in ("text_ids", "table_ids"):
        ids = encoded.arrays[name].astype(np.int64)
        rows, columns = np.nonzero(ids)
        np.add.at(counts, (rows, ids[rows, columns] % BUCKETS), 1.0)
    roots = np.sqrt(counts)
    unit: NDArray[np.float32] = roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1.0)
    return unit


def _pixels(encoded: Encoded, grid: int, patch: int) -> NDArray[np.float32]:
    """Return the image at two pixels a patch and side, from -1 to 1; of stored features their mean."""
    image = encoded.arrays["image"]
    if image.dtype != np.uint8:
        mean: NDArray[np.float32] = image.mean(axis=1, dtype=np.float32)
        return mean
    half = patch // 2
    cells = image.reshape(len(image), grid * grid, patch, patch, 3)[:, :, : 2 * half, : 2 * half]
    small = cells.reshape(len(image), grid * grid, 2, half, 2, half, 3).mean(axis=(3, 5), dtype=np.float32)
    there = (encoded.arrays["image_count"].astype(np.int64) > 0)[:, None]
    scaled: NDArray[np.float32] = np.where(there, small.reshape(len(image), -1) / 127.5 - 1, 0).astype(np.float32)
    return scaled
