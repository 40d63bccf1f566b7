"""Settings of the candidate search."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from m5data.stage_settings import StageSettings

__all__ = ["CandidateSettings"]


class CandidateSettings(StageSettings):
    """Which products are asked about, and what each is compared with."""

    encoder: str = "light"
    """What turns products into vectors: light (caption, specifications and image hash; nothing to download), paper
    (ResNet-50 beside BERT) or scale (a trained model); the last two need the extra train."""
    resnet: str = "microsoft/resnet-50"
    """Of the encoder paper: a local folder, or a name on the hub."""
    bert: str = "bert-base-chinese"
    """Of the encoder paper: a local folder, or a name on the hub."""
    checkpoint: Path | None = None
    """Of the encoder scale: a file that m5data train wrote; from the workspace's folder on."""
    queries: int = Field(default=24_410, ge=1)
    """Products asked about, at most; as many as M5Product's coarse queries."""
    min_category: int = Field(default=2_001, ge=1)
    """Smallest category that queries come from, in products; M5Product: more than 2,000."""
    best: int = Field(default=500, ge=1)
    """Candidates of a query; M5Product: 500."""
    search: Literal["exact", "approximate"] = "exact"
    """exact: every product is compared; approximate: those in the lists nearest to the query."""
    recall: float = Field(default=0.98, gt=0, le=1)
    """Share of the truly best that an approximate search must find, measured on a sample of the queries."""
    seed: int = 0
    """Of the sample of queries."""
