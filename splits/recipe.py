"""A split recipe: the splits that a catalogue is divided into and their rules, read from TOML."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from core.errors import SettingsError

__all__ = [
    "LEVELS",
    "UNUSED",
    "Block",
    "Classification",
    "Level",
    "Part",
    "Pool",
    "Recipe",
    "Retrieval",
    "Sample",
    "Separate",
    "Side",
    "Size",
    "SplitName",
    "deepest_level",
    "load_recipe",
    "names_of",
    "parse_recipe",
    "recipe_names",
    "sizes_of",
]

Level = Literal["class", "sub_class", "subsub_class"]
LEVELS: tuple[Level, ...] = ("class", "sub_class", "subsub_class")
"""Levels of the shared hierarchy, outermost first."""

_ENOUGH = 10
"""Products that a category needs to be judged on, which is ``min_category`` of the default recipe."""

Pool = Literal["train", "reserve"]
"""``train``: products that were never held out; ``reserve``: those that were."""

SplitName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]


class _Part(BaseModel):
    """Frozen; unknown keys and silent conversions are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Part(_Part):
    """A number of products, or a share."""

    number: Annotated[int, Field(ge=1)] | None = None
    """Exact number; fewer available products are an error."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share, rounded down; fewer if not enough are available."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.number is None) == (self.share is None):
            given = {"number": self.number, "share": self.share}
            raise ValueError(f"give either number or share; this is {given}")
        return self


class Size(Part):
    """Size of a split."""

    of: str = "pool"
    """Base of a share: ``pool``, ``catalogue`` or a split earlier in the file."""
    least: Annotated[int, Field(ge=0)] = 1
    """Minimum: fewer is an error; a share that rounds below it is raised to it."""


class Separate(_Part):
    """Properties that must not straddle train and evaluation beyond duplicate groups and matches, which never do."""

    merchant: bool = False
    """No merchant has products on both sides; products without a merchant are free."""
    yields: Literal["train", "evaluation", "draw"] = "train"
    """Side that loses a merchant's products if it has them on both sides. The graph of merchants and groups is
    connected at 20 % shared products, so one side must: ``draw`` assigns each merchant to one side by hash."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """With ``draw``: the part of merchants that goes to evaluation."""
    time: AwareDatetime | None = None
    """Train only on products first seen before this time, evaluate only on those first seen from then on."""


class _Splits(_Part):
    label: Level | None = None
    """Level of the hierarchy that is the label; default: the recipe's."""
    overlaps: tuple[SplitName, ...] = ()
    """Splits that may hold the same products; all others may not."""


class Sample(_Splits):
    """One split of plain samples."""

    kind: Literal["sample"]
    name: SplitName
    pool: Pool = "train"
    size: Size
    inside: SplitName | None = None
    """An earlier split of plain samples that this one is a part of (``subset`` of ``train``)."""
    stratify: bool = True
    """Draw from each class in proportion, at least one of each if the size allows."""


class Retrieval(_Splits):
    """Queries, and the gallery that they are searched in; both from the reserve."""

    kind: Literal["retrieval"]
    query: SplitName
    gallery: SplitName
    truth: Literal["category", "match"]
    """``category``: the same category is right (coarse); ``match``: the same product is (fine)."""
    queries: Size
    size: Size
    """Size of the gallery, including distractors."""
    matched: Part | None = None
    """Gallery samples that are right for some query; a share is of the gallery. Default: all available."""
    distractors: bool = True
    """Fill the gallery with products that are right for no query."""
    categories: Literal["all"] | tuple[str, ...] = "all"
    """Names of categories, of any level, that queries and their matches come from."""
    min_category: Annotated[int, Field(ge=1)] = 1
    """Minimum products of a category in the whole catalogue for it to be queried."""
    near_duplicates: Literal["keep", "remove"] = "keep"
    """Products in the duplicate group of a query: keep them in its gallery, or leave them out."""
    need_match: bool = True
    """Each query has at least one right product in the gallery."""

    @model_validator(mode="after")
    def _matched_leaves_distractors(self) -> Self:
        if self.matched is not None and not self.distractors:
            raise ValueError("matched cannot be given with distractors = false: the whole gallery is matched then")
        return self


