"""The study on the generated dataset: what modalities and losses are worth, over five seeds.

    python -m bench.scale.study FOLDER [--seconds N] [--seeds 0 1 2 3 4]

Runs that FOLDER has results of are not made again; after ``--seconds`` no further run is begun.
When all are there, the tables are printed: means over the seeds, and paired differences with
95 % intervals (Student's t; the pairs share seed, data and all draws that both make).
"""

import argparse
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student

from bench.scale.generated import World, best_accuracy, write_world
from scale.data.shard_folder import ShardFolder
from scale.evaluation.evaluator import TEST, Evaluator
from scale.evaluation.features import load_model
from scale.evaluation.scores import probe, score, search
from scale.training.train import FINETUNE, FINETUNED, PRETRAINED, train
from scale.training_recipe import MODALITIES, Modality, TrainingRecipe

SIZES: Mapping[str, int] = {
    "train": 1024,
    "classification-train": 1024,
    "classification-test": 640,
    "query-c": 320,
    "gallery-c": 640,
}

INPUT: dict[str, Any] = {
    "text_tokens": 14,
    "table_tokens": 32,
    "grid": 3,
    "patch": 6,
    "frames": 5,
    "frame_side": 6,
    "audio_tokens": 3,
    "mfcc": 13,
}
MODEL: dict[str, Any] = {
    "width": 48,
    "heads": 4,
    "feed_forward": 96,
    "encoder_layers": 1,
    "joint_layers": 1,
    "feature_width": 64,
    "dropout": 0.1,
}
OPTIMISER: dict[str, Any] = {
    "batch": 64,
    "epochs": 8,
    "finetune_epochs": 8,
    "rate": 2e-3,
    "finetune_rate": 2e-3,
    "checkpoint_steps": 100_000,
}


@dataclass(frozen=True)
class Run:
    """One row of a table, for one seed."""

    name: str
    modalities: tuple[Modality, ...] = MODALITIES
    objective: tuple[tuple[str, Any], ...] = ()
    pretrained: bool = True
    control: str = ""
    """``uninformative`` or ``noise``: what the audio of the world is."""


ROWS = ("Text", "+ Image", "+ Table", "+ Video", "+ Audio")
RUNS = (
    *(Run(name, MODALITIES[: count + 1]) for count, name in enumerate(ROWS)),
    Run("neither loss", pretrained=False),
    Run("contrastive only", objective=(("masked", False),)),
    Run("masked only", objective=(("contrastive", False),)),
    Run("alignment off", objective=(("alignment", False),)),
    Run("audio of coin flips", control="uninformative"),
    Run("audio of noise", control="noise"),
)


def world_of(run: Run, seed: int) -> World:
    """Return the world that a run is trained on; worlds of one seed differ in their audio alone."""
    audio = frozenset({"audio"})
    if run.control == "noise":
        return World(seed, noise=audio)
    return World(seed, uninformative=audio if run.control else frozenset())


def recipe_of(run: Run) -> TrainingRecipe:
    """Return what a run trains."""
    return TrainingRecipe.model_validate(
        {
            "name": "study",
            "input": INPUT,
            "model": MODEL,
            "objective": {"modalities": run.modalities, **dict(run.objective)},
            "optimiser": {**OPTIMISER, "epochs": OPTIMISER["epochs"] if run.pretrained else 0},
        }
    )


MEASURES = (
    "finetuned accuracy",
    "pretrained accuracy",
    "finetuned paper mAP@1",
    "finetuned paper mAP@10",
    "finetuned standard mAP@10",
    "pretrained paper mAP@1",
    "pretrained standard mAP@10",
)
PAIRS = (
    *zip(ROWS[1:], ROWS, strict=False),
    ("contrastive only", "neither loss"),
    ("masked only", "neither loss"),
    ("+ Audio", "neither loss"),
    ("+ Audio", "contrastive only"),
    ("+ Audio", "masked only"),
    ("+ Audio", "alignment off"),
    ("audio of coin flips", "+ Video"),
    ("audio of noise", "+ Video"),
)
"""Compared: the first minus the second. ``+ Audio`` is the whole model with both losses."""

Results = Mapping[int, Mapping[str, Mapping[str, float]]]
"""Seed -> run -> measure -> value."""


