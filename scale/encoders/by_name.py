"""Encoders by name: features from any folder of transformers, timm or sentence-transformers, or a name on the hub."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from PIL import Image
from torch import Tensor, nn

from core.errors import MediaError, SettingsError
from media.image import read_image
from scale.data.audio import decode_audio
from scale.data.images import grid_boxes
from scale.data.sample_encoder import Feature
from scale.encoders.networks import Network, Reading, load_network
from scale.training_recipe import Modality, NamedEncoder

__all__ = ["ImageNetwork", "decode_picture", "load_encoder", "pooled"]

Encode = Callable[[Sequence[Any]], list[Feature]]
"""Captions, tables as text, images, lists of frames, or audio clips (all bytes) -> a feature of each."""


def load_encoder(settings: NamedEncoder, modality: Modality, seconds: float, device: torch.device) -> Encode:
    """Load the frozen encoder of a modality.

    The pooled vector is the network's own, or else the mean of its states. A detector's states are those of its
    best-scored boxes.

    Args:
        settings: The encoder.
        modality: Modality that it reads.
        seconds: Length to which audio is cut.
        device: Device that the network runs on.

    Raises:
        SettingsError: There is no such network, a package that it needs is missing, or its states have another width.
    """
    network = load_network(settings.network, modality, device)

    def encode(inputs: Sequence[Any]) -> list[Feature]:
        with torch.inference_mode():
            match modality:
                case "text" | "table":
                    found = [_feature(reading, settings.tokens) for reading in network.texts(inputs)]
                case "image":
                    found = _images(network, inputs, settings.tokens)
                case "video":
                    found = [_frames(network, frames, settings.tokens) for frames in inputs]
                case "audio":
                    found = [_sound(network, payload, seconds, settings.tokens) for payload in inputs]
        for feature in found:
            _check(settings, modality, feature)
        return found

    return encode


def pooled(states: Tensor, tokens: int) -> Tensor:
    """Return states [B, n, width] reduced to at most ``tokens``: means of neighbours, in 2D for a square grid.

    A first state in addition to a square grid represents the whole image, and is left out.
    """
    count = states.shape[1]
    if count <= tokens:
        return states
    side, goal = int(count**0.5), int(tokens**0.5)
    if count - side**2 in (0, 1) and goal**2 == tokens:
        grid = states[:, count - side**2 :].transpose(1, 2).reshape(len(states), -1, side, side)
        return F.adaptive_avg_pool2d(grid, goal).flatten(2).transpose(1, 2)
    return F.adaptive_avg_pool1d(states.transpose(1, 2), tokens).transpose(1, 2)


class ImageNetwork(nn.Module):
    """A network over pixels that is trained with the model (``NamedEncoder.trained``)."""

    def __init__(self, settings: NamedEncoder) -> None:
        super().__init__()
        self._read = load_network(settings.network, "image", torch.device("cpu"))
        self.network = self._read.module.train()
        self.preprocessing = self._read.preprocessing

    def forward(self, pixels: Tensor, tokens: int) -> Tensor:
        """Return the states [B, tokens, width] of images [B, 3, side, side] from 0 to 1.

        They are scaled and standardised as the network was trained.
        """
        seen, side = self.preprocessing, self.preprocessing.side
        if side is not None and pixels.shape[-1] != side:
            pixels = F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
        mean, deviation = (pixels.new_tensor(values).view(3, 1, 1) for values in (seen.mean, seen.deviation))
        return pooled(self._read.pixels((pixels - mean) / deviation), tokens)


def _feature(reading: Reading, tokens: int) -> Feature:
    """Return the pooled vector, or the states reduced to at most ``tokens``; of a detector its best boxes."""
    if reading.boxes is not None:
        return _boxes(reading.states[:tokens], reading.boxes[:tokens])
    kept = reading.pooled[None] if tokens == 1 else pooled(reading.states[None], tokens)[0]
    values = kept.float().cpu().numpy()
    side = int(len(values) ** 0.5)
    whole = np.tile(np.array([[0, 0, 1, 1, 1]], np.float32), (len(values), 1))
    return Feature(values, grid_boxes(side) if side**2 == len(values) else whole)


def _boxes(states: Tensor, boxes: Tensor) -> Feature:
    centre, size = boxes[:, :2], boxes[:, 2:]
    corners = torch.cat([centre - size / 2, centre + size / 2], dim=1).clamp(0, 1)
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    places = torch.cat([corners, area[:, None]], dim=1)
    return Feature(states.float().cpu().numpy(), places.float().cpu().numpy())


def _images(network: Network, payloads: Sequence[bytes], tokens: int) -> list[Feature]:
    images = [decode_picture(payload) for payload in payloads]
    seen = [image for image in images if image is not None]
    found = iter(network.images(seen) if seen else ())
    return [_nothing() if image is None else _feature(next(found), tokens) for image in images]


def _frames(network: Network, payloads: Sequence[bytes], tokens: int) -> Feature:
    """Return the pooled vector of each of the first frames; unreadable ones are left out."""
    found = [feature.states for feature in _images(network, payloads[:tokens], 1) if len(feature.states)]
    states = np.concatenate(found) if found else _nothing().states
    return Feature(states, np.zeros((len(states), 5), np.float32))


def _sound(network: Network, payload: bytes, seconds: float, tokens: int) -> Feature:
    try:
        samples = decode_audio(payload, seconds)
    except MediaError:
        return _nothing()
    return _feature(network.audio(samples), tokens)


def decode_picture(payload: bytes) -> Image.Image | None:
    """Return an image as networks are given it; None if it cannot be decoded."""
    try:
        return read_image(payload)
    except MediaError:
        return None


def _nothing() -> Feature:
    return Feature(np.zeros((0, 0), np.float32), np.zeros((0, 5), np.float32))


def _check(settings: NamedEncoder, modality: Modality, feature: Feature) -> None:
    if len(feature.states) and feature.states.shape[1] != settings.width:
        raise SettingsError(
            f"input.encoders.{modality}.width: {settings.network} has states of {feature.states.shape[1]} numbers, "
            f"not {settings.width}. Set the width to that."
        )
    if not np.isfinite(feature.states).all():
        raise SettingsError(f"input.encoders.{modality}: {settings.network} gave states that are not finite.")
