"""Settings of the task board."""

from decimal import Decimal

from pydantic import Field

from m5data.stage_settings import StageSettings

__all__ = ["FIRST", "TaskSettings"]

FIRST = 1
"""Workers a task before doubt is known; then rounds. One did better than two in replays of public crowds."""


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
