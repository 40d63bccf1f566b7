"""Pre-trained networks of transformers, timm and sentence-transformers, pooled as each was trained."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from core.errors import SettingsError
from scale.data.audio import RATE
from scale.training_recipe import Modality

__all__ = ["Network", "Preprocessing", "Reading", "as_sequence", "load_network", "require_package"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a network makes of one input."""

    pooled: Tensor
    """[width]: by its own trained pooling, after its projection if it has one; else the mean of its states."""
    states: Tensor
    """[n, width]: its states in order, projected likewise; of a detector those of its boxes, best first."""
    boxes: Tensor | None = None
    """[n, 4] of a detector: centre and size, as shares of the image."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a network of images was trained to see them."""

    mean: tuple[float, float, float]
    """Of red, green and blue, from 0 to 1."""
    deviation: tuple[float, float, float]
    side: int | None
    """Side of its square images, pixels; None: it reads any size."""


class Network:
    """A network of one of the libraries; each reads some of text, images and audio."""

    module: nn.Module

    def texts(self, texts: Sequence[str]) -> list[Reading]:
        """Return a reading of each text."""
        raise self._cannot_read(f"{len(texts)} texts")

    def images(self, images: Sequence[Image.Image]) -> list[Reading]:
        """Return a reading of each image."""
        raise self._cannot_read(f"{len(images)} images")

    def audio(self, samples: Floats) -> Reading:
        """Return the reading of a clip at 16 kHz."""
        raise self._cannot_read(f"{len(samples)} samples of audio")

    def pixels(self, pixels: Tensor) -> Tensor:
        """Return the states [B, n, width] of images [B, 3, side, side] that are standardised as it was trained."""
        raise self._cannot_read(f"{len(pixels)} images")

    @property
    def preprocessing(self) -> Preprocessing:
        """How it was trained to see images."""
        raise self._cannot_read("an image")

    def _cannot_read(self, given: str) -> SettingsError:
        return SettingsError(
            f"input.encoders: {type(self.module).__name__} does not read this modality and was given {given}. "
            "Name a network that reads it."
        )


_PROJECTIONS = {
    "text": "text_projection",
    "table": "text_projection",
    "image": "visual_projection",
    "video": "visual_projection",
    "audio": "audio_projection",
}
_PARTS = {"text": "text", "table": "text", "image": "vision", "video": "vision", "audio": "audio"}
_TOWERS = {"text": "text", "table": "text", "image": "image", "video": "image", "audio": "audio"}


