"""The verb of published links: rehydrate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m5data.cli.shared import HERE, DryRunOption, JsonOption, WorkspaceOption

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from flows.rehydration.drift import Drift
    from flows.rehydration.run import Rehydration

__all__ = ["rehydrate"]


def rehydrate(
    links: Annotated[
        Path,
        typer.Argument(
            metavar="LINKS",
            help="Folder of an export in the format links; with --source, a list that others published.",
        ),
    ],
    workspace: WorkspaceOption = HERE,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="LINKS is the folder of img2dataset, or a file that ingest reads; its products get this source.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="split=NAME", help="Only this split; may be repeated.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Also try failed URLs again.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a published dataset from its links, and report what has changed since.

    Makes the workspace if there is none. Images and videos are fetched as m5data download fetches them, and compared
    with the published hashes; splits are those that were published. Run it again to continue. Ends with 1 if a check
    of m5data verify fails or a split is not as published.
    """
    from dataclasses import asdict, astuple

    from core.errors import UsageError
    from flows.rehydration.lists import open_list
    from flows.rehydration.published import open_published
    from flows.rehydration.run import open_target, plan, rehydrate_list
    from flows.rehydration.run import rehydrate as rebuild
    from m5data.cli.output import print_json, print_rows

    if source is not None:
        if only or dry_run:
            raise UsageError("rehydrate: --only and --dry-run need an export in the format links, without --source")
        found = open_list(links, source)
        _finish(
            rehydrate_list(open_target(workspace, {source: None}), found, retry_failed=retry_failed), as_json=as_json
        )
        return
    published = open_published(links, [_split_of(one) for one in only or ()])
    if dry_run:
        planned = plan(published)
        if as_json:
            print_json([asdict(one) for one in planned])
        else:
            print_rows("would be fetched", ("kind", "host", "files", "bytes"), [astuple(one) for one in planned])
        return
    workspace_of = open_target(workspace, published.record["licences"])
    _finish(rebuild(workspace_of, published, retry_failed=retry_failed), as_json=as_json)


def _finish(done: "Rehydration", *, as_json: bool) -> None:
    """Print a rebuilding; end with 1 if it is not as published."""
    from dataclasses import asdict

    from m5data.cli.output import print_json, print_reports
    from m5data.cli.screens import print_checks

    failed = [check for check in done.checks if not check.ok]
    if as_json:
        print_json({"drift": asdict(done.drift), "failed_checks": [asdict(check) for check in failed]})
    else:
        print_reports(done.reports)
        _print_drift(done.drift)
        typer.echo(f"verify: {len(done.checks) - len(failed)} of {len(done.checks)} checks hold")
        if failed:
            print_checks(failed)
    if not done.as_published:
        raise typer.Exit(1)


def _split_of(given: str) -> str:
    """Return the name of ``split=NAME``.

    Raises:
        UsageError: It has another form.
    """
    from core.errors import UsageError

    kind, _, name = given.partition("=")
    if kind != "split" or not name:
        raise UsageError(f"rehydrate --only {given}: write --only split=NAME")
    return name


def _print_drift(drift: "Drift") -> None:
    from m5data.cli.output import print_rows

    kinds = sorted({verdict: None for counts in drift.media.values() for verdict in counts})
    for title, rows in (("drift", drift.media), ("drift by host", drift.by_host), ("drift by year", drift.by_year)):
        lines = [(name, *(counts.get(kind, 0) for kind in kinds)) for name, counts in rows.items()]
        print_rows(title, ("", *kinds), lines)
    same = [split for split, is_same in drift.splits.items() if is_same]
    other = [split for split, is_same in drift.splits.items() if not is_same]
    typer.echo(
        f"splits as published: {', '.join(same) or 'none'}" + (f"; changed: {', '.join(other)}" if other else "")
    )
    if drift.derived_differ:
        typer.echo(f"{drift.derived_differ:,} videos are as published, and their frames, mp3 or MFCC are not")
    for split, count in drift.lost_queries.items():
        typer.echo(f"{split}: {count:,} queries lost every picture of their positives")
