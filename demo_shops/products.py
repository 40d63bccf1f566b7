"""The products that the demo shops sell: kinds, brands, colours, and individual products."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

__all__ = ["SHOPS", "Assortment", "Product", "ShopName", "make_product", "read_assortment"]

ShopName = Literal["north", "south"]
SHOPS: tuple[ShopName, ShopName] = ("north", "south")
_PATTERNS = ("plain", "stripes", "dots", "band", "checks")


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour that products come in."""

    names: dict[ShopName, str]
    """Name in each shop."""
    rgb: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of product; ``shapes.toml`` has a drawing for every key."""

    key: str
    class_key: str
    paths: dict[ShopName, tuple[str, ...]]
    """Category path in each shop, outermost first; shops that do not sell it are absent."""
    listed: dict[str, tuple[int, int, int, int]]
    """Preset size -> products in both shops, north only, south only, and listed twice in the north."""
    words: tuple[str, ...]
    """Words that captions of both shops are made of."""
    options: dict[str, tuple[str, ...]]
    """Rows of the specification table and their possible values."""
    brands: tuple[str, ...]
    price: tuple[int, int]
    """Lowest and highest price, yuan."""


@dataclass(frozen=True, slots=True)
class Assortment:
    """Contents of ``products.toml``."""

    classes: dict[str, dict[ShopName, str]]
    kinds: tuple[Kind, ...]
    colours: tuple[Colour, ...]
    marks: dict[str, str]
    south_words: dict[str, str]
    south_properties: dict[str, str]
    south_units: dict[str, str]


@dataclass(frozen=True, slots=True)
class Product:
    """One true product, however and wherever it is listed."""

    number: int
    kind: Kind
    brand: str
    mark: str
    """Latin letters printed on the product."""
    model: str
    colour: Colour
    accent: Colour
    pattern: str
    stretch: float
    """Aspect ratio relative to the kind's drawing, about 1."""
    options: dict[str, str]
    price: int
    tune: int
    """Seed of the product's tune."""


def _paths(row: dict[str, Any], names: dict[ShopName, str]) -> dict[ShopName, tuple[str, ...]]:
    return {shop: (names[shop], *row[shop]) for shop in SHOPS if row[shop]}


def _kind(row: dict[str, Any], classes: dict[str, Any]) -> Kind:
    return Kind(
        key=row["key"],
        class_key=row["class"],
        paths=_paths(row, {shop: classes[row["class"]][shop] for shop in SHOPS}),
        listed={"demo": tuple(row["listed"]), "tiny": tuple(row.get("tiny", (0, 0, 0, 0)))},
        words=tuple(row["words"]),
        options={name: tuple(values) for name, values in row["options"].items()},
        brands=tuple(classes[row["class"]]["brands"]),
        price=(row["price"][0], row["price"][1]),
    )


def read_assortment() -> Assortment:
    """Return the shops' assortment, read from ``products.toml`` next to this file."""
    data = tomllib.loads(Path(__file__).with_name("products.toml").read_text(encoding="utf-8"))
    return Assortment(
        classes={key: {shop: row[shop] for shop in SHOPS} for key, row in data["classes"].items()},
        kinds=tuple(_kind(row, data["classes"]) for row in data["kinds"]),
        colours=tuple(Colour({s: row[s] for s in SHOPS}, tuple(row["rgb"])) for row in data["colours"]),
        marks=data["marks"],
        south_words=data["south_words"],
        south_properties=data["south_properties"],
        south_units=data["south_units"],
    )


def make_product(number: int, kind: Kind, assortment: Assortment, rng: np.random.Generator) -> Product:
    """Draw the properties of product ``number``; two products of a kind differ at least in their model."""
    first, second = rng.choice(len(assortment.colours), size=2, replace=False)
    brand = kind.brands[int(rng.integers(len(kind.brands)))]
    return Product(
        number=number,
        kind=kind,
        brand=brand,
        mark=assortment.marks[brand],
        model=f"{assortment.marks[brand]}-{100 + number}",
        colour=assortment.colours[int(first)],
        accent=assortment.colours[int(second)],
        pattern=_PATTERNS[int(rng.integers(len(_PATTERNS)))],
        stretch=float(np.round(rng.uniform(0.86, 1.16), 3)),
        options={name: values[int(rng.integers(len(values)))] for name, values in kind.options.items()},
        price=int(rng.integers(kind.price[0], kind.price[1])),
        tune=int(rng.integers(2**31)),
    )
