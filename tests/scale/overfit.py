"""Overfit a few products in memory: the quickest proof that a model can learn."""

from dataclasses import dataclass

import torch

from scale.data.batches import Batches
from scale.data.blocks import split_into_blocks
from scale.data.fit_vocabulary import Fitted, fit
from scale.data.sample_encoder import Encoded
from scale.data.shard_folder import ShardFolder
from scale.data.tensors import Batch, make_batch
from scale.evaluation.scores import across
from scale.model.tasks import Pretraining
from scale.training.loop import schedule, seeded
from scale.training.train import make_loader
from scale.training_recipe import Modality, TrainingRecipe, load_training_recipe

__all__ = ["Few", "few_products", "overfit", "recall"]


@dataclass(frozen=True)
class Few:
    """Some products as arrays, and the recipe by which they are encoded."""

    recipe: TrainingRecipe
    fitted: Fitted
    encoded: Encoded


def few_products(shards: ShardFolder, recipe: TrainingRecipe | None = None, **model: object) -> Few:
    """Return the products of ``train``, encoded by the recipe ``tiny`` unless another is given."""
    chosen = recipe or load_training_recipe("tiny")
    changed = {
        "input": chosen.input.model_copy(update={"mfcc": 13}),
        "model": chosen.model.model_copy(update=model),
    }
    chosen = chosen.model_copy(update=changed)
    parts = shards.shards("train")
    fitted = fit(parts, chosen.input, 1000)
    batches = Batches(split_into_blocks(parts), make_loader(chosen, fitted, None), 2)
    return Few(chosen, fitted, next(batches.in_order()))


def overfit(few: Few, steps: int, rate: float = 2e-3, seed: int = 0) -> tuple[Batch, Pretraining, dict[str, float]]:
    """Return the batch, the module after some steps on it, and the loss terms of the last one."""
    device = torch.device("cpu")
    batch = make_batch(few.encoded, few.recipe.objective, device)
    with seeded(device, seed, 1):
        module = Pretraining(few.recipe, few.fitted.vocabulary.size, len(few.encoded))
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate)
    terms: dict[str, float] = {}
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(step, steps, 0.1)
        optimiser.zero_grad()
        with seeded(device, seed, step):
            losses = module(batch)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        terms = {name: float(loss.detach()) for name, loss in losses.items()}
    return batch, module, terms


def recall(module: Pretraining, batch: Batch, query: Modality, answer: Modality) -> float:
    """Return the share of products whose nearest vector in the other modality is their own."""
    module.eval()
    with torch.no_grad():
        vectors = module.trunk.vectors(batch).numpy()
    module.train()
    left, right = (module.trunk.streams.index(name) for name in (query, answer))
    both = (batch["present"][:, left] & batch["present"][:, right]).numpy()
    return across(vectors[both, left], vectors[both, right])["R@1"]
