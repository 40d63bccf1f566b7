"""The training recipes that this package ships, as they stand in their files."""

import tomllib
from importlib import resources
from typing import Any

__all__ = ["shipped_names", "shipped_values"]


def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped recipes, in alphabetical order."""
    folder = resources.files("scale") / "recipes"
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.is_file()))


def shipped_values(name: str) -> dict[str, Any]:
    """Return what a shipped recipe's file says.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in shipped_names():
        raise ValueError(f"base: wanted one of {', '.join(shipped_names())}, got {name!r}")
    return tomllib.loads((resources.files("scale") / "recipes" / f"{name}.toml").read_text(encoding="utf-8"))
