"""Settings of the stage ``align``."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from core.stage_settings import StageSettings

__all__ = ["CHARACTERS", "AlignSettings", "ContentTerms"]

CHARACTERS = 22_000
"""Characters of titles that represent a category: about 450 products (MEP-3M)."""
ContentTerms = Literal["counts", "binary", "simtext"]
"""Contents of the word vectors of titles; see ``AlignSettings.content_terms``."""


class AlignSettings(StageSettings):
    """How the categories of several sources become one hierarchy; defaults are those of MEP-3M."""

    rule: Literal["mep3m", "learned"] = "mep3m"
    """Rule of the second and third level: the published one, or a model trained on real shops that reviews update."""
    embeddings: str | None = None
    """Network whose vectors of category names the learned rule also compares: a folder of transformers or
    sentence-transformers, or a name on the hub; needs the extra train. None: names are compared as written."""
    first_level: dict[str, str] = Field(default_factory=dict)
    """Outermost category -> class; keys ``source:Name``, or ``Name`` for all sources. The paper did this by hand.

    A table of a source's names, ``[align.first_level.SOURCE]``, is the same as keys ``SOURCE:Name``.
    """
    third_level: tuple[str, ...] = ()
    """Sub-classes that keep their third level, ``Sub-class`` or ``Class > Sub-class``; the paper chose 13."""
    s_label: float = Field(default=0.5, gt=0, le=1)
    """Minimum name similarity of two categories with one label (MEP-3M)."""
    s_content: float | Literal["same_names"] = 0.75
    """Title similarity to exceed; ``same_names``: the mean over pairs of equal names, as for the paper's 0.75.

    0.75 fits hundreds of Chinese titles per category. Measured on English shops with few titles: s_label 0.3 and
    s_content 0.05 give F1 .80, the paper's .26; without titles: s_content -1 gives .86, the paper's .64.
    """
    content_terms: ContentTerms = "counts"
    """Word vectors of titles: counts (word counts, to which the paper's 0.75 applies), binary (presence of words) or
    simtext (presence of words, computed by the package simtext 1.2; equal to binary within 1e-9, and much slower)."""
    same_names_join: bool = True
    """Equal names are one label whatever their titles, as 洗澡用具 (1.00, 0.705) in the paper's Table 3."""
    characters: int = Field(default=CHARACTERS, gt=0)
    """Characters of titles that represent a category: about 450 products (MEP-3M)."""

    onto: dict[str, Path] = Field(default_factory=dict)
    """Published trees onto whose nodes every category is mapped: name -> file. Google's taxonomy-with-ids text,
    Shopify's categories.txt, categories.json or taxonomy.json, GS1 GPC in JSON or XML, or one path ``A > B > C`` per
    line. A path is relative to the workspace; a single file is a tree with the file's name."""

    @field_validator("onto", mode="before")
    @classmethod
    def _name_tree(cls, trees: object) -> object:
        """Turn a single file into a tree with the file's name."""
        return {Path(trees).stem: trees} if isinstance(trees, str | Path) else trees

    @field_validator("first_level", mode="before")
    @classmethod
    def _flatten(cls, mapping: object) -> object:
        """Turn the table of one source into keys ``source:Name``."""
        if not isinstance(mapping, dict):
            return mapping
        flat: dict[object, object] = {}
        for key, value in mapping.items():
            flat |= (
                {f"{key}:{name}": target for name, target in value.items()} if isinstance(value, dict) else {key: value}
            )
        return flat
