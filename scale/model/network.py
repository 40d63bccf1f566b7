"""The trunk: encoders, fusion, and the feature of a product."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.model.encoders import make_encoders
from scale.model.fusion import JointFusion, States, make_fusion
from scale.model.layers import bert_weights
from scale.training_recipe import Modality, TrainingRecipe

__all__ = ["Fused", "Trunk", "restrict_to"]


@dataclass(frozen=True, slots=True)
class Fused:
    """Output of the trunk for a batch."""

    pooled: Tensor
    """[B, streams, pooled width]: a vector of each modality before fusion, to be contrasted and aligned."""
    first: Tensor
    """[B, streams, width]: first state of each modality after fusion."""
    states: States
    """Modality -> [B, tokens, width] from which masked tasks are predicted: after fusion or, as released, before."""
    feature: Tensor
    """[B, width]: sum of the first states after fusion, of the modalities present [C]."""


class Trunk(nn.Module):
    """Encoders and fusion of a recipe."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int) -> None:
        super().__init__()
        objective, model = recipe.objective, recipe.model
        self.streams = objective.streams
        self.released = model.layout == "released"
        self.encoders = make_encoders(self.streams, model, recipe.input, vocabulary, stacked=objective.stack_table)
        self.fusion = make_fusion(model, objective, recipe.input.sequence(self.streams, stacked=objective.stack_table))
        self.poolers = None
        if self.released:
            self.apply(bert_weights)
        if model.pool_width:
            self.poolers = nn.ModuleDict({name: nn.Linear(model.width, model.pool_width) for name in self.streams})
        self.is_single_stream = model.encoder_layers == 0

    def forward(self, batch: Batch) -> Fused:
        """Encode and fuse a batch (``make_batch``)."""
        states, masks = self.encode(batch)
        fused = self.fusion(states, masks)
        there = batch["present"].to(states[self.streams[0]].dtype)
        first = torch.stack([fused[name][:, 0] for name in self.streams], dim=1)
        seen = states if self.released else fused
        return Fused(self.pool(states, masks), first, seen, (first * there[..., None]).sum(dim=1))

    def encode(self, batch: Batch) -> tuple[States, States]:
        """Return states and masks of each modality before fusion; the states of absent ones are zeros."""
        states: States = {}
        masks: States = {}
        for at, name in enumerate(self.streams):
            encoded, mask = self.encoders[name](batch)
            there = batch["present"][:, at, None]
            states[name], masks[name] = encoded * there[..., None], mask & there
        return states, masks

    def pool(self, states: States, masks: States) -> Tensor:
        """Return the vector of each modality before fusion: [B, streams, pooled width].

        By default it is the mean of its states, with ``pool_width`` a projection of that, and in the released layout
        ReLU of a projection of the first state [C].
        """
        pooled = []
        for name in self.streams:
            if self.released:
                vector = states[name][:, 0]
            else:
                seen = masks[name].to(states[name].dtype)[..., None]
                vector = (states[name] * seen).sum(dim=1) / seen.sum(dim=1).clamp_min(1)
            if self.poolers is not None:
                vector = self.poolers[name](vector)
            pooled.append(vector.relu() if self.released else vector)
        return torch.stack(pooled, dim=1)

    def vectors(self, batch: Batch) -> Tensor:
        """Return a vector of each modality encoded by itself, for cross-modal retrieval: [B, streams, width].

        A single-stream model has none before fusion: it is shown one modality at a time.
        """
        if not self.is_single_stream:
            return self.pool(*self.encode(batch))
        alone = [self(restrict_to(batch, self.streams, (name,))).feature for name in self.streams]
        return torch.stack(alone, dim=1)

    def attention(self, batch: Batch) -> tuple[Tensor, dict[Modality, slice]] | None:
        """Return the attention of the last joint layer [B, tokens, tokens], and the place of each modality in it."""
        if not isinstance(self.fusion, JointFusion):
            return None
        states, masks = self.encode(batch)
        starts, at = {}, 0
        for name, part in states.items():
            starts[name] = slice(at, at + part.shape[1])
            at += part.shape[1]
        return self.fusion.attention(states, masks), starts


def restrict_to(batch: Batch, streams: tuple[Modality, ...], modalities: tuple[Modality, ...]) -> Batch:
    """Return the batch as if its samples had only these modalities; empty: unchanged."""
    if not modalities:
        return batch
    kept = torch.tensor([name in modalities for name in streams], device=batch["present"].device)
    hidden = {f"{name}_mask": torch.zeros_like(batch[f"{name}_mask"]) for name in streams if name not in modalities}
    return {**batch, **hidden, "present": batch["present"] & kept}
