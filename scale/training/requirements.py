"""Check packages, folders and files that a recipe names, before anything starts."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from core.errors import SettingsError
from scale.data.tokens import load_bert_vocabulary
from scale.encoders.networks import require_package
from scale.training_recipe import TrainingRecipe

__all__ = ["check_requirements"]


def check_requirements(recipe: TrainingRecipe) -> None:
    """Check that everything that a recipe names is there, without loading any network.

    Raises:
        SettingsError: A package, folder, file, vocabulary or function is missing; the message names the key.
    """
    inputs, model = recipe.input, recipe.model
    for modality, encoder in inputs.encoders.items():
        if Path(encoder.network).is_absolute() and not Path(encoder.network).is_dir():
            raise SettingsError(
                f"input.encoders.{modality}.network: There is no folder {encoder.network}. "
                "Use a local folder, or a name on the hub."
            )
        require_package(encoder.network)
    if inputs.image == "regions":
        _require_file("input.regions_file", inputs.regions_file)
    if inputs.tokens == "bert":
        load_bert_vocabulary(inputs.bert_vocabulary)
    if model.weights:
        _require_file("model.weights", model.weights)
    if model.network == "inception-v3" and find_spec("torchvision") is None:
        raise SettingsError("model.network: inception-v3 needs torchvision, which is not installed. Install it.")
    if recipe.objective.completion:
        _require_function(recipe.objective.completion)


def _require_file(key: str, path: str) -> None:
    if not Path(path).is_file():
        raise SettingsError(f"{key}: There is no file {path!r}. Check the path.")


def _require_function(name: str) -> None:
    module, _, function = name.partition(":")
    try:
        getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"objective.completion: {name!r} must be module:function: {error}") from None