class _Transformers(Network):
    """A network of transformers; of a model with several towers, the modality's tower with its projection."""

    def __init__(self, name: str, modality: Modality, device: torch.device) -> None:
        library = import_module("transformers")
        self.config = library.AutoConfig.from_pretrained(name)
        architectures = self.config.architectures or ()
        self.is_detector = any("ObjectDetection" in kind for kind in architectures)
        projected = next((kind for kind in architectures if kind.endswith("WithProjection")), None)
        kind = library.AutoModelForObjectDetection if self.is_detector else library.AutoModel
        factory = getattr(library, projected) if projected else kind
        whole, report = factory.from_pretrained(name, output_loading_info=True)
        self.untrained: list[str] = sorted(report["missing_keys"])
        """Weights that the saved files lack, so that they are random."""
        self.has_trained_pooling = True
        self.device, self.modality = device, modality
        for other in {"text", "vision", "audio"} - {_PARTS[modality]}:
            whole._modules.pop(f"{other}_model", None)  # noqa: SLF001 - the towers of other modalities are not used
        self.module = whole.to(device).eval()
        self.encode = self._tower(whole)
        reader = {"text": "AutoTokenizer", "table": "AutoTokenizer", "audio": "AutoFeatureExtractor"}
        self.read = getattr(library, reader.get(modality, "AutoImageProcessor")).from_pretrained(name)

    def _tower(self, whole: Any) -> Any:  # noqa: ANN401 - a library's module or method
        """Return what encodes the modality: a tower with its projection, an encoder without its decoder, or all."""
        tower = getattr(whole, f"get_{_TOWERS[self.modality]}_features", None)
        if tower is not None:
            return tower
        if getattr(self.config, "is_encoder_decoder", False):
            return whole.get_encoder()
        return whole

    def texts(self, texts: Sequence[str]) -> list[Reading]:
        read = self.read(list(texts), truncation=True, return_tensors="pt", **self._lengths()).to(self.device)
        found = self.encode(**read)
        every = torch.ones_like(read["input_ids"])
        mask = read.get("attention_mask", every).bool()
        return [self._reading(found, row, keep) for row, keep in enumerate(mask)]

    def _lengths(self) -> dict[str, Any]:
        """Return padding and longest text: what the tokenizer says, and at most as many as there are positions."""
        text = self.config.get_text_config()
        places = getattr(text, "max_position_embeddings", None) or 1 << 20
        if str(text.model_type).startswith(("roberta", "xlm-roberta", "camembert")):
            places -= 2  # positions are counted from the padding's number on
        longest = min(self.read.model_max_length, places)
        if str(self.config.model_type).startswith("siglip"):  # trained with texts padded to their full length
            return {"padding": "max_length", "max_length": places}
        return {"padding": True, "max_length": longest}

    def images(self, images: Sequence[Image.Image]) -> list[Reading]:
        read = self.read(images=list(images), return_tensors="pt").to(self.device)
        found = self.encode(**read)
        if not self.is_detector:
            return [self._reading(found, row) for row in range(len(images))]
        scores = found.logits.softmax(dim=-1)[..., :-1].amax(dim=-1)
        best = scores.argsort(dim=1, descending=True, stable=True)
        states = found.last_hidden_state[:, -scores.shape[1] :]  # detection tokens come after those of the patches
        return [
            Reading(states[row].mean(dim=0), states[row][order], found.pred_boxes[row][order])
            for row, order in enumerate(best)
        ]

    def audio(self, samples: Floats) -> Reading:
        read = self.read(samples, sampling_rate=RATE, return_tensors="pt").to(self.device)
        found = self.encode(**read)
        padded = getattr(self.read, "n_samples", len(samples))  # Whisper pads every clip to 30 s
        states = as_sequence(found.last_hidden_state).shape[1]
        keep = torch.arange(states) < max(math.ceil(states * min(len(samples) / padded, 1.0)), 1)
        return self._reading(found, 0, keep.to(self.device))

    def pixels(self, pixels: Tensor) -> Tensor:
        found: Any = self.encode(pixel_values=pixels)
        return self._projected(as_sequence(found.last_hidden_state))

    @property
    def preprocessing(self) -> Preprocessing:
        mean, deviation = (tuple(getattr(self.read, f"image_{name}", None) or ()) for name in ("mean", "std"))
        if len(mean) != 3 or len(deviation) != 3 or not getattr(self.read, "do_normalize", True):
            mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        config = getattr(self.config, "vision_config", self.config)
        side = getattr(config, "image_size", None)
        side = side if isinstance(side, int) or side is None else side[0]
        return Preprocessing(mean, deviation, side)

    def _reading(self, found: Any, row: int, keep: Tensor | None = None) -> Reading:  # noqa: ANN401
        states = as_sequence(found.last_hidden_state)[row]
        states = self._projected(states if keep is None else states[keep])
        vector = getattr(found, "pooler_output", None) if self.has_trained_pooling else None
        for name in ("image_embeds", "text_embeds"):
            vector = getattr(found, name, None) if vector is None else vector
        return Reading(states.mean(dim=0) if vector is None else vector[row].flatten(), states)

    def _projected(self, states: Tensor) -> Tensor:
        """Return states in the space in which the towers meet; unchanged if the network has no linear projection."""
        projection = getattr(self.module, _PROJECTIONS[self.modality], None)
        if not isinstance(projection, nn.Linear) or projection.in_features != states.shape[-1]:
            return states
        norm = getattr(getattr(self.module, "vision_model", None), "post_layernorm", None)
        if norm is not None and self.modality in ("image", "video"):
            states = norm(states)  # CLIP normalises the pooled state alone, before it is projected
        projected: Tensor = projection(states)
        return projected


class _Timm(Network):
    """A network of timm, for images only."""

    def __init__(self, name: str, device: torch.device) -> None:
        timm = import_module("timm")
        where = f"local-dir:{name}" if Path(name).is_dir() else f"hf_hub:{name.removeprefix('hf_hub:')}"
        self.module = timm.create_model(where, pretrained=True, num_classes=0).to(device).eval()
        self.data = timm.data.resolve_model_data_config(self.module)
        self.read = timm.data.create_transform(**self.data)
        self.device = device

    def images(self, images: Sequence[Image.Image]) -> list[Reading]:
        maps = self.module.forward_features(torch.stack([self.read(image) for image in images]).to(self.device))  # type: ignore[operator]
        vectors: Tensor = self.module.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        return [Reading(vector, states) for vector, states in zip(vectors, as_sequence(maps), strict=True)]

    def pixels(self, pixels: Tensor) -> Tensor:
        return as_sequence(self.module.forward_features(pixels))  # type: ignore[operator]

    @property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing(tuple(self.data["mean"]), tuple(self.data["std"]), int(self.data["input_size"][-1]))


