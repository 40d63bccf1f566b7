"""Tensor fusion network (Zadeh et al. 2017): the outer product of all modality vectors, each extended by a one."""

from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.model.networks.recurrent import Words
from scale.model.networks.simple import SimpleTrunk
from scale.training_recipe import Modality, TrainingRecipe

__all__ = ["FusedModalities", "LowRankTrunk", "TensorFusionTrunk", "with_one"]


def with_one(vector: Tensor) -> Tensor:
    """Return [B, width + 1] with ones in front."""
    return torch.cat([torch.ones_like(vector[:, :1]), vector], dim=1)


class FusedModalities(SimpleTrunk):
    """Subnetworks of the fusion papers: a Bi-LSTM for words, three ReLU layers for the mean of features.

    MEP-3M fuses title and image and states no sizes; the subnetworks are ``model.subnet`` wide.
    """

    def __init__(self, recipe: TrainingRecipe, vocabulary: int) -> None:
        super().__init__(recipe)
        width = recipe.model.subnet
        for name in self.streams:
            if name in ("text", "table"):
                self.encoders[name] = Words(vocabulary, width, both=True)
            else:
                wide = recipe.input.width_of(name) * (recipe.input.tokens_of(name) if name == "image" else 1)
                sizes = (wide, width, width, width)
                layers = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
                self.encoders[name] = nn.Sequential(*[part for pair in layers for part in pair])

    def encode_one(self, name: Modality, batch: Batch) -> Tensor:
        """Return [B, subnet]."""
        if name in ("text", "table"):
            vector: Tensor = self.encoders[name](batch[name], batch[f"{name}_mask"])
            return vector
        features = batch[name].flatten(1) if name == "image" else batch[name].mean(dim=1)
        return self.encoders[name](features)  # type: ignore[no-any-return]


class TensorFusionTrunk(FusedModalities):
    """The flattened outer product, then two ReLU layers."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int) -> None:
        super().__init__(recipe, vocabulary)
        width = recipe.model.width
        wide = (recipe.model.subnet + 1) ** len(self.streams)
        self.after = nn.Sequential(
            nn.Dropout(recipe.model.dropout), nn.Linear(wide, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )

    def join(self, vectors: dict[Modality, Tensor]) -> Tensor:
        """Return [B, width]."""
        product = reduce(
            lambda left, right: (left[:, :, None] * right[:, None]).flatten(1), map(with_one, vectors.values())
        )
        fused: Tensor = self.after(product)
        return fused


class LowRankTrunk(FusedModalities):
    """The sum over ranks of the products over modalities of linear maps of each vector, extended by a one."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int) -> None:
        super().__init__(recipe, vocabulary)
        rank, width, subnet = recipe.model.rank, recipe.model.width, recipe.model.subnet
        self.factors = nn.ParameterDict(
            {name: nn.init.xavier_normal_(torch.empty(rank, subnet + 1, width)) for name in self.streams}
        )
        self.weights = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, rank)))
        self.bias = nn.Parameter(torch.zeros(width))

    def join(self, vectors: dict[Modality, Tensor]) -> Tensor:
        """Return [B, width]."""
        parts = [with_one(vector) @ self.factors[name] for name, vector in vectors.items()]  # each [rank, B, width]
        product = torch.stack(parts).prod(dim=0)
        return (self.weights[0, :, None, None] * product).sum(dim=0) + self.bias
