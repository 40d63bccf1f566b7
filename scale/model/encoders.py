"""The encoders: tokens of text or table (optionally from a BERT), features of image, video or audio."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import SettingsError
from scale.data.tensors import Batch
from scale.data.tokens import bert_order
from scale.encoders.by_name import ImageNetwork
from scale.encoders.whole import load_whole
from scale.model.layers import EPSILON, SPREAD, Layer, plain_pixels_of
from scale.training_recipe import InputSettings, Modality, ModelSettings

__all__ = ["FeatureEncoder", "TokenEncoder", "adopt_bert", "describe_boxes", "make_encoders"]


class _Layers(nn.Module):
    """Position embeddings, a norm, and the layers."""

    def __init__(self, kind: tuple[int, int, int, float], count: int, places: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(places, kind[0]) * SPREAD) if places else None
        self.norm, self.dropout = nn.LayerNorm(kind[0], EPSILON), nn.Dropout(kind[3])
        self.layers = nn.ModuleList(Layer(*kind) for _ in range(count))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.dropout(self.norm(x if self.place is None else x + self.place[: x.shape[1]]))
        for layer in self.layers:
            x = layer(x, mask)
        return x


class TokenEncoder(nn.Module):
    """Encoder of text or table; its word embeddings also predict masked tokens, as in BERT."""

    def __init__(self, name: Modality, settings: ModelSettings, vocabulary: int, tokens: int) -> None:
        super().__init__()
        self.name = name
        self.words = nn.Embedding(vocabulary, settings.width)
        nn.init.normal_(self.words.weight, std=SPREAD)
        self.layers = _Layers(settings.token_layer, settings.encoder_layers, tokens)
        self.before = nn.Sequential(nn.Linear(settings.width, settings.width), nn.GELU(), nn.LayerNorm(settings.width))
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return states [B, L, width] and mask [B, L]; the first token is [CLS]."""
        mask = batch[f"{self.name}_mask"]
        return self.layers(self.words(batch[self.name]), mask), mask

    def predict(self, states: Tensor) -> Tensor:
        """Return logits [n, vocabulary] of masked tokens, from their states [n, width]."""
        logits: Tensor = self.before(states) @ self.words.weight.T + self.bias
        return logits

    def share(self, other: "TokenEncoder") -> None:
        """Use another encoder's embeddings, layers and head."""
        self.words, self.layers, self.before, self.bias = other.words, other.layers, other.before, other.bias


class FeatureEncoder(nn.Module):
    """Encoder of image, video or audio; the first token is the mean of the features, [C]'s global token.

    The mean is taken after masking, so it does not reveal the masked features.
    """

    def __init__(self, name: Modality, settings: ModelSettings, width: int, tokens: int) -> None:
        super().__init__()
        self.name, self.location = name, settings.location if name == "image" else "none"
        self.project = nn.Linear(width, settings.width)
        numbers = LOCATIONS[self.location]
        self.locate = nn.Linear(numbers, settings.width) if numbers else None
        places = tokens + 1 if name != "image" or settings.image_places else 0
        self.layers = _Layers(settings.feature_layer, settings.encoder_layers, places)
        self.restore = nn.Sequential(
            nn.Linear(settings.width, settings.width),
            nn.GELU(),
            nn.LayerNorm(settings.width) if settings.layout == "released" else nn.Identity(),
            nn.Linear(settings.width, width),
        )

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return states [B, 1 + L, width] and mask [B, 1 + L]."""
        features, mask = self.see(batch), batch[f"{self.name}_mask"]
        share = mask.float() / mask.sum(dim=1, keepdim=True).clamp_min(1)
        x = self.project(torch.cat([(features * share[..., None]).sum(dim=1, keepdim=True), features], dim=1))
        if self.locate is not None:
            whole = torch.tensor([[0.0, 0.0, 1.0, 1.0, 1.0]], device=x.device).expand(len(x), 1, 5)
            x = x + self.locate(describe_boxes(torch.cat([whole, batch["image_box"]], dim=1), self.location))
        mask = torch.cat([mask.any(dim=1, keepdim=True), mask], dim=1)
        return self.layers(x, mask), mask

    def see(self, batch: Batch) -> Tensor:
        """Return the features [B, L, width] to be projected."""
        return batch[self.name]

    def predict(self, states: Tensor) -> Tensor:
        """Return predictions of masked features [n, feature width], from their states [n, width]."""
        restored: Tensor = self.restore(states)
        return restored


class NetworkEncoder(FeatureEncoder):
    """Encoder of an image by a pre-trained network, trained with the model; masked patches are predicted."""

    def __init__(self, name: Modality, settings: ModelSettings, inputs: InputSettings) -> None:
        super().__init__(name, settings, inputs.width_of(name), inputs.tokens_of(name))
        self.inputs = inputs
        self.network = ImageNetwork(inputs.encoders[name])
        self.project = nn.Linear(inputs.encoders[name].width, settings.width)

    def see(self, batch: Batch) -> Tensor:
        """Return the network's states [B, grid², width], as many as there are patches."""
        states: Tensor = self.network(plain_pixels_of(batch[self.name], self.inputs), self.inputs.image_tokens)
        return states


WAVES = 16
"""Wavelengths of ``sine``, each giving a sine and a cosine of four numbers."""
LOCATIONS = {"none": 0, "5": 5, "7": 7, "sine": 8 * WAVES}