class _Sentences(Network):
    """A network of sentence-transformers, for texts only, with one vector each."""

    def __init__(self, name: str, device: torch.device) -> None:
        self.module = import_module("sentence_transformers").SentenceTransformer(name, device=str(device))

    def texts(self, texts: Sequence[str]) -> list[Reading]:
        vectors: Tensor = self.module.encode(list(texts), convert_to_tensor=True, show_progress_bar=False)  # type: ignore[operator]
        return [Reading(vector, vector[None]) for vector in vectors]


def load_network(name: str, modality: Modality, device: torch.device) -> Network:
    """Load a network: a folder's files show which library wrote it; names of timm begin with ``timm/``.

    Weights that the saved files lack are random. Where they change only the pooled vector (an untrained pooler), it
    is the mean of the states instead.

    Raises:
        SettingsError: There is no such network, its package is missing, or random weights change its states.
    """
    require_package(name)
    try:
        if _library_of(name) == "sentence_transformers":
            return _Sentences(name, device)
        if _library_of(name) == "timm":
            return _Timm(name, device)
        network = _Transformers(name, modality, device)
        if network.untrained:
            _refuse_random(network, _Transformers(name, modality, device), name)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise SettingsError(
            f"input.encoders.{modality}.network: {name!r} cannot be loaded: {reason} "
            "Use a local folder, or a name on the hub, of a network that reads this modality."
        ) from None
    return network


def require_package(name: str) -> None:
    """Check that the library of a network is installed, without loading it.

    Raises:
        SettingsError: It is not.
    """
    library = _library_of(name)
    if find_spec(library) is None:
        package = library.replace("_", "-")
        raise SettingsError(f"input.encoders: {name!r} needs {package}, which is not installed. Install {package}.")


def _library_of(name: str) -> str:
    folder = Path(name)
    if (folder / "modules.json").is_file() or name.startswith("sentence-transformers/"):
        return "sentence_transformers"
    return "timm" if name.startswith(("timm/", "hf_hub:")) or _is_timm(folder) else "transformers"


def _is_timm(folder: Path) -> bool:
    path = folder / "config.json"
    return path.is_file() and "architecture" in json.loads(path.read_text(encoding="utf-8"))


_PROBE_TEXTS = ("a red shoe", "lamp 42")


def _refuse_random(network: _Transformers, again: _Transformers, name: str) -> None:
    """Compare the features of two loads, which differ where weights are random."""
    one, other = _fingerprint(network), _fingerprint(again)
    if not all(_equal(left.states, right.states) for left, right in zip(one, other, strict=True)):
        named = ", ".join(network.untrained[:3])
        raise SettingsError(
            f"input.encoders.{network.modality}.network: {name!r}: Its saved files lack "
            f"{len(network.untrained)} weights ({named}, …), so its states would be random. "
            "Use a folder with all weights of this modality's encoder."
        )
    network.has_trained_pooling = all(_equal(left.pooled, right.pooled) for left, right in zip(one, other, strict=True))


@torch.inference_mode()
def _fingerprint(network: _Transformers) -> list[Reading]:
    """Return readings of fixed inputs."""
    if network.modality in ("text", "table"):
        return network.texts(_PROBE_TEXTS)
    if network.modality == "audio":
        return [network.audio(np.sin(np.arange(RATE, dtype=np.float32) / 6))]
    ramp = np.arange(64, dtype=np.uint8) * 4
    return network.images([Image.fromarray(np.stack(np.broadcast_arrays(ramp, ramp[:, None], ramp[::-1]), axis=-1))])


def _equal(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and bool(torch.allclose(left, right, atol=1e-5))


def as_sequence(states: Tensor) -> Tensor:
    """Return a sequence, or a map [B, width, height, breadth], as [B, n, width]."""
    return states if states.ndim == 3 else states.flatten(2).transpose(1, 2)
