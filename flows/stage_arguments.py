"""Arguments of stages beyond their own settings: run options and other sections; and preparatory work.

Each function takes the workspace, the stage's settings and the run's context, and returns keyword arguments for the
stage's ``run``.
"""

from collections.abc import Iterator, Mapping

from align.settings import AlignSettings
from annotate import judgements_stage
from annotate.settings import AnnotateSettings, CandidateSettings, TaskSettings
from annotate.tasks import to_kind
from core.errors import UsageError
from core.processes.pool import processes_for
from core.run_options import RunContext
from crawler.net.address_guard import authority
from crawler.settings import CrawlSettings
from export.folders import folder_name
from export.rights import Rights
from export.settings import ExportSettings
from extract.settings import ExtractSettings
from splits import recipe_names, stored_recipes
from workspace import Workspace

__all__ = [
    "align",
    "candidates",
    "crawl",
    "download",
    "export",
    "extract",
    "ingest",
    "judgements",
    "matches",
    "records",
    "tasks",
]

Arguments = Mapping[str, object]


def crawl(workspace: Workspace, settings: CrawlSettings, context: RunContext) -> Arguments:
    """Return the sources to crawl, the limit of products, whether to request every page again, and archives to read."""
    del workspace, settings
    options = context.options
    only = [options.source] if options.source else None
    return {
        "only": only,
        "max_products": options.limit,
        "force": options.refresh,
        "archives": options.archives,
    }


def ingest(workspace: Workspace, settings: CrawlSettings, context: RunContext) -> Arguments:
    """Return the feed and the source it belongs to.

    Raises:
        UsageError: No feed was named, or the source is ambiguous.
    """
    del workspace
    options = context.options
    if options.feed is None:
        raise UsageError("ingest: name the feed's file")
    if options.source is None and len(settings.sources) != 1:
        known = ", ".join(sorted(settings.sources)) or "none"
        raise UsageError(f"ingest: add --source NAME, one of: {known}")
    source = options.source or next(iter(settings.sources))
    return {
        "feed": options.feed,
        "source": source,
        "form": options.feed_format,
        "allow_shrink": options.allow_shrink,
    }


def records(workspace: Workspace, settings: object, context: RunContext) -> Arguments:
    """Return whether a source may lose most of its products."""
    del workspace, settings
    return {"allow_shrink": context.options.allow_shrink}


def download(workspace: Workspace, settings: object, context: RunContext) -> Arguments:
    """Return which media to request again, and the politeness settings that media share with pages."""
    del settings
    crawling = workspace.settings.crawl
    return {
        "user_agent": crawling.agent_header,
        "local_hosts": frozenset(_local_hosts(workspace, crawling)),
        "retry_failed": context.options.retry_failed,
        "refresh": context.options.refresh_media,
        "opt_outs": crawling.opt_outs,
        "bandwidth_mbit": workspace.settings.machine.bandwidth_mbit,
    }


def _local_hosts(workspace: Workspace, crawling: CrawlSettings) -> Iterator[str]:
    """Yield the hosts of this network that media may come from: those of the start URLs of sources marked local.

    A local source without start URLs has a feed, whose own URLs name its hosts.
    """
    for name, source in crawling.sources.items():
        if source.local:
            yield from map(authority, source.start or _hosts_of_feed(workspace, name))


_FEED_HOSTS = """
    SELECT DISTINCT regexp_extract(url, '^[^/]*//[^/?#]*') AS url FROM (
        SELECT url FROM products WHERE product_id >= ? AND product_id < ?
        UNION ALL SELECT url FROM media WHERE product_id >= ? AND product_id < ?
    )
"""


def _hosts_of_feed(workspace: Workspace, source: str) -> list[str]:
    """Return the URLs of the hosts that a source's products and media name."""
    bounds = [f"{source}:", f"{source};"]
    return [row["url"] for row in workspace.snapshot.sql(_FEED_HOSTS, bounds * 2).to_pylist()]


def extract(workspace: Workspace, settings: ExtractSettings, context: RunContext) -> Arguments:
    """Return the settings with no more decoder processes than fit into the planned memory."""
    del context
    planned = workspace.settings.machine.memory_mb
    if planned is None:
        return {}
    most = max(1, planned // settings.limits.memory_mb)
    return {"settings": settings.model_copy(update={"workers": processes_for(settings.workers, most)})}


def align(workspace: Workspace, settings: AlignSettings, context: RunContext) -> Arguments:
    """Return the settings with the absolute paths of the trees, which are relative to the workspace."""
    del context
    trees = {name: workspace.root / path for name, path in settings.onto.items()}
    return {"settings": settings.model_copy(update={"onto": trees})} if trees else {}


def candidates(workspace: Workspace, settings: CandidateSettings, context: RunContext) -> Arguments:
    """Return the settings with the checkpoint's absolute path.

    A path from the command line is relative to the current folder, one from the settings to the workspace.
    """
    given, kept = context.options.settings.get("checkpoint"), settings.checkpoint
    if kept is None:
        return {}
    path = workspace.root / kept if given is None else given.absolute()
    return {"settings": settings.model_copy(update={"checkpoint": path})}


def tasks(workspace: Workspace, settings: TaskSettings, context: RunContext) -> Arguments:
    """Import the gold judgements that were given, and return the kind of tasks."""
    del settings
    kind = to_kind(context.options.kind or "same-product")
    file = context.options.judgements
    if file is not None:
        judgements_stage.run(workspace.store, file, clock=context.clock, progress=context.progress)
    return {"kind": kind}


def judgements(workspace: Workspace, settings: None, context: RunContext) -> Arguments:
    """Return the file to import.

    Raises:
        UsageError: No file was named.
    """
    del workspace, settings
    if context.options.judgements is None:
        raise UsageError("annotate import: name a file of judgements")
    return {"file": context.options.judgements}


def matches(workspace: Workspace, settings: AnnotateSettings, context: RunContext) -> Arguments:
    """Import the judgements that the settings name."""
    if settings.judgements is not None:
        file = workspace.root / settings.judgements
        judgements_stage.run(workspace.store, file, clock=context.clock, progress=context.progress)
    return {}


def export(workspace: Workspace, settings: ExportSettings, context: RunContext) -> Arguments:
    """Return the recipe to export, the name of its folder, and the rights in each source's data.

    Raises:
        UsageError: The recipe is neither built, nor shipped, nor that of the settings.
    """
    given, splits = context.options.settings.get("recipe"), workspace.settings.splits
    recipe = (splits.model_copy(update={"recipe": given}) if given else splits).recipe_name
    built = [stored.recipe.name for stored in stored_recipes(workspace.snapshot)]
    known = sorted({*built, *recipe_names(), workspace.settings.splits.recipe_name})
    if recipe not in known:
        raise UsageError(f"export --recipe: there is no recipe {recipe!r}; name one of {', '.join(known)}")
    sources = workspace.settings.crawl.sources
    rights = {
        name: Rights(shop.share_authorised, shop.licence or "", shop.crawl_authorised) for name, shop in sources.items()
    }
    # a selection on the command line may not replace the full export at the place of the settings
    folder = recipe if context.options.settings.get("out") else folder_name(recipe, settings.where)
    return {"recipe": recipe, "rights": rights, "folder": folder}
