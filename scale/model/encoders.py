"""The encoders: tokens of text or table, features of image, video or audio."""

from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.training_recipe import InputSettings, Modality, ModelSettings

__all__ = ["Encoder", "FeatureEncoder", "Layer", "TokenEncoder", "make_encoder"]


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


SPREAD = 0.02
"""Deviation of embeddings at the start, as BERT's."""


class Encoder(Protocol):
    """Encodes one modality."""

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return states [B, T, width], the first a summary of all, and mask [B, T]."""

    def predict(self, states: Tensor) -> Tensor:
        """Return what masked tokens were, from their states [n, width]: logits, or features."""


class _Layers(nn.Module):
    """Embeddings of places, and the layers."""

    def __init__(self, settings: ModelSettings, tokens: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(tokens, settings.width) * SPREAD)
        self.norm = nn.LayerNorm(settings.width)
        self.dropout = nn.Dropout(settings.dropout)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.encoder_layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.dropout(self.norm(x + self.place))
        for layer in self.layers:
            x = layer(x, mask)
        return x


class TokenEncoder(nn.Module):
    """Text or table; the vocabulary's embeddings predict masked tokens too, as BERT's do."""

    def __init__(self, name: Modality, settings: ModelSettings, vocabulary: int, tokens: int) -> None:
        super().__init__()
        self.name = name
        self.words = nn.Embedding(vocabulary, settings.width)
        nn.init.normal_(self.words.weight, std=SPREAD)
        self.layers = _Layers(settings, tokens)
        self.before = nn.Sequential(nn.Linear(settings.width, settings.width), nn.GELU(), nn.LayerNorm(settings.width))
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return [B, L, width] and [B, L]; the first token is [CLS]."""
        mask = batch[f"{self.name}_mask"]
        return self.layers(self.words(batch[self.name]), mask), mask

    def predict(self, states: Tensor) -> Tensor:
        """Return logits [n, vocabulary]."""
        logits: Tensor = self.before(states) @ self.words.weight.T + self.bias
        return logits


class FeatureEncoder(nn.Module):
    """Image, video or audio; the first token is the mean of the features, [C]'s global token.

    The mean is taken of what is left after masking, so it does not give away what was masked.
    """

    def __init__(self, name: Modality, settings: ModelSettings, width: int, tokens: int, boxes: int = 0) -> None:
        super().__init__()
        self.name = name
        self.project = nn.Linear(width, settings.width)
        self.locate = nn.Linear(boxes, settings.width) if boxes else None
        self.layers = _Layers(settings, tokens + 1)
        self.restore = nn.Sequential(
            nn.Linear(settings.width, settings.width), nn.GELU(), nn.Linear(settings.width, width)
        )

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return [B, 1 + L, width] and [B, 1 + L]."""
        features, mask = batch[self.name], batch[f"{self.name}_mask"]
        share = mask.float() / mask.sum(dim=1, keepdim=True).clamp_min(1)
        x = self.project(torch.cat([(features * share[..., None]).sum(dim=1, keepdim=True), features], dim=1))
        if self.locate is not None:
            whole = torch.tensor([[0.0, 0.0, 1.0, 1.0, 1.0]], device=x.device).expand(len(x), 1, 5)
            x = x + self.locate(torch.cat([whole, batch[f"{self.name}_box"]], dim=1))
        mask = torch.cat([mask.any(dim=1, keepdim=True), mask], dim=1)
        return self.layers(x, mask), mask

    def predict(self, states: Tensor) -> Tensor:
        """Return features [n, feature width]."""
        restored: Tensor = self.restore(states)
        return restored


def make_encoder(
    name: Modality, settings: ModelSettings, inputs: InputSettings, vocabulary: int, *, stacked: bool
) -> TokenEncoder | FeatureEncoder:
    """Return the encoder of a modality; a ``stacked`` text is followed by the table."""
    if name == "text":
        return TokenEncoder(name, settings, vocabulary, inputs.text_tokens + (inputs.table_tokens if stacked else 0))
    if name == "table":
        return TokenEncoder(name, settings, vocabulary, inputs.table_tokens)
    if name == "image":
        return FeatureEncoder(name, settings, inputs.image_width, inputs.image_tokens, boxes=5)
    if name == "video":
        return FeatureEncoder(name, settings, inputs.video_width, inputs.frames)
    tokens, width = inputs.audio_shape
    return FeatureEncoder(name, settings, width, tokens)
