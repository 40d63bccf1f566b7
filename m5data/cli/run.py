"""``m5data run``: the pipeline, as a Prefect flow."""

from enum import StrEnum
from typing import Annotated

import typer

from m5data.cli.options import HERE, Engine, EngineOption, JsonOption, WorkspaceOption

__all__ = ["Part", "parameters", "register"]


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
    engine: EngineOption = Engine.local,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline: what is done already is not done again."""
    from flows.running import run_pipeline
    from m5data.cli.display import print_reports
    from m5data.workspace import Workspace

    opened = Workspace.open(workspace)  # what is wrong with it is told before a scheduler starts
    if flow in {Part.collect, Part.everything}:
        opened.settings.crawl.authorised()
    reports = run_pipeline(workspace.resolve(), flow.value, parameters(flow, refresh=refresh, engine=engine))
    print_reports(reports, as_json=as_json)
    if not as_json and all(report.unchanged for report in reports):
        typer.echo("nothing had changed: no work done")


def parameters(flow: Part, *, refresh: bool, engine: Engine) -> dict[str, object]:
    """Return the parameters of a flow that were chosen.

    Raises:
        UsageError: The flow has no such parameter.
    """
    from m5data.errors import UsageError

    chosen: dict[str, object] = {}
    if refresh:
        chosen["refresh"] = True
    if engine is not Engine.local:
        chosen["engine"] = engine.value
    takes = {"collect": {"refresh"}, "process": {"engine"}, "everything": {"refresh", "engine"}}
    wrong = sorted(chosen.keys() - takes.get(flow.value, set()))
    if wrong:
        raise UsageError(f"--flow {flow.value}: it takes no --{wrong[0]}; leave that out, or choose another flow")
    return chosen
