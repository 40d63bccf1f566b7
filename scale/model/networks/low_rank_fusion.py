"""Low-rank multimodal fusion (Liu et al. 2018): the outer product's linear layer, factored by modality."""

import torch
from torch import Tensor, nn

from scale.model.networks.tensor_fusion import FusedModalities, with_one
from scale.training_recipe import Modality, TrainingRecipe

__all__ = ["LowRankTrunk"]


class LowRankTrunk(FusedModalities):
    """The sum over ranks of the products, modality by modality, of linear maps of each vector with a one added."""

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