class Classification(_Splits):
    """Labelled samples of both sides: train of products never held out, test of the reserve."""

    kind: Literal["classification"]
    train: SplitName
    test: SplitName
    train_size: Size
    test_size: Size
    categories: Annotated[int, Field(ge=1)] | None = None
    """Exact number of categories; default: all that are large enough."""
    min_category: Annotated[int, Field(ge=2)] = 2
    """Minimum products of a category in the whole catalogue."""


Block = Annotated[Sample | Retrieval | Classification, Field(discriminator="kind")]


UNUSED = "unused"
"""The split of all products that no other split holds."""

Side = Literal["train", "evaluation"]


class Recipe(BaseModel):
    """One recipe. Its blocks are filled in the order of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    name: SplitName
    label: Literal["class", "sub_class", "subsub_class", "deepest"] = "sub_class"
    """Level of the hierarchy that is the label, unless a block says otherwise; ``deepest``: the deepest one at
    which half of the labelled products are in categories of ten or more, so ``class`` in a flat shop."""
    image: Literal["main", "random"] = "main"
    """Image of a sample: the first that is stored (M5Product), or one at random (MEP-3M)."""
    require: tuple[Literal["label", "caption", "image"], ...] = ("label",)
    """Products without these are left out, each with its reason in ``rejects``."""
    separate: Separate = Separate()
    splits: tuple[Block, ...]

    @property
    def sides(self) -> dict[str, Side]:
        """Split name -> whether models are trained or judged on it; ``unused`` is neither."""
        sides: dict[str, Side] = {}
        for block in self.splits:
            if isinstance(block, Sample):
                of_pool: Side = "train" if block.pool == "train" else "evaluation"
                sides[block.name] = sides[block.inside] if block.inside else of_pool
            elif isinstance(block, Retrieval):
                sides[block.query] = sides[block.gallery] = "evaluation"
            else:
                sides[block.train], sides[block.test] = "train", "evaluation"
        return sides

    @property
    def overlaps(self) -> frozenset[frozenset[str]]:
        """Pairs of splits that may hold the same products; all other pairs may not."""
        pairs: set[frozenset[str]] = set()
        for block in self.splits:
            inside = (block.inside,) if isinstance(block, Sample) and block.inside else ()
            for name in names_of(block):
                pairs.update(frozenset((name, other)) for other in (*block.overlaps, *inside))
        return frozenset(pairs)

    @property
    def level(self) -> Level:
        """Level of the hierarchy that is the label.

        Raises:
            ValueError: It has yet to be chosen (``at_deepest``).
        """
        if self.label == "deepest":
            raise ValueError("the level of this recipe is still to be chosen from a catalogue")
        return self.label

    def level_of(self, block: Block) -> Level:
        """Return the level of the hierarchy that labels the samples of ``block``."""
        return block.label or self.level

    def at_deepest(self, sizes: Mapping[Level, Sequence[int]]) -> Self:
        """Return the recipe with its level chosen, if it asks for the deepest.

        Args:
            sizes: Products of each category, by level.
        """
        return self.model_copy(update={"label": deepest_level(sizes)}) if self.label == "deepest" else self

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [name for block in self.splits for name in names_of(block)]
        repeated = sorted({name for name in names if names.count(name) > 1 or name == UNUSED})
        if repeated or not names:
            raise ValueError(
                f"splits: names must differ, and none may be {UNUSED!r}; this recipe has {repeated or 'no split'}"
            )
        _check_loaded_names(names)
        for position, block in enumerate(self.splits):
            earlier = {name for other in self.splits[:position] for name in names_of(other)}
            _check_references(block, f"splits.{position}", earlier, set(names))
        return self

    @model_validator(mode="after")
    def _parents_are_samples(self) -> Self:
        samples = {block.name for block in self.splits if isinstance(block, Sample) and block.inside is None}
        for block in self.splits:
            if isinstance(block, Sample) and block.inside and block.inside not in samples:
                raise ValueError(f"{block.name}.inside must name a split of kind sample; {block.inside!r} is none")
        return self


def deepest_level(sizes: Mapping[Level, Sequence[int]]) -> Level:
    """Return the deepest level that has enough products: half of the labelled ones, in categories of ten or more.

    If the catalogue is too small for such categories, their size does not matter.

    Args:
        sizes: Products of each category, by level.
    """
    labelled = sum(sizes["class"])
    for enough in (_ENOUGH, 1):
        for level in reversed(LEVELS):
            if labelled and 2 * sum(size for size in sizes[level] if size >= enough) >= labelled:
                return level
    return "class"


def names_of(block: Block) -> tuple[str, ...]:
    """Return the names of the splits that ``block`` fills."""
    if isinstance(block, Sample):
        return (block.name,)
    if isinstance(block, Retrieval):
        return block.query, block.gallery
    return block.train, block.test


def _check_loaded_names(names: Sequence[str]) -> None:
    """Refuse names that Hugging Face's ``datasets`` confuses: it has ``_`` for ``-``, and ``all`` for every split.

    Raises:
        ValueError: Such names are given.
    """
    loaded: dict[str, str] = {"all": "all, which datasets uses for all splits together"}
    for name in names:
        if (other := loaded.setdefault(name.replace("-", "_"), name)) is not name:
            raise ValueError(f"splits: datasets loads {name!r} under the same name as {other}. Rename it.")


def sizes_of(block: Block) -> Iterator[tuple[str, Size]]:
    """Yield each split of ``block`` with its size."""
    if isinstance(block, Sample):
        yield block.name, block.size
    elif isinstance(block, Retrieval):
        yield block.query, block.queries
        yield block.gallery, block.size
    else:
        yield block.train, block.train_size
        yield block.test, block.test_size


def _check_references(block: Block, where: str, earlier: set[str], every: set[str]) -> None:
    for _, size in sizes_of(block):
        if size.of not in {"pool", "catalogue", *earlier}:
            raise ValueError(f"{where}.of must be pool, catalogue or a split further up, not {size.of!r}")
    if isinstance(block, Sample) and block.inside is not None and block.inside not in earlier:
        raise ValueError(f"{where}.inside must name a split further up, not {block.inside!r}")
    for name in block.overlaps:
        if name not in every or name in names_of(block):
            raise ValueError(f"{where}.overlaps must name other splits of this recipe, not {name!r}")


_KINDS = ("sample", "retrieval", "classification")


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that this package ships, in alphabetical order."""
    folder = resources.files("splits") / "recipes"
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.is_file()))


def load_recipe(name: str | Path, folder: Path | None = None) -> Recipe:
    """Load a recipe.

    Args:
        name: Name of a shipped recipe, or path of a ``.toml`` file that is named like the
            recipe in it.
        folder: Folder of a relative path that is not found in the current folder.

    Raises:
        SettingsError: The recipe does not exist or is wrong; the message names file, key, the
            rule and the value.
    """
    if str(name).endswith(".toml"):
        path = Path(name)
        recipe = parse_recipe(_read(folder / path if folder and not path.is_file() else path), str(name))
        if recipe.name != path.stem:
            raise SettingsError(
                f"{name}: name must be {path.stem!r}, as the file is named, not {recipe.name!r}. Rename one of them."
            )
        if recipe.name in recipe_names() and recipe != load_recipe(recipe.name):
            raise SettingsError(
                f"{name}: a shipped recipe is named {recipe.name!r}, too, and its splits would be replaced. "
                "Give the file and the recipe in it another name."
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
        SettingsError: The text is not TOML, or not a recipe.
    """
    try:
        # as JSON: strict validation of Python values refuses lists where tuples are meant
        return Recipe.model_validate_json(json.dumps(tomllib.loads(text), default=str))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
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
