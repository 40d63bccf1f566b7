"""Display languages: texts of a room, and words for the values of tables."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

__all__ = ["LANGUAGES", "Language", "coded", "texts_of"]

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def coded(value: str, language: Language) -> str:
    """Return words for a value of the tables such as ``no_video``; unknown values use the value's own."""
    known = texts_of("core", "words", f"values.{language}")
    return known.get(value) or value.replace("http_", "HTTP ").replace("_", " ")


@cache
def texts_of(package: str, folder: str, name: str) -> Mapping[str, Any]:
    """Return the texts of a file ``NAME.toml`` in a folder of a package."""
    file = resources.files(package) / folder / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
