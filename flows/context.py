"""What a run hands to each of its stages."""

from dataclasses import dataclass, field

from m5data.choices import Choices
from m5data.stage import Clock, Progress, SilentProgress, utc_now

__all__ = ["RunContext"]


@dataclass(frozen=True, slots=True)
class RunContext:
    """Clock, progress and the person's choices."""

    progress: Progress = field(default_factory=SilentProgress)
    clock: Clock = utc_now
    choices: Choices = field(default_factory=Choices)
    run: str = ""
    """Name of the run, in logs and metrics; empty: none was given."""
