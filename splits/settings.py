"""Settings of the stage ``splits``."""

from pathlib import Path

from pydantic import Field

from core.stage_settings import StageSettings

__all__ = ["SplitSettings"]


class SplitSettings(StageSettings):
    """Section ``[splits]`` of ``m5data.toml``."""

    recipe: str = "default"
    """Name of a shipped recipe (default, demo, m5product, mep3m, small), or path of a ``.toml`` file; the
    default suits a catalogue of thousands of products or more, ``small`` one of 30 to 3,000."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of every draw; the papers give none."""
    reserve_share: float = Field(default=0.25, gt=0, lt=1)
    """Share of the products that is held out for good: M5Product evaluates on 23.2 % of the products in
    its splits and trains on 70 %. A change applies only to new products."""
    salt: str = "m5data"
    """Makes the reserve of one dataset independent of another's; a change applies only to new products."""

    @property
    def recipe_name(self) -> str:
        """Name of the recipe in the table ``splits``; a file is named like its recipe."""
        return Path(self.recipe).stem if self.recipe.endswith(".toml") else self.recipe
