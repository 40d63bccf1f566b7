"""``m5data export``: shards of the splits."""

from enum import StrEnum
from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


class Format(StrEnum):
    """Export formats."""

    parquet = "parquet"
    webdataset = "webdataset"
    links = "links"
    m5product = "m5product"
    mep3m = "mep3m"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    workspace: WorkspaceOption = HERE,
    form: Annotated[Format | None, typer.Option("--format", help="Default: those of m5data.toml.")] = None,
    split: Annotated[list[str] | None, typer.Option("--split", metavar="NAME", help="Only these splits.")] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="URI", help="Folder or s3://bucket/prefix (default: shards/).")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="NAME", help="Recipe (default: m5data.toml's).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write shards with all five modalities (or the papers' own files), a manifest and a dataset card."""
    choices = Choices(recipe=recipe, form=form.value if form else "auto", splits=tuple(split or ()), out=out)
    run_stages(workspace, ("export",), choices, as_json=as_json)
