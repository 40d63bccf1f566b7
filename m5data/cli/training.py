"""Verbs of training: train, evaluate, compare."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from m5data.cli.shared import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from workspace import Workspace

__all__ = ["compare", "evaluate", "train"]

KS = (1, 5, 10)
_CLASSES = ("top-1", "top-5", "average precision", "F1", "unknown class")
_ACROSS = ("R@1", "R@5", "R@10", "median rank", "chance R@10", "chance median rank", "products")
_CLUSTERS = ("NMI", "AMI", "purity", "ARI", "accuracy", "k")

RecipeOption = Annotated[str, typer.Option("--recipe", metavar="NAME|FILE", help="A shipped recipe or a TOML file.")]
ShardsOption = Annotated[
    Path | None,
    typer.Option("--shards", metavar="DIR", help="Folder of an export (default: that of the workspace's recipe)."),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", help="Seed of all random numbers; each seed has its own folder.")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", metavar="cpu|cuda", help="Default: a GPU if there is one.")
]


def train(
    workspace: WorkspaceOption = HERE,
    recipe: RecipeOption = "tiny",
    shards: ShardsOption = None,
    seed: SeedOption = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Discard an earlier training of this recipe.")] = False,
    device: DeviceOption = None,
    wandb: Annotated[
        str, typer.Option("--wandb", metavar="PROJECT", help="Send the curves to Weights & Biases too (package wandb).")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Train SCALE on the shards, or resume (extra train)."""
    import os
    from dataclasses import asdict

    from m5data.cli.output import print_json, print_rows
    from workspace import Workspace
    from workspace.progress import showing_progress

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
            wandb=wandb,
        )
    if os.environ.get("RANK", "0") != "0":  # under torchrun, one process prints
        return
    if as_json:
        print_json([asdict(one) for one in done])
        return
    columns = ("phase", "steps now", "of", "products", "of", "unreadable", "last loss", "seconds")
    rows = [
        (
            *(one.phase, one.steps, one.total, one.products, one.samples, _reasons(one.skipped)),
            *(round(one.loss, 4), round(one.seconds, 1)),
        )
        for one in done
    ]
    print_rows("", columns, rows)


def evaluate(
    workspace: WorkspaceOption = HERE,
    recipe: RecipeOption = "tiny",
    shards: ShardsOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a trained model on the splits (extra train).

    Measures retrieval, classification and clustering.
    """
    from m5data.cli.output import print_json
    from workspace import Workspace
    from workspace.progress import showing_progress

    opened = Workspace.open(workspace)
    _need_torch()
    from scale.command import evaluate_run, run_folder

    with showing_progress() as progress:
        results: dict[str, Any] = evaluate_run(
            opened.root, _shards(opened, shards), recipe, seed=seed, device=device, progress=progress
        )
    if as_json:
        print_json(results)
        return
    _print_measures(results, run_folder(opened.root, results["recipe"], seed) / "evaluation")


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Recipes, with all their seeds, or run folders.")],
    workspace: WorkspaceOption = HERE,
    layout: Annotated[
        Literal["models", "modalities"],
        typer.Option("--layout", help="One row per model, or also per combination of modalities."),
    ] = "models",
    task: Annotated[Literal["coarse", "fine"], typer.Option("--task", help="Retrieval task.")] = "coarse",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare evaluated trainings: means and 95 % intervals over seeds."""
    from dataclasses import asdict

    from m5data.cli.output import print_json, print_rows
    from scale.evaluation.compare import compare as compared
    from scale.evaluation.compare import find_runs, read_results, shown
    from workspace import Workspace

    found = compared(read_results(find_runs(Workspace.open(workspace).root, runs)), layout, task)
    if as_json:
        print_json([asdict(row) for row in found.rows])
    elif markdown:
        print(found.markdown())
    else:
        rows = [
            (row.recipe, row.phase, row.sees, row.seeds, *(shown(row.values.get(name)) for name in found.measures))
            for row in found.rows
        ]
        print_rows("", ("recipe", "phase", "sees", "seeds", *found.measures), rows)


def _shards(workspace: "Workspace", chosen: Path | None) -> Path:
    """Return the folder that ``m5data export`` writes for the workspace's recipe, unless one is chosen."""
    from export.folders import folder_name

    settings = workspace.settings
    top = Path(settings.export.out or workspace.store.root / "shards")
    return chosen or top / folder_name(settings.splits.recipe_name, settings.export.where)


def _need_torch() -> None:
    from importlib.util import find_spec

    from core.errors import UsageError

    missing = [name for name in ("torch", "sklearn", "tensorboard") if find_spec(name) is None]
    if missing:
        raise UsageError(f"training needs {', '.join(missing)}, not installed here; run: pip install 'm5data[train]'")


def _reasons(skipped: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in skipped.items()) or "-"


def _print_measures(results: Mapping[str, Any], folder: Path) -> None:
    """Print every measure, with the choices it was made with."""
    from m5data.cli.output import print_rows

    choices = ", ".join(f"{name} {_plain(value)}" for name, value in results["choices"].items() if value is not None)
    print(f"recipe {results['recipe']}, seed {results['seed']}, dataset version {results['version']}; {choices}\n")
    judged = {**results["phases"], **results["baselines"]}
    for definition in ("released", "paper", "standard"):
        names = [f"{kind}@{k}" for k in KS for kind in ("mAP", "Prec")]
        rows = list(_retrieval(judged, [f"{definition} {name}" for name in names]))
        if rows:
            head = ("phase", "read-out", "task", "sees", "queries", *names)
            print_rows(f"Retrieval, definition {definition}", head, rows)
    _print_table("Across modalities, by cosine", "query → answer", "cross-modal", judged, _ACROSS)
    _print_table("Classification", "classifier", "classification", judged, _CLASSES)
    rows = [
        (phase, *_rounded([found["clustering"][name] for name in _CLUSTERS]))
        for phase, found in judged.items()
        if "clustering" in found
    ]
    print_rows("Clustering (chance is 0 in AMI and ARI)", ("phase", *_CLUSTERS), rows)
    for phase, found in judged.items():
        for name, value in found.get("cross-modal", {}).get("cosines", {}).items():
            print(f"{phase}: mean cosine of image and text, {name}: {value:.4f}")
    for name in results["absent splits"]:
        print(f"not judged: the export has no split {name}")
    print(f"results.json, examples.html and tsne.png are in {folder}")


def _retrieval(phases: Mapping[str, Any], names: list[str]) -> Iterator[tuple[object, ...]]:
    for phase, found in phases.items():
        for read_out, tasks in found.get("read-outs", {"-": found["retrieval"]}).items():
            for task, table in tasks.items():
                for sees, values in table.items():
                    shown = _rounded([values[name] for name in names])
                    yield (phase, read_out, task, sees, int(values["queries"]), *shown)


def _print_table(title: str, kind: str, measure: str, phases: Mapping[str, Any], names: tuple[str, ...]) -> None:
    rows = [
        (phase, row, *_rounded([values[name] for name in names]))
        for phase, found in phases.items()
        for row, values in found.get(measure, {}).items()
        if set(names) <= set(values)
    ]
    if rows:
        from m5data.cli.output import print_rows

        print_rows(title, ("phase", kind, *names), rows)


def _rounded(values: list[float]) -> list[float | int]:
    return [int(value) if float(value).is_integer() and value > 1 else round(value, 4) for value in values]


def _plain(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value).lower()
