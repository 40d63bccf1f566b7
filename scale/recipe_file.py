"""Reading a training recipe: a shipped one by its name, or a TOML file."""

from importlib import resources
from pathlib import Path

from m5data.errors import SettingsError
from m5data.settings_file import read_settings
from scale.settings import TrainingRecipe

__all__ = ["load_training_recipe", "training_recipe_names"]


def training_recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that this package ships, in alphabetical order."""
    folder = resources.files("scale") / "recipes"
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.is_file()))


def load_training_recipe(name: str | Path) -> TrainingRecipe:
    """Load a recipe.

    Args:
        name: Name of a shipped recipe, or path of a file that ends in ``.toml``.

    Raises:
        SettingsError: There is no such recipe, or it is wrong; the message names file and key.
    """
    if str(name).endswith(".toml"):
        return read_settings(Path(name), TrainingRecipe)
    if str(name) not in training_recipe_names():
        known = ", ".join(training_recipe_names())
        raise SettingsError(f"recipe {name}: wanted one of {known} or the path of a .toml file, got {str(name)!r}")
    with resources.as_file(resources.files("scale") / "recipes" / f"{name}.toml") as path:
        return read_settings(path, TrainingRecipe)
