"""A job that is done."""

from dataclasses import dataclass

from crawler.media.answer import Answer
from crawler.media.outcome import Job, Outcome

__all__ = ["Settled"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A job that is done, with its last answer."""

    job: Job
    answer: Answer
    attempts: int
    """Requests made, redirects not counted."""
    not_before: float | None = None
    """Unix seconds before which the server asked not to come again; None: it did not."""

    def outcome(self, sha256: str | None = None) -> Outcome:
        """Return what became of the job, the body being stored as the object ``sha256``."""
        return self.answer.outcome(self.job, self.attempts, self.not_before, sha256)
