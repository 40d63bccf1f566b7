"""Traditional Chinese characters as simplified ones."""

from functools import cache
from importlib import resources

__all__ = ["to_simplified"]


def to_simplified(text: str) -> str:
    """Return the text with traditional characters replaced by simplified ones."""
    return text.translate(_simplified()) if any(mark > "\u33ff" for mark in text) else text


@cache
def _simplified() -> dict[int, str]:
    listed = resources.files("opencc").joinpath("dictionary", "TSCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in listed.splitlines() if "\t" in line)
    return {ord(traditional): simplified.split()[0] for traditional, simplified in pairs if len(traditional) == 1}
