"""Options that several verbs share, running of stages, and verbs for stages that have no options of their own."""

import functools
import inspect
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from core.names import dashed
from core.run_options import RunOptions
from m5data.cli.untrusted import check_place, is_untrusted
from workspace.stages import STAGES, Option, StageSpec

__all__ = [
    "HERE",
    "INTERRUPTED",
    "WORKSPACE_HELP",
    "AllowShrinkOption",
    "DryRunOption",
    "Engine",
    "EngineOption",
    "JsonOption",
    "RefreshOption",
    "Settings",
    "WorkspaceOption",
    "folder_of",
    "plain_verb",
    "run_stages",
    "run_verb",
    "with_options",
]

HERE = Path()
INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C."""


def _nearest(context: typer.Context, value: Path) -> Path:
    """Return the verb's own ``-w``, else the one before the verb, else the current folder."""
    source = context.get_parameter_source("workspace")
    before: Path | None = context.find_root().params.get("workspace")
    place = before if before and source is not None and source.name == "DEFAULT" else value
    if is_untrusted(context):
        check_place(place)
    return place


def folder_of(place: str | Path) -> Path:
    """Return the folder of a workspace, which may be named by its URL in an object store."""
    from storage.working_copy import working_copy

    return working_copy(place)


WORKSPACE_HELP = "Workspace: a folder (default: here), or a URL such as s3://bucket/prefix."

WorkspaceOption = Annotated[
    Path,
    typer.Option("-w", "--workspace", metavar="DIR", help=WORKSPACE_HELP, parser=folder_of, callback=_nearest),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]
RefreshOption = Annotated[bool, typer.Option("--refresh", help="Request every page again, whatever its age.")]
AllowShrinkOption = Annotated[
    bool, typer.Option("--allow-shrink", help="Remove products even if a source loses most of them.")
]

Engine = Literal["local", "ray"]
EngineOption = Annotated[
    Engine, typer.Option("--engine", help="Where partitions run: this machine, or a Ray cluster (extra ray).")
]
NO_OPTIONS = RunOptions()
Settings = Mapping[str, Any]
"""Settings that the options of a verb replace, by key (``with_options``)."""


def plain_verb(spec: StageSpec) -> Callable[..., None]:
    """Return the verb of a stage that has no options but those of its ``StageSpec``; see ``with_options``."""

    def run(
        workspace: WorkspaceOption = HERE,
        *,
        settings: Settings,
        engine: EngineOption = "local",
        as_json: JsonOption = False,
    ) -> None:
        run_verb(workspace, spec.name, RunOptions(settings=settings, engine=engine), as_json=as_json)

    return run


def with_options(spec: StageSpec, verb: Callable[..., None]) -> Callable[..., None]:
    """Return a verb with its stage's options in place of ``settings``, and no ``engine`` unless that runs on Ray."""
    own = inspect.signature(verb).parameters
    if "settings" not in own:
        return verb
    options = [option for option in spec.options if option.help]
    parameters: list[inspect.Parameter] = []
    for parameter in own.values():
        if parameter.name == "settings":
            parameters += map(_parameter, options)
        elif parameter.name != "engine" or spec.on_ray:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(verb)
    def run(**given: Any) -> None:  # noqa: ANN401 - what Typer parsed
        settings = {option.name: given.pop(option.name) for option in options}
        verb(**given, settings=settings)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Typer reads it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameter(option: Option) -> inspect.Parameter:
    shown = typer.Option(
        None, f"--{dashed(option.name)}", metavar=option.metavar, help=option.help, min=option.low, max=option.high
    )
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=shown, annotation=option.type | None)


def run_verb(folder: Path, stage: str, options: RunOptions = NO_OPTIONS, *, as_json: bool = False) -> None:
    """Run what a stage's verb runs: the stage, and the one that follows it."""
    spec = STAGES[stage]
    run_stages(folder, (stage,) if spec.then is None else (stage, spec.then), options, as_json=as_json)


def run_stages(folder: Path, names: Sequence[str], options: RunOptions = NO_OPTIONS, *, as_json: bool = False) -> None:
    """Run stages one after another under the workspace's lock, without a scheduler, and print their reports."""
    from core.run_options import RunContext
    from core.stage import StageReport
    from flows.run_stage import run_stage, stage_session
    from m5data.cli.output import print_reports
    from workspace import Workspace

    workspace, reports = Workspace.open(folder), list[StageReport]()
    with stage_session(workspace, ", ".join(names)) as progress:
        context = RunContext(progress=progress, options=options)
        for name in names:
            reports.append(run_stage(workspace, name, context))
            progress.completed(reports[-1])
    print_reports(reports, as_json=as_json)
