"""VGG-19 (Simonyan and Zisserman 2015) and Inception-v3 (torchvision's) over the image (MEP-3M)."""

from importlib import import_module

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from core.errors import SettingsError
from scale.data.tensors import Batch
from scale.model.layers import pixels_of
from scale.model.networks.simple import SimpleTrunk
from scale.training_recipe import Modality, TrainingRecipe

__all__ = ["ConvolutionalTrunk", "vgg19"]

VGG_19 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0)
"""Channels of each convolution; 0: pooling."""
SIDES = {"vgg-19": 224, "inception-v3": 299}
MIN = {"vgg-19": 32, "inception-v3": 75}
"""Smallest side of an image of which the network's pooling leaves anything."""


class _Vgg19(nn.Module):
    """VGG-19 up to the last hidden layer; its weights have torchvision's names."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in VGG_19:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
            channels = width or channels
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()
        )
        self.apply(_start)

    def forward(self, pixels: Tensor) -> Tensor:
        vector: Tensor = self.classifier(F.adaptive_avg_pool2d(self.features(pixels), 7).flatten(1))
        return vector


def _start(module: nn.Module) -> None:
    """Draw weights as torchvision does; with torch's defaults, the image's signal is lost after 16 convolutions."""
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)


def vgg19() -> nn.Module:
    """Return VGG-19 without its last layer: [B, 3, side, side] to [B, 4096]."""
    return _Vgg19()


def _inception() -> nn.Module:
    try:
        models = import_module("torchvision.models")  # optional, and large
    except (ImportError, RuntimeError) as error:
        raise SettingsError(
            f"model.network: inception-v3 needs torchvision built for this torch: {error}. Install it."
        ) from None
    network: nn.Module = models.inception_v3(weights=None, aux_logits=False, init_weights=True)
    network.fc = nn.Identity()
    return network


class ConvolutionalTrunk(SimpleTrunk):
    """Trunk of the image alone; a linear layer maps its features to the recipe's width."""

    def __init__(self, recipe: TrainingRecipe) -> None:
        super().__init__(recipe)
        self.inputs, name = recipe.input, recipe.model.network
        if self.inputs.image != "patches":
            raise SettingsError(f"input.image: {name} reads pixels. Use patches.")
        side = self.inputs.grid * self.inputs.patch
        if side < MIN[name]:
            raise SettingsError(
                f"input.grid: {name} needs images of {MIN[name]} pixels a side at least (the paper has "
                f"{SIDES[name]}); grid x patch is {side}."
            )
        self.network = vgg19() if name == "vgg-19" else _inception()
        if recipe.model.weights:
            load_weights(self.network, recipe.model.weights)
        self.project = nn.Linear(4096 if name == "vgg-19" else 2048, recipe.model.width)

    def encode_one(self, name: Modality, batch: Batch) -> Tensor:
        """Return [B, width]."""
        vector: Tensor = self.project(self.network(pixels_of(batch[name], self.inputs)))
        return vector

    def join(self, vectors: dict[Modality, Tensor]) -> Tensor:
        """Return the image's vector."""
        return vectors["image"]


def load_weights(network: nn.Module, path: str) -> None:
    """Load torchvision's weights, except those of its last layer.

    Raises:
        SettingsError: The file is missing, or holds other weights.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        missing = network.load_state_dict(state, strict=False).missing_keys
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise SettingsError(f"model.weights: {path}: {str(error).splitlines()[0]}") from None
    if missing:
        raise SettingsError(f"model.weights: {path}: The file lacks {', '.join(missing[:3])} and others.")
