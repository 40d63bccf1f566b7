"""The parts that a split recipe is made of."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "LEVELS",
    "Block",
    "Classification",
    "Level",
    "Part",
    "Pool",
    "Retrieval",
    "Sample",
    "Separate",
    "Size",
    "SplitName",
]

Level = Literal["class", "sub_class", "subsub_class"]
LEVELS: tuple[Level, ...] = ("class", "sub_class", "subsub_class")
"""Levels of the shared hierarchy, outermost first."""

Pool = Literal["train", "reserve"]
"""``train``: products that were never held out; ``reserve``: those that were."""

SplitName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]


class _Part(BaseModel):
    """Frozen; unknown keys and silent conversions are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Part(_Part):
    """How many products: a number, or a share."""

    number: Annotated[int, Field(ge=1)] | None = None
    """Exactly so many, or an error."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """So large a part, rounded down; fewer where no more are there."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.number is None) == (self.share is None):
            given = {"number": self.number, "share": self.share}
            raise ValueError(f"wanted exactly one of number and share, got {given}")
        return self


class Size(Part):
    """Size of a split."""

    of: str = "pool"
    """What a share is taken of: ``pool``, ``catalogue`` or a split further up in the file."""
    least: Annotated[int, Field(ge=0)] = 1
    """Fewer than so many is an error; a share that rounds below it is raised to it."""


class Separate(_Part):
    """What must not straddle train and evaluation beyond duplicate groups and matches, which never do."""

    merchant: bool = False
    """No merchant has products on both sides; products without a merchant are free."""
    yields: Literal["train", "evaluation", "draw"] = "train"
    """Who gives up a merchant's products where it has them on both sides. The graph of merchants and groups
    is one piece at 20 % shared products, so someone must: ``draw`` gives each merchant to one side by hash."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """With ``draw``: the part of merchants that goes to evaluation."""
    time: AwareDatetime | None = None
    """Train only on products first seen before, evaluate only on those first seen from then on."""


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
    """Draw from each class in proportion, at least one of each where the size allows."""


class Retrieval(_Splits):
    """Queries, and the gallery that they are searched in; both from the reserve."""

    kind: Literal["retrieval"]
    query: SplitName
    gallery: SplitName
    truth: Literal["category", "match"]
    """``category``: the same category is right (coarse); ``match``: the same product is (fine)."""
    queries: Size
    size: Size
    """Of the gallery, distractors included."""
    matched: Part | None = None
    """Gallery samples that are right for some query; a share is of the gallery. Default: all there are."""
    distractors: bool = True
    """Fill the gallery with products that are right for no query."""
    categories: Literal["all"] | tuple[str, ...] = "all"
    """Names of categories, of any level, that queries and what is right for them come from."""
    min_category: Annotated[int, Field(ge=1)] = 1
    """Products that a category has in the whole catalogue, at least, to be asked for."""
    near_duplicates: Literal["keep", "remove"] = "keep"
    """Products in the duplicate group of a query: keep them in its gallery, or leave them out."""
    need_match: bool = True
    """Each query has at least one right product in the gallery."""

    @model_validator(mode="after")
    def _matched_leaves_distractors(self) -> Self:
        if self.matched is not None and not self.distractors:
            raise ValueError("matched: wanted none where distractors = false, the gallery is all matched then")
        return self


class Classification(_Splits):
    """Labelled samples of both sides: train of products never held out, test of the reserve."""

    kind: Literal["classification"]
    train: SplitName
    test: SplitName
    train_size: Size
    test_size: Size
    categories: Annotated[int, Field(ge=1)] | None = None
    """Exactly so many categories; default: all that are large enough."""
    min_category: Annotated[int, Field(ge=2)] = 2
    """Products that a category has in the whole catalogue, at least."""


Block = Annotated[Sample | Retrieval | Classification, Field(discriminator="kind")]
