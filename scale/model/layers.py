"""Transformer layers (BERT's, and the pre-norm one of the released joint transformer), and images from patches."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from scale.training_recipe import InputSettings

__all__ = ["EPSILON", "SPREAD", "Layer", "PreNormLayer", "bert_weights", "pixels_of", "plain_pixels_of"]

SPREAD = 0.02
"""Initial standard deviation of embeddings, as in BERT."""
EPSILON = 1e-12
"""Added to the variance in a norm, as in BERT."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet."""


def bert_weights(module: nn.Module) -> None:
    """Draw a module's own linear and embedding weights as BERT does: deviation .02, biases zero."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=SPREAD)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


class _Attention(nn.Module):
    """Multi-head attention to the tokens themselves or to a memory."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.share = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor, keys: Tensor) -> Tensor:
        query, key, value = self._split(self.query(x)), self._split(self.key(keys)), self._split(self.value(keys))
        share = self.share if self.training else 0.0
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=_guarded(mask)[:, None, None, :], dropout_p=share
        )
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the attention of every token to every other, mean over the heads: [B, L, L]."""
        query, key = self._split(self.query(x)), self._split(self.key(x))
        scores = query @ key.transpose(2, 3) / key.shape[-1] ** 0.5
        scores = scores.masked_fill(~_guarded(mask)[:, None, None, :], float("-inf"))
        return torch.softmax(scores, dim=-1).mean(dim=1)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)  # [B, heads, L, width / heads]


def _guarded(mask: Tensor) -> Tensor:
    """Return the mask with rows without any token set to True: their result is not used, but must be finite."""
    return mask | ~mask.any(dim=1, keepdim=True)


class Layer(nn.Module):
    """A BERT layer: self-attention or attention to a memory, then a feed-forward net, each followed by a norm."""

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.attention = _Attention(width, heads, dropout)
        self.wide, self.narrow = nn.Linear(width, feed_forward), nn.Linear(feed_forward, width)
        self.norm_1, self.norm_2 = nn.LayerNorm(width, EPSILON), nn.LayerNorm(width, EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, memory: Tensor | None = None) -> Tensor:
        """Return [B, L, width].

        Args:
            x: [B, L, width].
            mask: [B, K] bool, True where there is a key.
            memory: [B, K, width] to attend to; None: ``x`` itself.
        """
        x = self.norm_1(x + self.dropout(self.attention(x, mask, x if memory is None else memory)))
        y: Tensor = self.norm_2(x + self.dropout(self.narrow(F.gelu(self.wide(x)))))
        return y

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the attention of every token to every other, mean over the heads: [B, L, L]."""
        return self.attention.weights(x, mask)


class PreNormLayer(nn.Module):
    """A layer of the released joint transformer: norms before, feed-forward of 4 x width, x * sigmoid(1.702 x)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = _Attention(width, heads, 0.0)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return [B, L, width] from tokens [B, L, width] and their mask."""
        normed = self.norm_1(x)
        x = x + self.attention(normed, mask, normed)
        wide = self.wide(self.norm_2(x))
        y: Tensor = x + self.narrow(wide * torch.sigmoid(1.702 * wide))
        return y

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the attention of every token to every other, mean over the heads: [B, L, L]."""
        return self.attention.weights(self.norm_1(x), mask)


def plain_pixels_of(patches: Tensor, inputs: InputSettings) -> Tensor:
    """Return the image [B, 3, side, side] from 0 to 1, from patches [B, grid², …] of -1 to 1."""
    grid, patch = inputs.grid, inputs.patch
    rows = patches.reshape(len(patches), grid, grid, patch, patch, 3).permute(0, 5, 1, 3, 2, 4)
    return (rows.reshape(len(patches), 3, grid * patch, grid * patch) + 1) / 2


def pixels_of(patches: Tensor, inputs: InputSettings) -> Tensor:
    """Return the image [B, 3, side, side], standardised as ImageNet's, from patches [B, grid², …] of -1 to 1."""
    whole = plain_pixels_of(patches, inputs)
    mean, deviation = (torch.tensor(values, device=whole.device).view(3, 1, 1) for values in (MEAN, DEVIATION))
    return (whole - mean) / deviation
