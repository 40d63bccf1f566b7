"""Evaluate a training, after pre-training and after fine-tuning."""

import json
from pathlib import Path
from typing import Any

import torch

from m5data.errors import MissingInputError
from m5data.stage import Progress, SilentProgress
from scale.data.shard_folder import ShardFolder
from scale.evaluation.baselines import measure_baselines
from scale.evaluation.evaluator import RETRIEVAL, Evaluator, check_version
from scale.evaluation.examples import plot_features, write_examples
from scale.evaluation.features import load_model
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