def describe_boxes(boxes: Tensor, location: str) -> Tensor:
    """Return the location features of boxes [B, L, 5] (corners and area, shares of the image).

    ``5``: unchanged (ViLBERT, SCALE). ``7``: corners, width, height, area (UNITER). ``sine``: sines and
    cosines of centre, width and height (VL-BERT).
    """
    if location == "5":
        return boxes
    corner, opposite, area = boxes[..., :2], boxes[..., 2:4], boxes[..., 4:]
    size = opposite - corner
    if location == "7":
        return torch.cat([corner, opposite, size, area], dim=-1)
    numbers = 100 * torch.cat([(corner + opposite) / 2, size], dim=-1)
    waves = 1000 ** (torch.arange(WAVES, device=boxes.device) / WAVES)
    angles = (numbers[..., None] / waves).flatten(-2)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def make_encoders(
    streams: tuple[Modality, ...], settings: ModelSettings, inputs: InputSettings, vocabulary: int, *, stacked: bool
) -> nn.ModuleDict:
    """Return the encoder of each modality; a ``stacked`` text is followed by the table.

    In the released layout the table goes through the text's embeddings and layers, and the video through the
    image's layers [C].
    """
    released = settings.layout == "released"
    longest = max(inputs.text_tokens, inputs.table_tokens) if released else inputs.text_tokens
    text_tokens = inputs.text_tokens + inputs.table_tokens if stacked else longest
    tokens: dict[str, TokenEncoder] = {}
    features: dict[str, FeatureEncoder] = {}
    for name in streams:
        if inputs.is_tokens(name):
            count = text_tokens if name == "text" else inputs.table_tokens
            tokens[name] = TokenEncoder(name, settings, vocabulary, count)
        elif name in inputs.encoders and name not in inputs.frozen:
            features[name] = NetworkEncoder(name, settings, inputs)
        else:
            features[name] = FeatureEncoder(name, settings, inputs.width_of(name), inputs.tokens_of(name))
    if released and {"text", "table"} <= set(tokens):
        tokens["table"].share(tokens["text"])
    if released and {"image", "video"} <= set(features):
        features["video"].layers.layers = features["image"].layers.layers
    return nn.ModuleDict({name: tokens[name] if name in tokens else features[name] for name in streams})


def adopt_bert(encoder: TokenEncoder, name: str) -> None:
    """Copy a BERT's embeddings and its first layers into an encoder; for equal tokens both then have equal states.

    Args:
        encoder: As wide as the BERT, with as many heads and the same feed-forward width.
        name: A local folder, or a name on the hub; its vocabulary is ``input.bert_vocabulary``.

    Raises:
        SettingsError: It is not a BERT, or has other sizes.
    """
    from transformers import BertModel  # noqa: PLC0415 - large, and needed only if weights are given

    try:
        bert: Any = load_whole(BertModel, name, add_pooling_layer=False)
        order = torch.tensor(bert_order(name))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"model.bert: {name!r} is not a BERT: {str(error).splitlines()[0]}") from None
    _check(encoder, bert, name)
    embeddings = bert.embeddings
    with torch.no_grad():
        encoder.words.weight.copy_(embeddings.word_embeddings.weight[order])
        place = encoder.layers.place
        if place is not None:
            places = embeddings.position_embeddings.weight[: len(place)]
            place.copy_(places + embeddings.token_type_embeddings.weight[0])
    _copy(encoder.layers.norm, embeddings.LayerNorm)
    for own, theirs in zip(encoder.layers.layers, bert.encoder.layer, strict=False):
        attention = theirs.attention
        for part in ("query", "key", "value"):
            _copy(getattr(own.attention, part), getattr(attention.self, part))
        _copy(own.attention.out, attention.output.dense)  # type: ignore[union-attr, arg-type]
        _copy(own.norm_1, attention.output.LayerNorm)  # type: ignore[arg-type]
        _copy(own.wide, theirs.intermediate.dense)  # type: ignore[arg-type]
        _copy(own.narrow, theirs.output.dense)  # type: ignore[arg-type]
        _copy(own.norm_2, theirs.output.LayerNorm)  # type: ignore[arg-type]


def _check(encoder: TokenEncoder, bert: Any, name: str) -> None:  # noqa: ANN401 - transformers' module
    settings, layers = bert.config, encoder.layers.layers
    own = {"width": encoder.words.embedding_dim, "vocabulary": encoder.words.num_embeddings}
    theirs = {"width": settings.hidden_size, "vocabulary": settings.vocab_size}
    if len(layers):
        first: Any = layers[0]
        own |= {"heads": first.attention.heads, "feed_forward": first.wide.out_features}
        theirs |= {"heads": settings.num_attention_heads, "feed_forward": settings.intermediate_size}
    different = [f"{key} {theirs[key]}, here {own[key]}" for key in own if own[key] != theirs[key]]
    if len(layers) > settings.num_hidden_layers:
        different.append(f"{settings.num_hidden_layers} layers, here {len(layers)}")
    if different:
        raise SettingsError(f"model.bert: {Path(name).name} has {'; '.join(different)}. Use the same sizes.")


def _copy(own: nn.Module, theirs: nn.Module) -> None:
    with torch.no_grad():
        for name, weight in own.named_parameters():
            value: Tensor = theirs.get_parameter(name)
            weight.copy_(value)
