"""Names that every other system accepts, as keys of Prefect's artifacts and verbs; small numbers as words."""

import re

__all__ = ["dashed", "number_word"]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_OTHER = re.compile(r"[^a-z0-9]+")


def dashed(*words: str) -> str:
    """Return words as one name of lower-case ASCII letters, digits and single dashes; ``x`` if nothing is left."""
    return _OTHER.sub("-", "-".join(words).lower()).strip("-") or "x"


def number_word(number: int) -> str:
    """Return a small number as a word."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)
