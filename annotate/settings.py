"""Settings of the annotation room."""

from pathlib import Path

from pydantic import Field

from annotate.candidates.settings import CandidateSettings
from annotate.methods import Method
from annotate.tasks.settings import TaskSettings
from m5data.stage_settings import StageSettings

__all__ = ["AnnotateSettings"]


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
