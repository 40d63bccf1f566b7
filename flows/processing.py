"""Stages that process: derived media, duplicates, labels."""

from align import align_stage
from extract import dedup_stage, extract_stage, texts_stage
from extract.engine import processes_for
from extract.settings import ExtractSettings
from flows.context import RunContext
from flows.engines import runner_of
from m5data.overrides import overridden
from m5data.settings import Settings
from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["align", "dedup", "extract", "texts"]


def extract(workspace: Workspace, context: RunContext) -> StageReport:
    """Take frames, sound and image measures."""
    return extract_stage.run(
        workspace.store,
        _within_memory(workspace.settings),
        clock=context.clock,
        progress=context.progress,
        runner=runner_of(context.choices.engine),
    )


def _within_memory(settings: Settings) -> ExtractSettings:
    """Return the settings of extraction with no more decoders than memory is planned for."""
    extraction, planned = settings.extract, settings.machine.memory_mb
    if planned is None:
        return extraction
    most = max(1, planned // extraction.limits.memory_mb)
    return extraction.model_copy(update={"workers": processes_for(extraction.workers, most)})


def texts(workspace: Workspace, context: RunContext) -> StageReport:
    """Clean and measure captions, and grade how they agree with their tables."""
    return texts_stage.run(workspace.store, workspace.settings.texts, clock=context.clock, progress=context.progress)


def dedup(workspace: Workspace, context: RunContext) -> StageReport:
    """Group duplicates."""
    return dedup_stage.run(workspace.store, workspace.settings.dedup, clock=context.clock, progress=context.progress)


def align(workspace: Workspace, context: RunContext) -> StageReport:
    """Give every product its labels."""
    settings = overridden(workspace.settings.align, rule=context.choices.rule)
    return align_stage.run(workspace.store, settings, clock=context.clock, progress=context.progress)
