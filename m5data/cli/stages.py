"""Running stages from the command line; a verb for every stage that needs no options of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path

from m5data.cli.options import HERE, EngineOption, JsonOption, WorkspaceOption
from m5data.run_options import RunOptions
from m5data.stages import STAGES, StageSpec

__all__ = ["plain_verb", "run_stages", "run_verb"]

NO_OPTIONS = RunOptions()


def plain_verb(spec: StageSpec) -> Callable[..., None]:
    """Return the verb of a stage that has no options of its own."""

    def run(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
        run_verb(workspace, spec.name, as_json=as_json)

    def run_on(workspace: WorkspaceOption = HERE, engine: EngineOption = "local", as_json: JsonOption = False) -> None:
        run_verb(workspace, spec.name, RunOptions(engine=engine), as_json=as_json)

    return run_on if spec.on_ray else run


def run_verb(folder: Path, stage: str, options: RunOptions = NO_OPTIONS, *, as_json: bool = False) -> None:
    """Run what a stage's verb runs: the stage, and the one that follows it."""
    spec = STAGES[stage]
    run_stages(folder, (stage,) if spec.then is None else (stage, spec.then), options, as_json=as_json)


def run_stages(folder: Path, names: Sequence[str], options: RunOptions = NO_OPTIONS, *, as_json: bool = False) -> None:
    """Run stages one after another under the workspace's lock, without a scheduler, and print their reports."""
    from flows.run_stage import run_stage, stage_session
    from m5data.cli.output import print_reports
    from m5data.run_options import RunContext
    from m5data.workspace import Workspace

    workspace = Workspace.open(folder)
    with stage_session(workspace, ", ".join(names)) as progress:
        context = RunContext(progress=progress, options=options)
        reports = [run_stage(workspace, name, context) for name in names]
    print_reports(reports, as_json=as_json)
