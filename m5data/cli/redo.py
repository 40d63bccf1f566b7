"""``m5data redo``: have a stage do work again."""

from typing import Annotated

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("redo")(redo)


def redo(
    stage: Annotated[str, typer.Option("--stage", metavar="S", help="Stage, by the name that m5data status shows.")],
    workspace: WorkspaceOption = HERE,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only products of this source.")
    ] = None,
    product: Annotated[
        list[str] | None, typer.Option("--product", metavar="ID", help="Only this product; may be repeated.")
    ] = None,
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, metavar="N", help="Only products of this bucket.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be redone, and do nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget what a stage made, of everything or of some products, and run it again.

    What depends on it follows with the next m5data run. Look with --dry-run first: media and pages are fetched again.
    """
    from m5data.choices import Choices
    from m5data.cli.display import print_json
    from m5data.cli.running import run_stages
    from m5data.redoing import Selection, mark
    from m5data.workspace import Workspace

    selection = Selection(source, tuple(product or ()), partition)
    count = mark(Workspace.open(workspace), stage, selection, dry_run=dry_run)
    if dry_run:
        if as_json:
            print_json({"stage": stage, "items": count})
        else:
            typer.echo(f"{stage}: {count:,} items would be redone")
        return
    run_stages(workspace, (stage,), Choices(), as_json=as_json)
