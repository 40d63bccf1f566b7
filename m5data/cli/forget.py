"""``m5data forget``: take-down of one address, product or merchant."""

from typing import Annotated

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("forget")(forget)


def forget(
    workspace: WorkspaceOption = HERE,
    url: Annotated[str | None, typer.Option("--url", metavar="U", help="Address of a page, image or video.")] = None,
    product: Annotated[str | None, typer.Option("--product", metavar="ID", help="Product, as SOURCE:ID.")] = None,
    merchant: Annotated[str | None, typer.Option("--merchant", metavar="NAME", help="Merchant, as published.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a page, product or merchant out of everything, for good, and print the receipt."""
    from m5data.cli.display import print_json, print_rows
    from m5data.errors import UsageError
    from m5data.workspace import Workspace
    from takedown.forget import forget
    from takedown.plan import Target, TargetKind

    given: list[tuple[TargetKind, str | None]] = [("url", url), ("product", product), ("merchant", merchant)]
    targets = [Target(kind, value) for kind, value in given if value]
    if len(targets) != 1:
        raise UsageError(f"forget: wanted one of --url, --product and --merchant, got {len(targets)}; give one")
    receipt = forget(Workspace.open(workspace).store, targets[0], dry_run=dry_run)
    if as_json:
        print_json(receipt.as_record())
        return
    if receipt.is_empty:
        print("nothing found; it is kept out from now on" if not dry_run else "nothing found")
        return
    print_rows("would be removed" if dry_run else "removed", ("what", "count", "where"), receipt.lines())
