"""Encoders by name: features from any folder of transformers, timm or sentence-transformers, or a name on the hub."""

import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from core.errors import MediaError, SettingsError
from media.image import read_image
from scale.data.audio import RATE, decode_audio
from scale.data.images import grid_boxes
from scale.data.sample_encoder import Feature
from scale.training_recipe import Modality, NamedEncoder

__all__ = ["ImageNetwork", "decode_picture", "load_encoder", "pooled"]

Floats = NDArray[np.float32]


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
    network = _network(settings.network, modality, device)

    def encode(inputs: Sequence[Any]) -> list[Feature]:
        with torch.inference_mode():
            match modality:
                case "text" | "table":
                    found = [_feature(states, settings.tokens) for states in network.texts(inputs)]
                case "image":
                    found = _pictures(network, inputs, settings.tokens)
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
        self.network = _network(settings.network, "image", torch.device("cpu")).module.train()
        self.is_timm = hasattr(self.network, "forward_features")

    def forward(self, pixels: Tensor, tokens: int) -> Tensor:
        """Return the states [B, tokens, width] of images [B, 3, side, side], standardised as ImageNet's."""
        if self.is_timm:
            return pooled(_as_sequence(self.network.forward_features(pixels)), tokens)  # type: ignore[operator]
        return pooled(_as_sequence(self.network(pixel_values=pixels).last_hidden_state), tokens)


class _Network:
    """A network of one of the libraries; each reads some of text, images and audio."""

    module: nn.Module

    def texts(self, texts: Sequence[str]) -> list[Tensor]:
        raise self._cannot_read(f"{len(texts)} texts")

    def pictures(self, pictures: Sequence[Image.Image]) -> list[tuple[Tensor, Tensor | None]]:
        raise self._cannot_read(f"{len(pictures)} pictures")

    def sound(self, samples: Floats) -> Tensor:
        raise self._cannot_read(f"{len(samples)} samples of sound")

    def _cannot_read(self, given: str) -> SettingsError:
        return SettingsError(
            f"input.encoders: {type(self.module).__name__} does not read this modality and was given {given}. "
            "Name a network that reads it."
        )


class _Transformers(_Network):
    """A network of transformers; of a multimodal one, the part for the modality."""

    def __init__(self, name: str, modality: Modality, device: torch.device) -> None:
        library = import_module("transformers")
        config = library.AutoConfig.from_pretrained(name)
        self.is_detector = any("ObjectDetection" in kind for kind in config.architectures or ())
        kind = library.AutoModelForObjectDetection if self.is_detector else library.AutoModel
        whole = kind.from_pretrained(name)
        part = "text_model" if modality in ("text", "table") else "vision_model"
        self.module, self.device = getattr(whole, part, whole).to(device).eval(), device
        reader = {"text": "AutoTokenizer", "table": "AutoTokenizer", "audio": "AutoFeatureExtractor"}
        self.read = getattr(library, reader.get(modality, "AutoImageProcessor")).from_pretrained(name)

    def texts(self, texts: Sequence[str]) -> list[Tensor]:
        read = self.read(list(texts), padding=True, truncation=True, return_tensors="pt").to(self.device)
        found = self.module(**read)
        mask = read["attention_mask"].bool()
        return [_with_pooled(found, row, states[keep]) for row, (states, keep) in enumerate(_pairs(found, mask))]

    def pictures(self, pictures: Sequence[Image.Image]) -> list[tuple[Tensor, Tensor | None]]:
        read = self.read(images=list(pictures), return_tensors="pt").to(self.device)
        found = self.module(**read)
        if not self.is_detector:
            states = _as_sequence(found.last_hidden_state)
            return [(_with_pooled(found, row, states[row]), None) for row in range(len(states))]
        scores = found.logits.softmax(dim=-1)[..., :-1].amax(dim=-1)
        best = scores.argsort(dim=1, descending=True, stable=True)
        states = found.last_hidden_state[:, -scores.shape[1] :]  # detection tokens come after those of the patches
        return [(states[row][order], found.pred_boxes[row][order]) for row, order in enumerate(best)]

    def sound(self, samples: Floats) -> Tensor:
        read = self.read(samples, sampling_rate=RATE, return_tensors="pt").to(self.device)
        found = self.module(**read)
        return _with_pooled(found, 0, found.last_hidden_state[0])


class _Timm(_Network):
    """A network of timm, for images only."""

    def __init__(self, name: str, device: torch.device) -> None:
        timm = _library("timm")
        where = f"local-dir:{name}" if Path(name).is_dir() else f"hf_hub:{name.removeprefix('hf_hub:')}"
        self.module = timm.create_model(where, pretrained=True, num_classes=0).to(device).eval()
        self.read = timm.data.create_transform(**timm.data.resolve_model_data_config(self.module))
        self.device = device

    def pictures(self, pictures: Sequence[Image.Image]) -> list[tuple[Tensor, Tensor | None]]:
        maps = self.module.forward_features(torch.stack([self.read(picture) for picture in pictures]).to(self.device))  # type: ignore[operator]
        vectors: Tensor = self.module.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        return [
            (torch.cat([vector[None], states]), None)
            for vector, states in zip(vectors, _as_sequence(maps), strict=True)
        ]


