"""Verbs of the pipeline: run, status, redo, schedule, cluster check."""

from pathlib import Path
from typing import Annotated

import typer

from core.run_options import RunContext, RunOptions, without_media
from m5data.cli.shared import (
    HERE,
    AllowShrinkOption,
    DryRunOption,
    Engine,
    EngineOption,
    JsonOption,
    RefreshOption,
    WorkspaceOption,
    run_stages,
    run_verb,
)
from m5data.cli.untrusted import UntrustedOption
from workspace.stages import Part, stages_of

__all__ = ["cluster_check", "plan", "redo", "run", "schedule", "status"]

FlowOption = Annotated[Part, typer.Option("--flow", help="Part of the pipeline.")]

_PLAN = ("stage", "what", "count", "bytes", "stored", "hours")


def run(  # noqa: PLR0913, PLR0917 - options of the command line
    workspace: WorkspaceOption = HERE,
    flow: FlowOption = "everything",
    from_feed: Annotated[
        Path | None, typer.Option("--from-feed", metavar="FEED", help="First ingest this file with a product per row.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Source of the feed.")] = None,
    allow_shrink: AllowShrinkOption = False,
    media: Annotated[
        bool, typer.Option("--media/--no-media", help="Fetch and decode images and videos, or export link files.")
    ] = True,
    refresh: RefreshOption = False,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline; finished work is not repeated, and changes are verified at the end.

    With --dry-run: print the work that a run would do: items to fetch and decode, bytes and hours. Bytes are estimated
    from stored items, hours from the settings' pace and the last run's rate; a dash means unknown. New pages may lead
    to more work.
    """
    parameters = _parameters(flow, refresh=refresh, engine=engine, media=media)
    if dry_run:
        _print_plan(workspace, flow, refresh=refresh, as_json=as_json)
        return
    from workspace import Workspace

    opened = Workspace.open(workspace)  # reports its faults before a scheduler starts
    if flow in {"collect", "everything"}:
        opened.settings.crawl.authorised()
    typer.echo(f"run: {', '.join(stages_of(flow, media=media))}", err=as_json)  # what follows takes seconds to import
    from flows.run_stage import idle_reports
    from m5data.cli.output import print_reports
    from m5data.cli.screens import print_run_end

    if from_feed is not None:
        options = RunOptions(feed=from_feed, source=source, allow_shrink=allow_shrink)
        run_verb(workspace, "ingest", options, as_json=as_json)
    context = RunContext(options=without_media(RunOptions(), media=media))
    reports = None if refresh else idle_reports(opened, stages_of(flow, media=media), context)
    if reports is None:
        from flows.running import run_pipeline

        reports = run_pipeline(workspace.resolve(), flow, parameters)
    print_reports(reports, as_json=as_json)
    if all(report.unchanged for report in reports):
        typer.echo("nothing had changed: no work done", err=as_json)
        return
    if not as_json:
        print_run_end(workspace, reports)
    if flow in {"dataset", "everything"}:
        _verify(workspace)


def _verify(folder: "Path") -> None:
    """Check the dataset; print a line, and the checks that failed.

    Raises:
        Exit: A check failed.
    """
    from m5data.cli.screens import checks_sum, print_checks
    from workspace import Workspace
    from workspace.verification import verify_workspace

    checks = verify_workspace(Workspace.open(folder))
    failed = [check for check in checks if not check.ok]
    typer.echo(f"verify: {checks_sum(checks)}", err=True)
    if failed:
        print_checks(failed)
        raise typer.Exit(1)


def plan(workspace: WorkspaceOption = HERE, refresh: RefreshOption = False, as_json: JsonOption = False) -> None:
    """Print what a run would fetch, decode and store: m5data run --dry-run."""
    _print_plan(workspace, "everything", refresh=refresh, as_json=as_json)


def _print_plan(workspace: "Path", flow: Part, *, refresh: bool, as_json: bool) -> None:
    from dataclasses import astuple

    from m5data.cli.output import print_json, print_rows
    from workspace import Workspace
    from workspace.dry_run import plan_run

    lines = [astuple(line) for line in plan_run(Workspace.open(workspace), flow, refresh=refresh)]
    if as_json:
        print_json([dict(zip(_PLAN, line, strict=True)) for line in lines])
        return
    print_rows("", _PLAN, [(*line[:5], None if line[5] is None else round(line[5], 4)) for line in lines])


def _parameters(flow: Part, *, refresh: bool, engine: Engine, media: bool = True) -> dict[str, object]:
    """Return the parameters of a flow that were given.

    Raises:
        UsageError: The flow has no such parameter.
    """
    from core.errors import UsageError

    given: dict[str, object] = {}
    if refresh:
        given["refresh"] = True
    if engine != "local":
        given["engine"] = engine
    if not media:
        given["media"] = False
    takes = {
        "collect": {"refresh"},
        "process": {"engine"},
        "dataset": {"engine"},
        "everything": {"refresh", "engine", "media"},
    }
    wrong = sorted(given.keys() - takes.get(flow, set()))
    if wrong:
        name = "no-media" if wrong[0] == "media" else wrong[0]
        raise UsageError(f"--flow {flow}: it has no --{name}; leave that out, or choose another flow")
    return given


def status(
    workspace: WorkspaceOption = HERE,
    wide: Annotated[
        bool, typer.Option("--wide", help="Also times, and every reason, source and note; needs a wide terminal.")
    ] = False,
    as_json: JsonOption = False,
    _untrusted: UntrustedOption = False,
) -> None:
    """Show what to do next, and what is done, pending, running and failed, and why.

    Shows each stage's last run and pending work, the running stage's rate and expected end, and the modalities that
    products lack, with reasons.
    """
    from dataclasses import asdict

    from m5data.cli.output import print_json
    from m5data.cli.screens import print_status
    from workspace import Workspace
    from workspace.status import status_of

    opened = Workspace.open(workspace)
    found = status_of(opened)
    if as_json:
        print_json(asdict(found))
    else:
        print_status(found, opened, workspace, wide=wide)


def redo(
    stage: Annotated[str, typer.Option("--stage", metavar="S", help="Stage, by the name that m5data status shows.")],
    workspace: WorkspaceOption = HERE,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only products of this source.")
    ] = None,
    product: Annotated[
        list[str] | None, typer.Option("--product", metavar="ID", help="Only this product; may be repeated.")
    ] = None,
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, metavar="N", help="Only products of this bucket.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Forget a stage's work, whole or in part, and run it again.

    Dependent stages follow with the next m5data run. Use --dry-run first: media and pages are fetched again.
    """
    from m5data.cli.output import print_json
    from workspace import Workspace
    from workspace.invalidate import Selection, invalidate

    selection = Selection(source, tuple(product or ()), partition)
    count = invalidate(Workspace.open(workspace), stage, selection, dry_run=dry_run)
    if not dry_run:
        run_stages(workspace, (stage,), as_json=as_json)
    elif as_json:
        print_json({"stage": stage, "items": count})
    else:
        typer.echo(f"{stage}: {count:,} items would be redone")


def schedule(
    cron: Annotated[str, typer.Option("--cron", metavar="CRON", help='Schedule: five fields, e.g. "0 3 * * *".')],
    workspace: WorkspaceOption = HERE,
    flow: FlowOption = "everything",
    refresh: RefreshOption = False,
    engine: EngineOption = "local",
    port: Annotated[
        int,
        typer.Option("--port", metavar="P", min=1, max=65535, help="Port of the Prefect server, if one is started."),
    ] = 4200,
) -> None:
    """Run the pipeline on a schedule, until Ctrl-C or SIGTERM.

    Uses the Prefect server that PREFECT_API_URL names, or starts one with its pages at --port of this machine. Runs do
    not overlap: one that is due while another is running waits. For work pools, see prefect.yaml.
    """
    from flows.running import check_cron, serve_schedule
    from workspace import Workspace

    opened = Workspace.open(workspace)
    check_cron(cron)
    if flow in {"collect", "everything"}:
        opened.settings.crawl.authorised()
    serve_schedule(
        workspace.resolve(),
        flow,
        cron,
        _parameters(flow, refresh=refresh, engine=engine),
        port=port,
        announce=lambda url: typer.echo(f"{flow} at {cron}; runs at {url} (end with Ctrl-C)"),
    )


def cluster_check(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Find problems of each machine of the Ray cluster; change nothing.

    Looks at packages and their versions, FFmpeg and decoders, memory, disk, clock, and at the workspace from there: an
    object store must keep the conditions of a put. The cluster is that of RAY_ADDRESS. Ends with 1 when anything is
    wrong.
    """
    from dataclasses import asdict, astuple

    from flows.cluster_check import check_cluster
    from m5data.cli.output import print_json, print_rows
    from storage.working_copy import store_url_of

    found = list(check_cluster(store_url_of(workspace) or str(workspace.absolute())))
    if as_json:
        print_json([{"machine": machine, **asdict(finding)} for machine, finding in found])
    else:
        print_rows("", ("machine", "what", "", "found"), [(machine, *astuple(one)) for machine, one in found])
    if any(finding.state == "wrong" for _, finding in found):
        raise typer.Exit(1)
