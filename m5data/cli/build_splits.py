"""``m5data build-splits``: train, query and gallery without leaks."""

from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build-splits")(build_splits)


def build_splits(
    workspace: WorkspaceOption = HERE,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="NAME|FILE", help="A shipped recipe or a TOML file.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of the draw.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Build the splits of a recipe; m5data verify then proves them."""
    run_stages(workspace, ("splits",), Choices(recipe=recipe, seed=seed), as_json=as_json)
