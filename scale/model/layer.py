"""One transformer layer, as BERT's: attention, then a feed-forward net, each followed by a sum and a norm."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from scale.settings import ModelSettings

__all__ = ["Layer"]


class Layer(nn.Module):
    """Self-attention, or attention to a memory."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        width = settings.width
        self.heads = settings.heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.wide = nn.Linear(width, settings.feed_forward)
        self.narrow = nn.Linear(settings.feed_forward, width)
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, mask: Tensor, memory: Tensor | None = None) -> Tensor:
        """Return [B, L, width].

        Args:
            x: [B, L, width].
            mask: [B, K] bool, which of the keys are there; a row without any attends to all (its outcome is
                not used, but must be finite).
            memory: [B, K, width] to attend to; None: ``x`` itself.
        """
        keys = x if memory is None else memory
        query, key, value = self._split(self.query(x)), self._split(self.key(keys)), self._split(self.value(keys))
        seen = _guarded(mask)[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)  # [B, heads, L, width / heads]
        x = self.norm_1(x + self.dropout(self.out(mixed.transpose(1, 2).flatten(2))))
        y: Tensor = self.norm_2(x + self.dropout(self.narrow(F.gelu(self.wide(x)))))
        return y

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the attention of every token to every other, mean over the heads: [B, L, L]."""
        query, key = self._split(self.query(x)), self._split(self.key(x))
        scores = query @ key.transpose(2, 3) / key.shape[-1] ** 0.5
        scores = scores.masked_fill(~_guarded(mask)[:, None, None, :], float("-inf"))
        return torch.softmax(scores, dim=-1).mean(dim=1)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)  # [B, heads, L, width / heads]


def _guarded(mask: Tensor) -> Tensor:
    return mask | ~mask.any(dim=1, keepdim=True)