def difference(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return the mean of paired differences and half the width of its interval."""
    array = np.asarray(values)
    spread = array.std(ddof=1) / np.sqrt(len(array))
    return float(array.mean()), float(student.ppf((1 + level) / 2, len(array) - 1) * spread)


def print_tables(results: Results) -> None:
    """Print both tables as Markdown."""
    print("\n| run |", " | ".join(MEASURES), "| best possible |")
    print("|---|" + "---:|" * (len(MEASURES) + 1))
    for run in RUNS:
        means = [f"{_of(results, run.name, name).mean():.3f}" for name in MEASURES]
        best = best_accuracy(run.modalities[:4] if run.control else run.modalities)
        print("|", run.name, "|", " | ".join(means), f"| {best:.3f} |")
    print("\n| difference |", " | ".join(MEASURES), "|")
    print("|---|" + "---:|" * len(MEASURES))
    for left, right in PAIRS:
        cells = []
        for name in MEASURES:
            mean, half = difference(list(_of(results, left, name) - _of(results, right, name)))
            cells.append(f"{mean:+.3f} ± {half:.3f}")
        print(f"| {left} − {right} |", " | ".join(cells), "|")
    print(f"\nbest possible is of complete products; all of {', '.join(MODALITIES)} where nothing else is said")


def _of(results: Results, run: str, measure: str) -> NDArray[np.float64]:
    return np.array([found[run][measure] for found in results.values()])


SEEDS = range(5)
_Measures = dict[str, dict[str, float]]


def measure(run: Run, seed: int, folder: Path) -> dict[str, float]:
    """Train and judge one run; chosen before any result was seen, the measures are the study's tables."""
    data = folder / "data" / f"{seed}-{run.control or 'plain'}"
    if not (data / "parquet" / "manifest.json").exists():
        write_world(world_of(run, seed), data, SIZES)
    shards, cache = ShardFolder(data), folder / "cache"
    place = folder / f"run-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    began = time.process_time()
    train(shards, recipe_of(run), place, seed=seed, cache=cache, device="cpu")
    found: dict[str, float] = {}
    for phase, name in (("pretrained", PRETRAINED), ("finetuned", FINETUNED)):
        evaluator = Evaluator(load_model(place / name, torch.device("cpu")), shards, torch.device("cpu"), cache)
        for measure_name, value in _judge(evaluator).items():
            found[f"{phase} {measure_name}"] = value
    return {**found, "cpu seconds": time.process_time() - began}


def _judge(evaluator: Evaluator) -> dict[str, float]:
    test = evaluator.features(TEST)
    classifier = evaluator.model.classifier
    if classifier is None:
        accuracy = probe(evaluator.features(FINETUNE), test)["top-1"]
    else:
        with torch.no_grad():
            scores = classifier.classify(torch.from_numpy(test.values)).numpy()
        accuracy = score(scores, test.labels, evaluator.model.classes)["top-1"]
    values = search(evaluator.features("query-c"), evaluator.features("gallery-c")).values
    kept = ("paper mAP@1", "paper mAP@10", "standard mAP@10")
    return {"accuracy": accuracy, **{name: values[name] for name in kept}}


def results_of(seed: int, folder: Path) -> _Measures:
    """Return name of the run -> measures, of the runs that were made of a seed."""
    path = folder / f"results-{seed}.json"
    found: _Measures = json.loads(path.read_text()) if path.exists() else {}
    return found


def run_seed(seed: int, folder: Path, ends: float) -> None:
    """Make the runs of a seed that are missing, as long as there is time."""
    results = results_of(seed, folder)
    for run in RUNS:
        if run.name not in results and time.monotonic() < ends:
            results[run.name] = measure(run, seed, folder)
            (folder / f"results-{seed}.json").write_text(json.dumps(results, indent=2))
            print(seed, run.name, {name: round(value, 3) for name, value in results[run.name].items()}, flush=True)


def main() -> None:
    """Make the runs that are missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS), help="those to run now")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + options.seconds
    torch.set_num_threads(1)  # so small a model is slower on two
    for seed in options.seeds:
        run_seed(seed, options.folder, ends)
    whole = [seed for seed in SEEDS if len(results_of(seed, options.folder)) == len(RUNS)]
    if len(whole) > 1:
        print(f"seeds {whole}")
        print_tables({seed: results_of(seed, options.folder) for seed in whole})


if __name__ == "__main__":
    main()
