"""LSTM and Bi-LSTM over the words of the title (MEP-3M)."""

import torch
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.model.networks.simple import SimpleTrunk
from scale.training_recipe import Modality, TrainingRecipe

__all__ = ["RecurrentTrunk", "Words"]


class Words(nn.Module):
    """Embeddings of words, then an LSTM's last state; of both directions with ``both``."""

    def __init__(self, vocabulary: int, width: int, *, both: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width, padding_idx=0)
        self.lstm = nn.LSTM(width, width // 2 if both else width, batch_first=True, bidirectional=both)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return [B, width]; a text without words counts as one padding word."""
        lengths = mask.sum(dim=1).clamp_min(1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(self.words(ids), lengths, batch_first=True, enforce_sorted=False)
        _, (last, _) = self.lstm(packed)
        return torch.cat(list(last), dim=-1)


class RecurrentTrunk(SimpleTrunk):
    """Trunk of the title alone; MEP-3M states no sizes, so the width is the recipe's."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int) -> None:
        super().__init__(recipe)
        self.text = Words(vocabulary, recipe.model.width, both=recipe.model.network == "bi-lstm")

    def encode_one(self, name: Modality, batch: Batch) -> Tensor:
        """Return [B, width]."""
        vector: Tensor = self.text(batch[name], batch[f"{name}_mask"])
        return vector

    def join(self, vectors: dict[Modality, Tensor]) -> Tensor:
        """Return the title's vector."""
        return vectors["text"]
