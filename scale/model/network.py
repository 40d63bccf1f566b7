"""The trunk: encoders, fusion, and the feature of a product."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.model.encoders import make_encoder
from scale.model.fusion import States, make_fusion
from scale.training_recipe import TrainingRecipe

__all__ = ["Fused", "Trunk"]


@dataclass(frozen=True, slots=True)
class Fused:
    """What the trunk makes of a batch."""

    pooled: Tensor
    """[B, streams, width]: first state of each encoder, before fusion; contrasted and aligned."""
    states: States
    """Modality -> [B, tokens, width] after fusion."""
    feature: Tensor
    """[B, width]: sum of the first states after fusion, of the modalities that are there [C]."""


class Trunk(nn.Module):
    """Encoders and fusion of a recipe."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int) -> None:
        super().__init__()
        objective = recipe.objective
        self.streams = objective.streams
        self.encoders = nn.ModuleDict(
            {
                name: make_encoder(name, recipe.model, recipe.input, vocabulary, stacked=objective.stack_table)
                for name in self.streams
            }
        )
        self.fusion = make_fusion(recipe.model, objective)

    def forward(self, batch: Batch) -> Fused:
        """Encode and fuse a batch (``make_batch``)."""
        states, masks = self.encode(batch)
        fused = self.fusion(states, masks)
        there = batch["present"].to(states[self.streams[0]].dtype)
        pooled = torch.stack([states[name][:, 0] for name in self.streams], dim=1)
        first = torch.stack([fused[name][:, 0] for name in self.streams], dim=1)
        return Fused(pooled, fused, (first * there[..., None]).sum(dim=1))

    def encode(self, batch: Batch) -> tuple[States, States]:
        """Return states and masks of each modality before fusion; the states of absent ones are zeros."""
        states: States = {}
        masks: States = {}
        for at, name in enumerate(self.streams):
            encoded, mask = self.encoders[name](batch)
            there = batch["present"][:, at, None]
            states[name], masks[name] = encoded * there[..., None], mask & there
        return states, masks
