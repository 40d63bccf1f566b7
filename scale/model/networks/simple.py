"""Base of the trunks without transformers: a vector per modality, and one of the product."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.model.fusion import States
from scale.model.network import Fused, restrict_to
from scale.training_recipe import Modality, TrainingRecipe

__all__ = ["SimpleTrunk"]


class SimpleTrunk(nn.Module):
    """A network with a vector per modality and one of the product; it is trained on classes alone."""

    def __init__(self, recipe: TrainingRecipe) -> None:
        super().__init__()
        self.streams = recipe.objective.streams
        self.encoders = nn.ModuleDict()

    @abstractmethod
    def encode_one(self, name: Modality, batch: Batch) -> Tensor:
        """Return the vector of a modality: [B, …]."""

    @abstractmethod
    def join(self, vectors: dict[Modality, Tensor]) -> Tensor:
        """Return the vector of the product [B, width] from those of its modalities."""

    def forward(self, batch: Batch) -> Fused:
        """Describe a batch (``make_batch``); absent modalities are zeros."""
        vectors: States = {}
        for at, name in enumerate(self.streams):
            vectors[name] = self.encode_one(name, batch) * batch["present"][:, at, None]
        feature = self.join(vectors)
        states = dict.fromkeys(self.streams, feature[:, None])
        first = torch.stack([feature] * len(self.streams), dim=1)
        return Fused(first, first, states, feature)

    def vectors(self, batch: Batch) -> Tensor:
        """Return a vector of each modality encoded by itself: [B, streams, width]."""
        alone = [self(restrict_to(batch, self.streams, (name,))).feature for name in self.streams]
        return torch.stack(alone, dim=1)

    def attention(self, batch: Batch) -> None:
        """Return None: these networks have no attention."""
        del batch
