"""The study on generated data: gain from pre-training and from each modality, over five seeds.

    python -m bench.scale.study FOLDER [--seconds N] [--backwards]

Its questions, worlds, sizes and measures were fixed before its first run (docs/scale.md). Runs with results in FOLDER
are not repeated; after ``--seconds``, no further run is started. At the end, the tables are printed: means, and paired
differences, with 95 % intervals (Student's t; pairs share seed, data and random draws).
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student

from bench.scale.generated import World, best_accuracy, write_world
from scale.data.batches import Batches
from scale.data.blocks import split_into_blocks
from scale.data.fit_vocabulary import Fitted, fit
from scale.data.shard_folder import ShardFolder
from scale.data.tensors import Batch, make_batch
from scale.evaluation.scores import across, score
from scale.model.tasks import Classifier, Pretraining
from scale.training.loop import schedule, seeded
from scale.training.train import make_loader
from scale.training_recipe import MODALITIES, Modality, TrainingRecipe

WORLDS = {"little": 0.55, "middle": 0.70, "much": 0.95}
"""Name -> probability with which a modality shows a factor that another one owns."""
SIZES = {"train": 768, "classification-train": 256, "classification-test": 448}
LABELS = (64, 256)
STEPS = {"pretrain": 180, "finetune": 240}
BATCH = {"pretrain": 64, "finetune": 32}
RATE = 2e-3
SEEDS = range(5)
CPU = torch.device("cpu")
RECIPE: dict[str, Any] = {
    "name": "study",
    "input": {
        "text_tokens": 14,
        "table_tokens": 32,
        "grid": 3,
        "patch": 6,
        "frames": 5,
        "frame_side": 6,
        "audio_tokens": 3,
        "mfcc": 13,
    },
    "model": {
        "width": 48,
        "heads": 4,
        "feed_forward": 96,
        "encoder_layers": 1,
        "joint_layers": 1,
        "feature_width": 64,
    },
}


@dataclass(frozen=True)
class Run:
    """One combination of world, seed and modalities, pre-trained once and fine-tuned with each number of labels."""

    world: str
    seed: int
    modalities: tuple[Modality, ...] = MODALITIES

    @property
    def name(self) -> str:
        """Name in the results."""
        return f"{self.world} {self.seed} {len(self.modalities)}"


def runs() -> Iterator[Run]:
    """Yield every run: the worlds with all modalities, then fewer modalities in the middle world."""
    for world in reversed(WORLDS):
        yield from (Run(world, seed) for seed in SEEDS)
    for seed in SEEDS:
        yield from (Run("middle", seed, MODALITIES[:count]) for count in range(1, len(MODALITIES)))


@dataclass(frozen=True)
class Data:
    """The splits of a world as one batch each."""

    recipe: TrainingRecipe
    fitted: Fitted
    splits: Mapping[str, Batch]
    labels: Mapping[str, Sequence[str]]


def load(run: Run, folder: Path) -> Data:
    """Return the data of a run; generate them if they do not exist yet."""
    place = folder / "data" / f"{run.world}-{run.seed}"
    if not place.exists():
        write_world(World(run.seed, other=WORLDS[run.world]), place, SIZES)
    recipe = TrainingRecipe.model_validate({**RECIPE, "objective": {"modalities": run.modalities}})
    shards = ShardFolder(place)
    fitted = fit(shards.shards("train"), recipe.input, 100_000)
    numbers = {str(number): number for number in range(32)}
    splits: dict[str, Batch] = {}
    labels: dict[str, Sequence[str]] = {}
    for split in SIZES:
        blocks = split_into_blocks(shards.shards(split))
        parts = list(Batches(blocks, make_loader(recipe, fitted, None), 2).in_order())
        batches = [make_batch(part, recipe.objective, CPU, numbers) for part in parts]
        splits[split] = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
        labels[split] = [str(label) for part in parts for label in part.labels]
    return Data(recipe, fitted, splits, labels)


def train(module: torch.nn.Module, data: Batch, samples: int, phase: str, seed: int) -> float:
    """Train on the first ``samples`` of a split and return the last loss."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.01)
    order = np.random.default_rng([seed, samples])
    module.train()
    last = 0.0
    for step in range(STEPS[phase]):
        rows = torch.from_numpy(order.choice(samples, BATCH[phase], replace=False))
        for group in optimiser.param_groups:
            group["lr"] = RATE * schedule(step, STEPS[phase], 0.1)
        optimiser.zero_grad()
        with seeded(CPU, seed, step, samples):
            loss = torch.stack(list(module({name: part[rows] for name, part in data.items()}).values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        last = float(loss.detach())
    module.eval()
    return last


def measure(run: Run, folder: Path) -> dict[str, float]:
    """Return the measures of a run."""
    began = time.process_time()
    data = load(run, folder)
    size = data.fitted.vocabulary.size
    with seeded(CPU, run.seed, 1):
        pretraining = Pretraining(data.recipe, size, SIZES["train"])
    train(pretraining, data.splits["train"], SIZES["train"], "pretrain", run.seed)
    found = retrieval(pretraining, data.splits["classification-test"])
    for labels in LABELS if run.modalities == MODALITIES else LABELS[1:]:
        for start in ("pretrained", "from nothing"):
            with seeded(CPU, run.seed, 2):
                classifier = Classifier(data.recipe, size, 32)
            if start == "pretrained":
                classifier.trunk.load_state_dict(pretraining.trunk.state_dict())
            found[f"{start}, {labels} labels, loss"] = train(
                classifier, data.splits["classification-train"], labels, "finetune", run.seed
            )
            found[f"{start}, {labels} labels"] = accuracy(classifier, data)
    return {**found, "cpu seconds": time.process_time() - began}


@torch.no_grad()
def retrieval(module: Pretraining, batch: Batch) -> dict[str, float]:
    """Return R@10 of pairs of modalities, and its ratio to chance."""
    streams = module.trunk.streams
    vectors, present = module.trunk.vectors(batch).numpy(), batch["present"].numpy()
    found: dict[str, float] = {}
    for query, answer in (("image", "text"), ("text", "image"), ("table", "image"), ("video", "audio")):
        if {query, answer} <= set(streams):
            left, right = streams.index(query), streams.index(answer)
            both = present[:, left] & present[:, right]
            values = across(vectors[both, left], vectors[both, right])
            found[f"{query} → {answer}, R@10"] = values["R@10"]
            found[f"{query} → {answer}, times chance"] = values["R@10"] / values["chance R@10"]
    return found


@torch.no_grad()
def accuracy(classifier: Classifier, data: Data) -> float:
    """Return the share of test products classified correctly."""
    logits = classifier.classify(classifier.feature(data.splits["classification-test"])).numpy()
    labels = np.array(data.labels["classification-test"], dtype=object)
    return score(logits, labels, [str(number) for number in range(32)])["top-1"]


def interval(values: Sequence[float], level: float = 0.95) -> str:
    """Return the mean and half the width of its confidence interval, as text."""
    array = np.asarray(values)
    half = student.ppf((1 + level) / 2, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array))
    return f"{array.mean():.3f} ± {half:.3f}"


def print_tables(results: Mapping[str, Mapping[str, float]]) -> None:
    """Print the study's three tables as Markdown, each over its complete seeds."""
    whole = [seed for seed in SEEDS if all(f"{world} {seed} 5" in results for world in WORLDS)]
    fewer = [seed for seed in whole if all(f"middle {seed} {count}" in results for count in range(1, 5))]
    print(f"\nworlds: seeds {whole}; fewer modalities: seeds {fewer}")
    if len(whole) > 1:
        print_worlds(partial(_values, results, whole))
    if len(fewer) > 1:
        print_modalities(partial(_values, results, fewer))


def print_worlds(of: Callable[[str, int, str], list[float]]) -> None:
    """Print the gain from pre-training in each world, and retrieval across modalities."""
    print("\n| world | labels | pre-trained | from nothing | difference | best possible |\n|---|---|---|---|---|---|")
    for world, other in WORLDS.items():
        for labels in LABELS:
            left, right = (of(world, 5, f"{start}, {labels} labels") for start in ("pretrained", "from nothing"))
            both = [a - b for a, b in zip(left, right, strict=True)]
            best = best_accuracy(MODALITIES, other)
            print(f"| {world} | {labels} | {interval(left)} | {interval(right)} | {interval(both)} | {best:.3f} |")
    print("\n| world | pair | R@10 | times chance |\n|---|---|---|---|")
    for world in WORLDS:
        for pair in ("image → text", "text → image", "table → image", "video → audio"):
            times = of(world, 5, f"{pair}, times chance")
            print(f"| {world} | {pair} | {interval(of(world, 5, f'{pair}, R@10'))} | {interval(times)} |")


def print_modalities(of: Callable[[str, int, str], list[float]]) -> None:
    """Print the gain from each modality in the middle world."""
    print("\n| middle world, 256 labels | pre-trained | from nothing | added by the last modality | best possible |")
    print("|---|---|---|---|---|")
    for count in range(1, 6):
        pre, plain = (of("middle", count, f"{start}, 256 labels") for start in ("pretrained", "from nothing"))
        before = of("middle", count - 1, "pretrained, 256 labels") if count > 1 else []
        added = interval([a - b for a, b in zip(pre, before, strict=True)]) if before else "–"
        best = best_accuracy(MODALITIES[:count], WORLDS["middle"])
        print(f"| + {MODALITIES[count - 1]} | {interval(pre)} | {interval(plain)} | {added} | {best:.3f} |")


def _values(
    results: Mapping[str, Mapping[str, float]], seeds: Sequence[int], world: str, count: int, name: str
) -> list[float]:
    return [results[f"{world} {seed} {count}"][name] for seed in seeds]


def main() -> None:
    """Run the missing combinations, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--backwards", action="store_true", help="last run first, for a second process")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + options.seconds
    torch.set_num_threads(1)  # a model this small is slower with two threads
    every = list(runs())
    paths = {run.name: options.folder / f"{run.name.replace(' ', '-')}.json" for run in every}
    if options.backwards:
        every.sort(key=lambda run: (run.modalities != MODALITIES, -WORLDS[run.world], -run.seed))
    for run in every:
        if not paths[run.name].exists() and time.monotonic() < ends:
            found = measure(run, options.folder)
            paths[run.name].write_text(json.dumps(found, indent=2))
            print(run.name, {name: round(value, 3) for name, value in found.items()}, flush=True)
    print_tables({name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()})


if __name__ == "__main__":
    main()
