"""``m5data run``: the pipeline, as a Prefect flow."""

from enum import StrEnum
from typing import Annotated

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]


class Part(StrEnum):
    """Parts of the pipeline."""

    collect = "collect"
    process = "process"
    dataset = "dataset"
    everything = "everything"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def run(
    workspace: WorkspaceOption = HERE,
    flow: Annotated[Part, typer.Option("--flow", help="Part of the pipeline.")] = Part.everything,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask for every page again, whatever its age.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline: what is done already is not done again."""
    from flows.running import run_pipeline
    from m5data.cli.display import print_reports
    from m5data.workspace import Workspace

    opened = Workspace.open(workspace)  # what is wrong with it is told before a scheduler starts
    if flow in {Part.collect, Part.everything}:
        opened.settings.crawl.authorised()
    reports = run_pipeline(workspace.resolve(), flow.value, refresh=refresh)
    print_reports(reports, as_json=as_json)
    if not as_json and all(report.unchanged for report in reports):
        typer.echo("nothing had changed: no work done")
