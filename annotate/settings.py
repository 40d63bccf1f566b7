"""Settings of the annotation room."""

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field

from m5data.stage_settings import StageSettings

__all__ = ["FIRST_ROUND", "AnnotateSettings", "CandidateSettings", "Method", "TaskSettings"]

Method = Literal["majority", "dawid-skene", "glad", "weighted"]
"""How judgements of a task become one label."""
FIRST_ROUND = 1
"""Workers a task before doubt is known; then rounds. One did better than two in replays of public crowds."""


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


class TaskSettings(StageSettings):
    """How pairs go to workers."""

    workers: int = Field(default=5, ge=1)
    """Different workers a task; five, as M5Product."""
    adaptive: float | None = Field(default=None, ge=1)
    """Mean judgements a task to spend, those tasks first that are in most doubt; three replace five on crowds whose
    workers differ as much as simulated ones do. None: ``workers`` judge every task."""
    most: int = Field(default=9, ge=1)
    """Workers a task at most, where ``adaptive`` is set."""
    candidates: int = Field(default=500, ge=1)
    """Of each query's candidates so many become tasks, the most similar first; M5Product: all 500."""
    options: int = Field(default=5, ge=2)
    """Categories to choose from, at most; the papers name no number."""
    seed: int = 0
    """Of the tasks' order and of where gold comes."""
    gold_first: int = Field(default=5, ge=0)
    """Gold tasks that each worker meets before all others: M5Product's gold set measures each worker first."""
    gold_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of gold among the tasks after that; the papers name none."""
    gold_least: int = Field(default=10, ge=1)
    """Gold answers before a worker can be paused: with fewer, one slip decides."""
    gold_pass: float = Field(default=0.6, ge=0, le=1)
    """A worker whose share of right gold answers is below this is paused; guessing between two gives .5."""
    lease_minutes: float = Field(default=30.0, gt=0)
    """A task that was handed out and not answered for so long may go to another worker."""
    rate: Decimal = Field(default=Decimal("0.03"), ge=0, decimal_places=4)
    """Paid for an answer; M5Product paid 3 cents RMB."""
    currency: str = "CNY"
    """ISO 4217 code of the rate."""


class AnnotateSettings(StageSettings):
    """Judgements of product pairs and how they become matches."""

    candidates: CandidateSettings = CandidateSettings()
    """Which products are asked about, and what each is compared with."""
    tasks: TaskSettings = TaskSettings()
    """How pairs go to workers."""
    judgements: Path | None = None
    """CSV file of judgements that each run takes in, relative to the workspace; None: only those imported by hand."""
    method: Method = "majority"
    """majority, dawid-skene, glad (with gold answers: this project's reading of the papers' weighted GLAD) or weighted.
    A majority needs no trust in a model, and GLAD loses to it on some public crowds. Uncertain answers take no side."""
    threshold: float = Field(default=0.5, ge=0.5, lt=1)
    """A pair is decided where the posterior of one side is above this; 0.5: the likelier side, ties undecided."""
