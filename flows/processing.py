"""Stages that process: derived media, duplicates, labels."""

from align import align_stage
from extract import dedup_stage, extract_stage, texts_stage
from flows.context import RunContext
from m5data.overrides import overridden
from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["align", "dedup", "extract", "texts"]


def extract(workspace: Workspace, context: RunContext) -> StageReport:
    """Take frames, sound and image measures."""
    return extract_stage.run(
        workspace.store, workspace.settings.extract, clock=context.clock, progress=context.progress
    )


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
