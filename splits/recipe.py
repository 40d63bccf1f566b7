"""A split recipe: which splits a catalogue is divided into, and by what rules."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from splits.recipe_parts import Block, Level, Retrieval, Sample, Separate, Size, SplitName

__all__ = ["UNUSED", "Recipe", "Side", "names_of", "sizes_of"]

UNUSED = "unused"
"""The split of all products that no other split holds."""

Side = Literal["train", "evaluation"]


class Recipe(BaseModel):
    """One recipe. Its blocks are filled in the order of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    name: SplitName
    label: Level = "sub_class"
    """Level of the hierarchy that is the label, where a block does not say otherwise."""
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

    def level_of(self, block: Block) -> Level:
        """Return the level of the hierarchy that labels the samples of ``block``."""
        return block.label or self.label

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [name for block in self.splits for name in names_of(block)]
        repeated = sorted({name for name in names if names.count(name) > 1 or name == UNUSED})
        if repeated or not names:
            raise ValueError(f"splits: wanted names, each once and none {UNUSED!r}, got {repeated or 'no split'}")
        for position, block in enumerate(self.splits):
            earlier = {name for other in self.splits[:position] for name in names_of(other)}
            _check_references(block, f"splits.{position}", earlier, set(names))
        return self

    @model_validator(mode="after")
    def _parents_are_samples(self) -> Self:
        samples = {block.name for block in self.splits if isinstance(block, Sample) and block.inside is None}
        for block in self.splits:
            if isinstance(block, Sample) and block.inside and block.inside not in samples:
                raise ValueError(f"{block.name}.inside: wanted a split of kind sample, got {block.inside!r}")
        return self


def names_of(block: Block) -> tuple[str, ...]:
    """Return the names of the splits that ``block`` fills."""
    if isinstance(block, Sample):
        return (block.name,)
    if isinstance(block, Retrieval):
        return block.query, block.gallery
    return block.train, block.test


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
            raise ValueError(f"{where}: of: wanted pool, catalogue or a split further up, got {size.of!r}")
    if isinstance(block, Sample) and block.inside is not None and block.inside not in earlier:
        raise ValueError(f"{where}.inside: wanted a split further up, got {block.inside!r}")
    for name in block.overlaps:
        if name not in every or name in names_of(block):
            raise ValueError(f"{where}.overlaps: wanted other splits of this recipe, got {name!r}")
