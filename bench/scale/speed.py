"""Samples per second of the loader alone and of the training step, and the time of a step's parts.

    python -m bench.scale.speed [--shards FOLDER] [--recipe tiny] [--device cpu]

Without ``--shards``, uses 512 generated products.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.scale.generated import World, write_world
from scale.data.batches import Batches
from scale.data.blocks import split_into_blocks
from scale.data.fit_vocabulary import fit
from scale.data.sample_encoder import Encoded
from scale.data.shard_folder import ShardFolder
from scale.data.tensors import Batch, make_batch
from scale.model.tasks import Pretraining, hide
from scale.training.train import make_loader
from scale.training_recipe import TrainingRecipe, load_training_recipe

ROUNDS = 30


def seconds_of(device: torch.device, call: Callable[[], Any], rounds: int = 1) -> float:
    """Return the mean seconds of a call over some rounds."""
    _wait(device)
    began = time.perf_counter()
    for _ in range(rounds):
        call()
    _wait(device)
    return (time.perf_counter() - began) / rounds


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def loader_speed(recipe: TrainingRecipe, shards: ShardFolder, cache: Path | None) -> tuple[float, list[Encoded]]:
    """Return the samples per second of an epoch, and its batches."""
    parts = shards.shards(recipe.train_split)
    fitted = fit(parts, recipe.input, recipe.optimiser.fit_samples)
    batches = Batches(split_into_blocks(parts), make_loader(recipe, fitted, cache), recipe.optimiser.batch)
    began = time.perf_counter()
    read = list(batches.epoch(0))
    return sum(map(len, read)) / (time.perf_counter() - began), read


def step_speed(recipe: TrainingRecipe, shards: ShardFolder, encoded: Encoded, device: torch.device) -> dict[str, float]:
    """Return the seconds of a step and of its parts."""
    vocabulary = fit(shards.shards(recipe.train_split), recipe.input, 1000).vocabulary.size
    module = Pretraining(recipe, vocabulary, 1_000_000).to(device)
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-4)
    to_batch = partial(make_batch, objective=recipe.objective, device=device)
    batch = to_batch(encoded)

    def forward(shown: Batch) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.optimiser.precision == "bfloat16"):
            return torch.stack(list(module(shown).values())).sum()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        forward(to_batch(encoded)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()

    step()
    with torch.no_grad():
        parts = {
            "to tensors": seconds_of(device, lambda: to_batch(encoded), ROUNDS),
            "masking": seconds_of(device, lambda: hide(batch, recipe.objective, vocabulary), ROUNDS),
            "encoders": seconds_of(device, lambda: module.trunk.vectors(batch), ROUNDS),
            "forward, all": seconds_of(device, lambda: forward(batch), ROUNDS),
        }
    whole = seconds_of(device, step, ROUNDS)
    return {"whole step": whole, **parts, "optimiser": seconds_of(device, optimiser.step, ROUNDS)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=Path)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    recipe = load_training_recipe(options.recipe)
    with tempfile.TemporaryDirectory() as name:
        if options.shards is None:
            write_world(World(0), Path(name) / "export", {"train": 512})
            recipe = recipe.model_copy(update={"input": recipe.input.model_copy(update={"mfcc": 13})})
        shards = ShardFolder(options.shards or Path(name) / "export")
        plain, _ = loader_speed(recipe, shards, None)
        loader_speed(recipe, shards, Path(name) / "cache")
        cached, read = loader_speed(recipe, shards, Path(name) / "cache")
        parts = step_speed(recipe, shards, read[0], device)
    print(f"{recipe.name} on {device}, batch {recipe.optimiser.batch}, {torch.get_num_threads()} threads")
    _print(recipe, plain, cached, parts, device)


def _print(recipe: TrainingRecipe, plain: float, cached: float, parts: dict[str, float], device: torch.device) -> None:
    eaten = recipe.optimiser.batch / parts["whole step"]
    print(f"loader, decoding: {plain:.0f} samples/s; from its cache: {cached:.0f} samples/s")
    print(f"step: {eaten:.0f} samples/s ({1 / parts['whole step']:.2f} steps/s)")
    print(f"loader / step: {plain / eaten:.1f} x decoding, {cached / eaten:.1f} x from its cache")
    for name, value in parts.items():
        print(f"  {name}: {1000 * value:.1f} ms")
    if device.type == "cuda":
        print(f"peak memory: {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB")


if __name__ == "__main__":
    main()
