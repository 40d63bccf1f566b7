"""Fusion of the modalities: in one sequence, by attention to each other, or not at all."""

import torch
from torch import Tensor, nn

from scale.model.layers import SPREAD, Layer, PreNormLayer
from scale.training_recipe import Modality, ModelSettings, ObjectiveSettings

__all__ = ["CoAttention", "CrossFusion", "Fusion", "JointFusion", "NoFusion", "States", "make_fusion"]

States = dict[Modality, Tensor]
"""Modality -> [B, tokens, …]."""


class JointFusion(nn.Module):
    """All tokens of all modalities in one sequence: SCALE's joint co-transformer, or a single-stream model.

    The released layout adds embeddings of positions in the whole sequence, not of modalities; its layers are
    pre-norm [C].
    """

    def __init__(self, settings: ModelSettings, streams: tuple[Modality, ...], tokens: int) -> None:
        super().__init__()
        width, heads, *_ = settings.feature_layer
        self.place = None
        if settings.layout == "released":
            self.place = nn.Parameter(torch.randn(tokens, width) * SPREAD)
            layers: list[nn.Module] = [PreNormLayer(width, heads) for _ in range(settings.joint_layers)]
        else:
            self.kind = nn.ParameterDict({name: torch.randn(width) * SPREAD for name in streams})
            layers = [Layer(*settings.token_layer) for _ in range(settings.joint_layers)]
        self.layers, self.dropout = nn.ModuleList(layers), nn.Dropout(settings.dropout)
        self.see = nn.Linear(width, width) if settings.visual_words else None

    def forward(self, states: States, masks: States) -> States:
        """Return states of the same shapes."""
        x, mask = self._sequence(states, masks)
        for layer in self.layers:
            x = layer(x, mask)
        return dict(zip(states, torch.split(x, [part.shape[1] for part in states.values()], dim=1), strict=True))

    def attention(self, states: States, masks: States) -> Tensor:
        """Return the attention of the last layer: [B, all tokens, all tokens]."""
        x, mask = self._sequence(states, masks)
        *first, last = self.layers
        for layer in first:
            x = layer(x, mask)
        weights: Tensor = last.weights(x, mask)  # type: ignore[operator]
        return weights

    def _sequence(self, states: States, masks: States) -> tuple[Tensor, Tensor]:
        if self.see is not None and "image" in states:  # VL-BERT: every word sees the whole image
            states = {**states, "text": states["text"] + self.see(states["image"][:, :1])}
        mask = torch.cat(list(masks.values()), dim=1)
        if self.place is not None:
            return self.dropout(torch.cat(list(states.values()), dim=1) + self.place), mask
        return torch.cat([part + self.kind[name] for name, part in states.items()], dim=1), mask


class CoAttention(nn.Module):
    """Text and image attend to each other, layer by layer.

    In ViLBERT each such layer is followed by one of self-attention; in CAPTURE joint layers follow all of them.
    """

    def __init__(self, settings: ModelSettings, streams: tuple[Modality, ...], tokens: int) -> None:
        super().__init__()
        count = range(settings.co_layers)
        self.text, self.image = (
            nn.ModuleList(Layer(*kind) for _ in count) for kind in (settings.token_layer, settings.feature_layer)
        )
        own = count if not settings.joint_layers else ()
        self.own_text = nn.ModuleList(Layer(*settings.token_layer) for _ in own)
        self.own_image = nn.ModuleList(Layer(*settings.feature_layer) for _ in own)
        self.joint = JointFusion(settings, streams, tokens) if settings.joint_layers else None

    def forward(self, states: States, masks: States) -> States:
        """Return states of the same shapes; where a sample lacks one of the two, the other stays unchanged."""
        text, image = states["text"], states["image"]
        both = (masks["text"].any(dim=1) & masks["image"].any(dim=1))[:, None, None]
        for at, (to_text, to_image) in enumerate(zip(self.text, self.image, strict=True)):
            text, image = (
                torch.where(both, to_text(text, masks["image"], image), text),
                torch.where(both, to_image(image, masks["text"], text), image),
            )
            if self.joint is None:
                text, image = self.own_text[at](text, masks["text"]), self.own_image[at](image, masks["image"])
        fused: States = {"text": text, "image": image}
        return fused if self.joint is None else self.joint(fused, masks)


class CrossFusion(nn.Module):
    """Text attends to each other modality, and each of these to the text (M5-MMT).

    The paper does not say how the four results for the text become one; here they are averaged over the
    modalities present.
    """

    def __init__(self, settings: ModelSettings, streams: tuple[Modality, ...]) -> None:
        super().__init__()
        others = [name for name in streams if name != "text"]
        kind, count = settings.token_layer, range(settings.joint_layers)
        self.to_other = nn.ModuleDict({n: nn.ModuleList(Layer(*kind) for _ in count) for n in others})
        self.to_text = nn.ModuleDict({n: nn.ModuleList(Layer(*kind) for _ in count) for n in others})

    def forward(self, states: States, masks: States) -> States:
        """Return states of the same shapes."""
        text, seen = states["text"], masks["text"]
        fused: States = {"text": text}
        views, there = [], []
        for name in (name for name in states if name != "text"):
            view, other = text, states[name]
            for to_other, to_text in zip(self.to_other[name], self.to_text[name], strict=True):  # type: ignore[call-overload]
                view, other = to_other(view, masks[name], other), to_text(other, seen, view)
            fused[name] = other
            views.append(view)
            there.append(masks[name].any(dim=1).float())
        if views:
            weight = torch.stack(there, dim=1)  # [B, others]
            mean = (torch.stack(views, dim=1) * weight[..., None, None]).sum(1) / weight.sum(1).clamp_min(1)[
                :, None, None
            ]
            fused["text"] = torch.where(weight.any(dim=1)[:, None, None], mean, text)
        return {name: fused[name] for name in states}


class NoFusion(nn.Module):
    """Towers that meet only in the loss (CLIP), or a single modality."""

    def forward(self, states: States, masks: States) -> States:
        """Return the states unchanged."""
        del masks
        return states


Fusion = JointFusion | CoAttention | CrossFusion | NoFusion


def make_fusion(settings: ModelSettings, objective: ObjectiveSettings, tokens: int) -> Fusion:
    """Return the objective's fusion; ``tokens`` is the number for all modalities together."""
    match objective.fusion:
        case "joint":
            return JointFusion(settings, objective.streams, tokens)
        case "co-attention":
            return CoAttention(settings, objective.streams, tokens)
        case "text-cross":
            return CrossFusion(settings, objective.streams)
        case "none":
            return NoFusion()
