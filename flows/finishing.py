"""Stages that finish the dataset: matches, splits, shards, report."""

from annotate import candidates_stage, judgements_stage, matches_stage, tasks_stage
from annotate.tasks import to_kind
from export import export_stage, stats_stage
from export.rights import Rights
from flows.context import RunContext
from m5data.errors import UsageError
from m5data.overrides import overridden
from m5data.stage import StageReport
from m5data.workspace import Workspace
from splits import recipe_names, splits_stage, stored_recipes

__all__ = ["candidates", "export", "judgements", "matches", "splits", "stats", "tasks"]


def candidates(workspace: Workspace, context: RunContext) -> StageReport:
    """Sample queries and find their candidates."""
    chosen, stored = context.choices, workspace.settings.annotate.candidates
    kept = None if stored.checkpoint is None else workspace.root / stored.checkpoint
    checkpoint = chosen.checkpoint.absolute() if chosen.checkpoint else kept
    settings = overridden(stored, encoder=chosen.encoder, checkpoint=checkpoint, search=chosen.search, seed=chosen.seed)
    return candidates_stage.run(workspace.store, settings, clock=context.clock, progress=context.progress)


def tasks(workspace: Workspace, context: RunContext) -> StageReport:
    """Put tasks on the board; a file of gold is taken in first."""
    chosen = context.choices
    settings = overridden(workspace.settings.annotate.tasks, workers=chosen.workers, seed=chosen.seed)
    kind = to_kind(chosen.kind or "same-product")
    if chosen.judgements is not None:
        judgements(workspace, context)
    return tasks_stage.run(workspace.store, settings, kind=kind, clock=context.clock, progress=context.progress)


def judgements(workspace: Workspace, context: RunContext) -> StageReport:
    """Take in a file of judgements.

    Raises:
        UsageError: No file was named.
    """
    file = context.choices.judgements
    if file is None:
        raise UsageError("annotate import: wanted a file of judgements, got none; name one")
    return judgements_stage.run(workspace.store, file, clock=context.clock, progress=context.progress)


def matches(workspace: Workspace, context: RunContext) -> StageReport:
    """Take in the judgements that the settings name, and aggregate all there are."""
    settings = overridden(workspace.settings.annotate, method=context.choices.method)
    if settings.judgements is not None:
        file = workspace.root / settings.judgements
        judgements_stage.run(workspace.store, file, clock=context.clock, progress=context.progress)
    return matches_stage.run(workspace.store, settings, clock=context.clock, progress=context.progress)


def splits(workspace: Workspace, context: RunContext) -> StageReport:
    """Reserve groups for evaluation and build the splits of the recipe."""
    chosen = context.choices
    settings = overridden(workspace.settings.splits, recipe=chosen.recipe, seed=chosen.seed)
    return splits_stage.run(workspace.store, settings, clock=context.clock, progress=context.progress)


def export(workspace: Workspace, context: RunContext) -> StageReport:
    """Write the shards."""
    chosen = context.choices
    formats = None if chosen.form == "auto" else (chosen.form,)
    settings = overridden(workspace.settings.export, formats=formats, splits=chosen.splits or None, out=chosen.out)
    recipe = chosen.recipe or workspace.settings.splits.recipe_name
    _check_recipe(workspace, recipe)
    sources = workspace.settings.crawl.sources
    return export_stage.run(
        workspace.store,
        settings,
        recipe=recipe,
        rights={name: Rights(shop.share_authorised, shop.licence or "") for name, shop in sources.items()},
        clock=context.clock,
        progress=context.progress,
    )


def _check_recipe(workspace: Workspace, recipe: str) -> None:
    """Tell a recipe that no one knows from one that has not been built yet, which the stage says.

    Raises:
        UsageError: It is not built, not shipped and not that of the settings.
    """
    built = [stored.recipe.name for stored in stored_recipes(workspace.snapshot)]
    known = sorted({*built, *recipe_names(), workspace.settings.splits.recipe_name})
    if recipe not in known:
        raise UsageError(f"export --recipe: wanted one of {', '.join(known)}, got {recipe!r}; correct the name")


def stats(workspace: Workspace, context: RunContext) -> StageReport:
    """Write the report."""
    return stats_stage.run(workspace.store, clock=context.clock, progress=context.progress)
