"""Interface of a stage: clock, progress sink and report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from core.errors import ConservationError

__all__ = ["Clock", "Progress", "SilentProgress", "StageReport", "utc_now"]

Clock = Callable[[], datetime]
"""Source of observation times; always timezone-aware UTC. Passed in, so that tests can freeze it."""


def utc_now() -> datetime:
    """Return the present moment: the clock of real runs."""
    return datetime.now(UTC)


class Progress(Protocol):
    """Sink for a stage's progress, called from the stage's own thread."""

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of ``total`` items (None: not known yet)."""

    def advance(self, items: int = 1) -> None:
        """Count ``items`` more as done."""

    def finish(self) -> None:
        """End the stage that was started last."""


class SilentProgress:
    """A progress sink that shows nothing."""

    def start(self, stage: str, total: int | None) -> None:
        """Ignore the start."""

    def advance(self, items: int = 1) -> None:
        """Ignore the step."""

    def finish(self) -> None:
        """Ignore the end."""


@dataclass(frozen=True, slots=True)
class StageReport:
    """Counts of one stage's run.

    Raises:
        ConservationError: ``read`` is not ``kept`` plus all of ``dropped``.
    """

    stage: str
    read: int
    """Items processed (the stage's docstring says which kind)."""
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> items dropped for it, reasons in alphabetical order, none with zero."""
    seconds: float = 0.0
    unchanged: bool = False
    """True when inputs and settings were those of the last run, so that nothing was done."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> parts left out of items that were kept, such as prices that are none, reasons in alphabetical order."""
    notes: tuple[str, ...] = ()
    """What people should know, one line each: what settings left out and which of them, warnings."""

    def __post_init__(self) -> None:
        """Check conservation."""
        if self.read != self.kept + sum(self.dropped.values()):
            message = (
                f"stage {self.stage}: read {self.read}, but kept {self.kept} + dropped "
                f"{dict(self.dropped)}; this is a defect of the stage, please report it"
            )
            raise ConservationError(message)

    @property
    def success(self) -> float:
        """Share of items kept, 1.0 if nothing was read."""
        return self.kept / self.read if self.read else 1.0

    def sentence(self) -> str:
        """Return a one-line summary of the run."""
        if self.unchanged:
            return f"{self.stage}: unchanged, nothing to do"
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in self.dropped.items())
        left_out = ", ".join(f"{reason} {count:,}" for reason, count in self.left_out.items())
        numbers = f"{self.stage}: read {self.read:,}, kept {self.kept:,} in {self.seconds:.1f} s"
        numbers += f"; dropped: {dropped}" if dropped else ""
        return f"{numbers}; left out of kept items: {left_out}" if left_out else numbers
