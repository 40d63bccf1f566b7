"""The encoders: tokens of text or table, features of image, video or sound."""

from typing import Protocol

import torch
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.model.layer import Layer
from scale.settings import InputSettings, Modality, ModelSettings

__all__ = ["Encoder", "FeatureEncoder", "TokenEncoder", "make_encoder"]

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
    """Image, video or sound; the first token is the mean of the features, [C]'s global token.

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
