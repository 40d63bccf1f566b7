"""Evaluate a training, after pre-training and after fine-tuning."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from m5data.errors import MissingInputError
from m5data.stage import Progress, SilentProgress
from scale.data.sample_encoder import Encoded
from scale.data.shard_folder import ShardFolder
from scale.evaluation.evaluator import RETRIEVAL, Evaluator, check_version
from scale.evaluation.examples import plot_features, write_examples
from scale.evaluation.features import Features, finite_features, load_model
from scale.evaluation.scores import cluster, probe, search
from scale.model.tasks import Pretraining
from scale.training.loop import seeded
from scale.training.train import FINETUNED, PRETRAINED

__all__ = ["evaluate"]

RESULTS = "results.json"


def evaluate(
    shards: ShardFolder,
    run: Path,
    out: Path,
    *,
    cache: Path | None = None,
    device: str | None = None,
    progress: Progress = SilentProgress(),
) -> dict[str, Any]:
    """Measure what ``train`` left in the folder ``run``; write results, a plot and examples to ``out``.

    Splits that the export does not have are passed over, and named in the result.

    Returns:
        recipe, seed, version, parameters, seconds (of training, by phase), choices (the objective, every switch),
        phases (``pretrained``, ``finetuned``: retrieval by task and modalities, classification, clustering,
        cross-modal), baselines (in the same layout), absent splits.

    Raises:
        MissingInputError: Nothing was trained there, or no split to judge on was exported.
        DataError: The shards are of another dataset version; a feature is not finite.
    """
    evaluators = _evaluators(shards, run, cache, device)
    wanted = [*(name for pair in RETRIEVAL.values() for name in pair), *evaluators[-1].labelled]
    absent = [name for name in wanted if name not in shards.splits]
    if len(absent) == len(wanted):
        raise MissingInputError(f"{shards.root}: The export has none of {', '.join(wanted)}. Export them.")
    progress.start("evaluate", 3 * len(evaluators) + 5)
    phases = {evaluator.phase: evaluator.measure(progress.advance) for evaluator in evaluators}
    baselines = measure_baselines(evaluators[-1], progress.advance)
    progress.finish()
    model = evaluators[-1].model
    results = {
        "recipe": model.recipe.name,
        "seed": model.seed,
        "version": model.version,
        "parameters": sum(part.numel() for part in model.trunk.parameters()),
        "seconds": {evaluator.phase: evaluator.model.seconds for evaluator in evaluators},
        "choices": model.recipe.objective.model_dump(mode="json"),
        "phases": phases,
        "baselines": baselines,
        "absent splits": absent,
    }
    out.mkdir(parents=True, exist_ok=True)
    plot_features(evaluators[-1], out)
    write_examples(evaluators[-1], out)
    (out / RESULTS).write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return results


def _evaluators(shards: ShardFolder, run: Path, cache: Path | None, device: str | None) -> list[Evaluator]:
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    paths = [run / PRETRAINED, *([run / FINETUNED] if (run / FINETUNED).exists() else [])]
    models = [load_model(path, chosen) for path in paths]
    if models[0].recipe.optimiser.epochs == 0:  # not pre-trained: as it started, which is a baseline
        del models[:-1]
    for model in models:
        check_version(model, shards)
    return [Evaluator(model, shards, chosen, cache) for model in models]


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
