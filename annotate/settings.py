"""Settings of the room ``annotate``."""

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field

from core.stage_settings import StageSettings

__all__ = ["FIRST_ROUND", "AnnotateSettings", "CandidateSettings", "Method", "TaskSettings"]

Method = Literal["majority", "dawid-skene", "glad", "weighted"]
"""Method that aggregates the judgements of a task into one label."""
FIRST_ROUND = 1
"""Workers per task in the first adaptive round. One was better than two in replays of public crowds."""


class CandidateSettings(StageSettings):
    """Search for candidates: the queries and their most similar listings."""

    encoder: str = "light"
    """Encoder of products as vectors: light (caption, specifications and image hash; no download), paper (ResNet-50
    and BERT) or scale (a trained model); the last two need the extra train."""
    resnet: str = "microsoft/resnet-50"
    """For the encoder paper: a local folder, or a name on the hub."""
    bert: str = "bert-base-chinese"
    """For the encoder paper: a local folder, or a name on the hub."""
    checkpoint: Path | None = None
    """For the encoder scale: a file that m5data train wrote, relative to the workspace."""
    description: bool = False
    """Append the description to the caption that the encoder reads."""
    queries: int = Field(default=24_410, ge=1)
    """Maximum number of queries; M5Product has as many coarse queries."""
    min_category: int = Field(default=2_001, ge=1)
    """Minimum number of products of the categories from which queries come; M5Product: more than 2,000."""
    best: int = Field(default=500, ge=1)
    """Candidates per query; M5Product: 500."""
    search: Literal["exact", "approximate"] = "exact"
    """exact compares every product; approximate only those in the lists nearest to the query."""
    recall: float = Field(default=0.98, gt=0, le=1)
    """Share of the truly best candidates that an approximate search must find, measured on a sample of queries."""
    seed: int = 0
    """Seed of the sample of queries."""


class TaskSettings(StageSettings):
    """Rules by which workers get pairs."""

    workers: int = Field(default=5, ge=1)
    """Different workers per task; five, as in M5Product."""
    adaptive: float | None = Field(default=None, ge=1)
    """Mean judgements per task, most uncertain tasks first; three replace five on crowds whose workers differ as much
    as simulated ones. None: ``workers`` judge every task."""
    most: int = Field(default=9, ge=1)
    """Maximum number of workers per task if ``adaptive`` is set."""
    candidates: int = Field(default=500, ge=1)
    """Candidates per query that become tasks, most similar first; M5Product: all 500."""
    options: int = Field(default=5, ge=2)
    """Maximum number of categories to choose from; the papers give no number."""
    seed: int = 0
    """Seed of the order of tasks and of the places of gold."""
    gold_first: int = Field(default=10, ge=0)
    """Gold tasks at the start of each worker, because M5Product's gold set measures each worker first."""
    gold_learning: float = Field(default=0.9, ge=0, le=1)
    """Share of gold after these until the answers show that the worker knows; an honest worker needs some 20 gold
    tasks in all."""
    gold_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of gold among later tasks; the papers give none."""
    gold_right: float = Field(default=0.85, gt=0.5, lt=1)
    """Share of gold tasks that an honest worker answers correctly; a worker whose answers more likely have nothing
    to do with the truth is paused."""
    gold_risk: float = Field(default=0.01, gt=0, lt=1)
    """Maximum probability that such an honest worker is ever paused by mistake."""
    fastest_s: float = Field(default=1.0, ge=0)
    """A worker is paused if half of twenty answers took less, seconds: nobody compares two products so quickly."""
    lease_minutes: float = Field(default=30.0, gt=0)
    """Minutes after which an unanswered task may go to another worker."""
    rate: Decimal = Field(default=Decimal("0.03"), ge=0, decimal_places=4)
    """Pay per answer; M5Product paid 3 cents RMB."""
    currency: str = "CNY"
    """ISO 4217 code of the rate."""


class AnnotateSettings(StageSettings):
    """Judgements of product pairs and their aggregation into matches."""

    candidates: CandidateSettings = CandidateSettings()
    """Search for candidates."""
    tasks: TaskSettings = TaskSettings()
    """Rules by which workers get pairs."""
    judgements: Path | None = None
    """CSV file of judgements that each run imports, relative to the workspace; None: only those imported by hand."""
    method: Method = "majority"
    """majority, dawid-skene, glad (with gold answers: an interpretation of the papers' weighted GLAD) or weighted. A
    majority relies on no model, and GLAD is worse on some public crowds. Uncertain answers do not count."""
    count_paused: bool = False
    """Whether the answers of paused workers count in the aggregation; they are always in the table judgements."""
    gtin_matches: bool = True
    """Whether pairs with one GTIN (or ISBN) are matches without an annotator, unless brand and part number differ.
    Judgements of a pair overrule its GTIN."""
    threshold: float = Field(default=0.5, ge=0.5, lt=1)
    """A pair is decided if the posterior of one label exceeds this; 0.5: the more probable label, ties undecided."""
