"""Stages that collect: pages, records, feeds, media."""

from crawler import crawl_stage, download_stage, ingest_stage, records_stage
from crawler.net.address_guard import authority
from crawler.settings import CrawlSettings
from flows.context import RunContext
from m5data.errors import SettingsError, UsageError
from m5data.overrides import overridden
from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["crawl", "download", "ingest", "records"]


def crawl(workspace: Workspace, context: RunContext) -> StageReport:
    """Fetch the pages that are due.

    Raises:
        SettingsError: There is no source at all.
    """
    chosen = context.choices
    if not workspace.settings.crawl.sources:
        raise SettingsError("m5data.toml: wanted a shop, found no [sources.NAME]; add one (docs/sources.md shows how)")
    return crawl_stage.run(
        workspace.store,
        workspace.settings.crawl,
        clock=context.clock,
        progress=context.progress,
        only=[chosen.source] if chosen.source else None,
        max_requests=chosen.limit,
        force=chosen.refresh,
    )


def records(workspace: Workspace, context: RunContext) -> StageReport:
    """Turn stored pages into products, specifications and media to fetch."""
    return records_stage.run(workspace.store, workspace.settings.crawl, clock=context.clock, progress=context.progress)


def download(workspace: Workspace, context: RunContext) -> StageReport:
    """Fetch images and videos."""
    chosen = context.choices
    settings = overridden(workspace.settings.download, min_success=chosen.min_success)
    return download_stage.run(
        workspace.store,
        settings,
        user_agent=workspace.settings.crawl.agent_header,
        local_hosts=_local_hosts(workspace.settings.crawl),
        opt_outs=workspace.settings.crawl.opt_outs,
        retry_failed=chosen.retry_failed,
        refresh=chosen.refresh_media,
        bandwidth_mbit=workspace.settings.machine.bandwidth_mbit,
        clock=context.clock,
        progress=context.progress,
    )


def ingest(workspace: Workspace, context: RunContext) -> StageReport:
    """Take products from a feed.

    Raises:
        UsageError: No feed was named, or the source is not clear.
    """
    chosen, sources = context.choices, workspace.settings.crawl.sources
    if chosen.feed is None:
        raise UsageError("ingest: wanted a feed, got none; name a file")
    if chosen.source is None and len(sources) != 1:
        raise UsageError(f"ingest: wanted --source NAME, got none; one of: {', '.join(sorted(sources)) or 'none'}")
    return ingest_stage.run(
        workspace.store,
        workspace.settings.crawl,
        chosen.feed,
        source=chosen.source or next(iter(sources)),
        form=chosen.form,
        clock=context.clock,
        progress=context.progress,
    )


def _local_hosts(settings: CrawlSettings) -> frozenset[str]:
    """Return ``host:port`` of every address that a source marked local starts from."""
    return frozenset(authority(start) for source in settings.sources.values() if source.local for start in source.start)
