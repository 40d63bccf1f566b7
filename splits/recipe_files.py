"""Read recipes: shipped ones by name, others from TOML files."""

import json
import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from m5data.errors import SettingsError
from splits.recipe import Recipe

__all__ = ["load_recipe", "parse_recipe", "recipe_names"]

_KINDS = ("sample", "retrieval", "classification")


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that this package ships, in alphabetical order."""
    folder = resources.files("splits") / "recipes"
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.is_file()))


def load_recipe(name: str | Path, folder: Path | None = None) -> Recipe:
    """Load a recipe.

    Args:
        name: Name of a shipped recipe, or path of a file that ends in ``.toml`` and is named as
            the recipe in it.
        folder: Where a relative path is looked for if it is not in the current folder.

    Raises:
        SettingsError: There is no such recipe, or it is wrong; the message names file, key, the
            rule and the value.
    """
    if str(name).endswith(".toml"):
        path = Path(name)
        recipe = parse_recipe(_read(folder / path if folder and not path.is_file() else path), str(name))
        if recipe.name != path.stem:
            raise SettingsError(
                f"{name}: name must be {path.stem!r}, as the file is named, not {recipe.name!r}. Rename one of them."
            )
        return recipe
    if str(name) not in recipe_names():
        known = ", ".join(recipe_names())
        raise SettingsError(f"There is no recipe {str(name)!r}. Name one of {known}, or give the path of a .toml file.")
    shipped = resources.files("splits") / "recipes" / f"{name}.toml"
    return parse_recipe(shipped.read_text(encoding="utf-8"), f"{name}.toml")


def parse_recipe(text: str, where: str) -> Recipe:
    """Parse a recipe from TOML; ``where`` names it in messages.

    Raises:
        SettingsError: The text is no TOML, or no recipe.
    """
    try:
        # as JSON: strict validation of Python values refuses lists where tuples are meant
        return Recipe.model_validate_json(json.dumps(tomllib.loads(text), default=str))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where}: this is not valid TOML: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"{where}: {'; '.join(_describe(e) for e in error.errors())}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such recipe file. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the recipe cannot be read: {error}. It must be a text file in UTF-8.") from None


def _describe(fault: ErrorDetails) -> str:
    parts = [str(part) for part in fault["loc"] if part not in _KINDS]
    where = ".".join(parts) or "recipe"
    match fault["type"]:
        case "extra_forbidden":
            return f"{where} ({_shorten(fault['input'])}) is not a key of recipes; remove it"
        case "missing":
            return f"{where} is missing; add this key"
        case "value_error":
            return ": ".join([*([where] if parts else []), fault["msg"].removeprefix("Value error, ")])
        case "union_tag_invalid" | "union_tag_not_found":
            return f"{where}.kind must be one of {', '.join(_KINDS)}, not {_shorten(fault['input'].get('kind'))}"
        case _:
            problem = fault["msg"].replace("Input should be ", "must be ", 1)
            return f"{where} {problem}; it is {_shorten(fault['input'])}"


def _shorten(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
