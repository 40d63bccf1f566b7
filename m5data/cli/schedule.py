"""``m5data schedule``: the pipeline at times of a clock."""

from typing import Annotated

import typer

from m5data.cli.options import HERE, Engine, EngineOption, WorkspaceOption
from m5data.cli.run import Part, parameters

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("schedule")(schedule)


def schedule(
    cron: Annotated[str, typer.Option("--cron", metavar="CRON", help='When: five fields, e.g. "0 3 * * *".')],
    workspace: WorkspaceOption = HERE,
    flow: Annotated[Part, typer.Option("--flow", help="Part of the pipeline.")] = Part.everything,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask for every page again, whatever its age.")] = False,
    engine: EngineOption = Engine.local,
    port: Annotated[
        int, typer.Option("--port", metavar="P", min=1, max=65535, help="Of the Prefect server, if one is started.")
    ] = 4200,
) -> None:
    """Run the pipeline on a schedule until this is ended (Ctrl-C or SIGTERM).

    Uses the Prefect server that PREFECT_API_URL names, or starts one with its pages at --port of this machine. Runs
    follow one another: one that is due while another runs waits. For work pools there is prefect.yaml.
    """
    from flows.scheduling import check_cron, serve_schedule
    from m5data.workspace import Workspace

    opened = Workspace.open(workspace)
    check_cron(cron)
    if flow in {Part.collect, Part.everything}:
        opened.settings.crawl.authorised()
    serve_schedule(
        workspace.resolve(),
        flow.value,
        cron,
        parameters(flow, refresh=refresh, engine=engine),
        port=port,
        tell=lambda url: typer.echo(f"{flow.value} at {cron}; runs at {url} (end with Ctrl-C)"),
    )
