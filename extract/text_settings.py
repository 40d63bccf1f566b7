"""Settings of the stage ``texts``."""

from pydantic import Field

from m5data.stage_settings import StageSettings

__all__ = ["TextSettings"]


class TextSettings(StageSettings):
    """When a caption counts as well matched with its table; the first version of M5Product gives no rule."""

    well_matched_odds: float = Field(default=10.0, gt=1)
    """Odds that the caption is this table's and no other one's of the category: ten to one is strong evidence."""
