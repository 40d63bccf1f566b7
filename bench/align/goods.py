"""The kinds of goods that the synthetic shops sell, from ``goods.txt``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

__all__ = ["Aisle", "Good", "read_goods"]

_FILE = Path(__file__).with_name("goods.txt")


@dataclass(frozen=True, slots=True)
class Good:
    """One kind of good."""

    names: tuple[str, ...]
    """What shops call it, the commonest first."""
    nouns: tuple[str, ...]
    """What titles call it."""
    price: float
    """Median, yuan."""


@dataclass(frozen=True, slots=True)
class Aisle:
    """A class of goods."""

    names: tuple[str, ...]
    """What shops call it, a name a shop."""
    features: tuple[str, ...]
    """Words of titles that all its goods share."""
    properties: dict[str, tuple[str, ...]]
    """Property -> values."""
    goods: tuple[Good, ...]


def read_goods() -> list[Aisle]:
    """Return the aisles, each a heading line (names | features | properties) and its goods (names | nouns | price)."""
    lines = _FILE.read_text("utf-8").splitlines()
    numbers = list(_numbered(lines))
    return [_aisle([line for _, line in block]) for _, block in groupby(numbers, key=lambda one: one[0])]


def _numbered(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield each line with the number of headings so far."""
    number = 0
    for line in lines:
        number += line.startswith("#")
        yield number, line


def _aisle(lines: Sequence[str]) -> Aisle:
    names, features, properties = (part.strip() for part in lines[0].removeprefix("#").split("|"))
    pairs = (one.split(":") for one in properties.split())
    return Aisle(
        tuple(names.split("/")),
        tuple(features.split()),
        {name: tuple(values.split(",")) for name, values in pairs},
        tuple(_good(line) for line in lines[1:]),
    )


def _good(line: str) -> Good:
    names, nouns, price = (part.strip() for part in line.split("|"))
    return Good(tuple(names.split("/")), tuple(nouns.split()), float(price))
