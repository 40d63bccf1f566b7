"""``m5data annotate``: judgements of product pairs, and the matches they make."""

from pathlib import Path
from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    verbs = typer.Typer(help="Judgements of product pairs, and the matches they make.", no_args_is_help=True)
    verbs.command("import")(import_judgements)
    verbs.command("aggregate")(aggregate)
    app.add_typer(verbs, name="annotate")


def import_judgements(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: query, candidate, worker, answer[, gold].")],
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Take judgements from a file; bad rows go to the table rejects."""
    run_stages(workspace, ("judgements",), Choices(judgements=file), as_json=as_json)


def aggregate(
    workspace: WorkspaceOption = HERE,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="majority|dawid-skene|glad|weighted",
            help="How judgements become one decision a pair (default: annotate.method of the settings).",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn judgements into matches."""
    run_stages(workspace, ("matches",), Choices(method=method), as_json=as_json)