class _Sentences(_Network):
    """A network of sentence-transformers, for texts only, with one vector each."""

    def __init__(self, name: str, device: torch.device) -> None:
        self.module = _library("sentence_transformers").SentenceTransformer(name, device=str(device))

    def texts(self, texts: Sequence[str]) -> list[Tensor]:
        vectors: Tensor = self.module.encode(list(texts), convert_to_tensor=True, show_progress_bar=False)  # type: ignore[operator]
        return list(vectors[:, None])


def _network(name: str, modality: Modality, device: torch.device) -> _Network:
    """Load a network: a folder's files show which library wrote it; names of timm begin with ``timm/``."""
    folder = Path(name)
    try:
        if (folder / "modules.json").is_file() or name.startswith("sentence-transformers/"):
            loaded: _Network = _Sentences(name, device)
        elif name.startswith(("timm/", "hf_hub:")) or _is_timm(folder):
            loaded = _Timm(name, device)
        else:
            loaded = _Transformers(name, modality, device)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise SettingsError(
            f"input.encoders.{modality}.network: {name!r} cannot be loaded: {reason} "
            "Use a local folder, or a name on the hub, of a network that reads this modality."
        ) from None
    return loaded


def _is_timm(folder: Path) -> bool:
    path = folder / "config.json"
    return path.is_file() and "architecture" in json.loads(path.read_text(encoding="utf-8"))


def _library(name: str) -> Any:  # noqa: ANN401 - an optional package
    try:
        return import_module(name)
    except ImportError as error:
        package = name.replace("_", "-")
        raise SettingsError(f"input.encoders: This network needs {package}: {error}. Install {package}.") from None


def _with_pooled(found: Any, row: int, states: Tensor) -> Tensor:  # noqa: ANN401 - a library's output
    """Return the pooled vector of a sample, followed by its states: [1 + n, width]."""
    vector = getattr(found, "pooler_output", None)
    first = states.mean(dim=0) if vector is None else vector[row].flatten()
    return torch.cat([first[None], states])


def _pairs(found: Any, mask: Tensor) -> Iterable[tuple[Tensor, Tensor]]:  # noqa: ANN401 - a library's output
    return zip(found.last_hidden_state, mask, strict=True)


def _as_sequence(states: Tensor) -> Tensor:
    """Return a sequence, or a map [B, width, height, breadth], as [B, n, width]."""
    return states if states.ndim == 3 else states.flatten(2).transpose(1, 2)


def _feature(states: Tensor, tokens: int) -> Feature:
    """Return the pooled vector, which comes first, or the states after it, reduced to at most ``tokens``."""
    kept = states[:1] if tokens == 1 else pooled(states[1:][None], tokens)[0]
    values = kept.float().cpu().numpy()
    side = int(len(values) ** 0.5)
    whole = np.tile(np.array([[0, 0, 1, 1, 1]], np.float32), (len(values), 1))
    return Feature(values, grid_boxes(side) if side**2 == len(values) else whole)


def _pictures(network: _Network, payloads: Sequence[bytes], tokens: int) -> list[Feature]:
    pictures = [decode_picture(payload) for payload in payloads]
    seen = [picture for picture in pictures if picture is not None]
    found = iter(network.pictures(seen) if seen else ())
    return [_nothing() if picture is None else _seen(*next(found), tokens) for picture in pictures]


def _seen(states: Tensor, boxes: Tensor | None, tokens: int) -> Feature:
    if boxes is None:
        return _feature(states, tokens)
    centre, size = boxes[:tokens, :2], boxes[:tokens, 2:]
    corners = torch.cat([centre - size / 2, centre + size / 2], dim=1).clamp(0, 1)
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    places = torch.cat([corners, area[:, None]], dim=1)
    return Feature(states[:tokens].float().cpu().numpy(), places.float().cpu().numpy())


def _frames(network: _Network, payloads: Sequence[bytes], tokens: int) -> Feature:
    """Return the pooled vector of each of the first frames; unreadable ones are left out."""
    found = [feature.states for feature in _pictures(network, payloads[:tokens], 1) if len(feature.states)]
    states = np.concatenate(found) if found else _nothing().states
    return Feature(states, np.zeros((len(states), 5), np.float32))


def _sound(network: _Network, payload: bytes, seconds: float, tokens: int) -> Feature:
    try:
        samples = decode_audio(payload, seconds)
    except MediaError:
        return _nothing()
    return _feature(network.sound(samples), tokens)


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
