"""``m5data train`` and ``m5data evaluate``: SCALE on the shards, judged on the splits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from m5data.workspace import Workspace

__all__ = ["register"]

RecipeOption = Annotated[str, typer.Option("--recipe", metavar="NAME|FILE", help="A shipped recipe or a TOML file.")]
ShardsOption = Annotated[
    Path | None,
    typer.Option("--shards", metavar="DIR", help="Folder of an export (default: that of the workspace's recipe)."),
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", metavar="cpu|cuda", help="Default: a GPU where there is one.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)


def train(
    workspace: WorkspaceOption = HERE,
    recipe: RecipeOption = "tiny",
    shards: ShardsOption = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="All that is drawn follows from it.")] = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Forget an earlier training of this recipe.")] = False,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train SCALE on the shards, or go on where a training was broken off (needs the extra train)."""
    import os
    from dataclasses import asdict

    from m5data.cli.display import print_json, print_rows
    from m5data.progress_display import showing_progress
    from m5data.workspace import Workspace

    opened = Workspace.open(workspace)
    _need_torch()
    from scale.command import train_run

    with showing_progress() as progress:
        done = train_run(
            opened.root,
            _shards(opened, shards),
            recipe,
            seed=seed,
            restart=restart,
            device=device,
            progress=progress,
        )
    if os.environ.get("RANK", "0") != "0":  # under torchrun, one process speaks
        return
    if as_json:
        print_json([asdict(one) for one in done])
        return
    columns = ("phase", "steps now", "of", "samples", "unreadable", "last loss", "seconds")
    rows = [
        (one.phase, one.steps, one.total, one.samples, _reasons(one.skipped), round(one.loss, 4), round(one.seconds, 1))
        for one in done
    ]
    print_rows("", columns, rows)


def evaluate(
    workspace: WorkspaceOption = HERE,
    recipe: RecipeOption = "tiny",
    shards: ShardsOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge what was trained: retrieval, classification, clustering (needs the extra train)."""
    from m5data.cli.display import print_json
    from m5data.cli.measures import print_measures
    from m5data.progress_display import showing_progress
    from m5data.workspace import Workspace

    opened = Workspace.open(workspace)
    _need_torch()
    from scale.command import evaluate_run, run_folder

    with showing_progress() as progress:
        results: dict[str, Any] = evaluate_run(
            opened.root, _shards(opened, shards), recipe, device=device, progress=progress
        )
    if as_json:
        print_json(results)
        return
    print_measures(results, run_folder(opened.root, results["recipe"]) / "evaluation")


def _shards(workspace: "Workspace", chosen: Path | None) -> Path:
    """Return the folder that ``m5data export`` writes for the workspace's recipe, unless one is chosen."""
    settings = workspace.settings
    return chosen or Path(settings.export.out or workspace.store.root / "shards") / settings.splits.recipe_name


def _need_torch() -> None:
    from importlib.util import find_spec

    from m5data.errors import UsageError

    missing = [name for name in ("torch", "sklearn", "tensorboard") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"training: wanted the extra train, found no {', '.join(missing)}; run: pip install 'm5data[train]'"
        )


def _reasons(skipped: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in skipped.items()) or "-"
