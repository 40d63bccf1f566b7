"""A job that is done."""

from dataclasses import dataclass

from crawler.media.answer import Answer
from crawler.media.outcome import Job, Outcome

__all__ = ["Settled"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A job that is done: its last answer, and what that makes of it."""

    job: Job
    answer: Answer
    outcome: Outcome
