"""Reading a training recipe: a shipped one by its name, or a TOML file."""

from importlib import resources
from pathlib import Path

from m5data.errors import SettingsError
from m5data.settings_file import read_settings
from scale.settings import TrainingRecipe
from scale.shipped import shipped_names

__all__ = ["load_training_recipe"]


def load_training_recipe(name: str | Path) -> TrainingRecipe:
    """Load a recipe.

    Args:
        name: Name of a shipped recipe, or path of a file that ends in ``.toml``.

    Raises:
        SettingsError: There is no such recipe, or it is wrong; the message names file and key.
    """
    if str(name).endswith(".toml"):
        return read_settings(Path(name), TrainingRecipe)
    if str(name) not in shipped_names():
        known = ", ".join(shipped_names())
        raise SettingsError(f"recipe {name}: wanted one of {known} or the path of a .toml file, got {str(name)!r}")
    with resources.as_file(resources.files("scale") / "recipes" / f"{name}.toml") as path:
        return read_settings(path, TrainingRecipe)
