"""Fusion of the modalities: SCALE's joint co-transformer, M5-MMT's cross-attention, or none."""

import torch
from torch import Tensor, nn

from scale.model.encoders import SPREAD, Layer
from scale.training_recipe import Modality, ModelSettings, ObjectiveSettings

__all__ = ["CrossFusion", "JointFusion", "NoFusion", "States", "make_fusion"]

States = dict[Modality, Tensor]
"""Modality -> [B, tokens, …]."""


class JointFusion(nn.Module):
    """All tokens of all modalities in one sequence (SCALE)."""

    def __init__(self, settings: ModelSettings, streams: tuple[Modality, ...]) -> None:
        super().__init__()
        self.kind = nn.ParameterDict({name: torch.randn(settings.width) * SPREAD for name in streams})
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.joint_layers))

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
        x = torch.cat([part + self.kind[name] for name, part in states.items()], dim=1)
        return x, torch.cat(list(masks.values()), dim=1)


class CrossFusion(nn.Module):
    """Text attends to each other modality and that one to the text (M5-MMT).

    The paper does not say how the four results for the text become one: their mean, over the
    modalities that are there.
    """

    def __init__(self, settings: ModelSettings, streams: tuple[Modality, ...]) -> None:
        super().__init__()
        others = [name for name in streams if name != "text"]
        count = settings.joint_layers
        self.to_other = nn.ModuleDict({n: nn.ModuleList(Layer(settings) for _ in range(count)) for n in others})
        self.to_text = nn.ModuleDict({n: nn.ModuleList(Layer(settings) for _ in range(count)) for n in others})

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
    """Towers that never meet but in the loss (CLIP-style), or a single modality."""

    def forward(self, states: States, masks: States) -> States:
        """Return the states as they are."""
        del masks
        return states


def make_fusion(settings: ModelSettings, objective: ObjectiveSettings) -> JointFusion | CrossFusion | NoFusion:
    """Return the fusion that the objective asks for."""
    if objective.fusion == "joint":
        return JointFusion(settings, objective.streams)
    return CrossFusion(settings, objective.streams) if objective.fusion == "text-cross" else NoFusion()
