"""The verb of take-down: forget."""

from typing import Annotated

import typer

from m5data.cli.shared import HERE, DryRunOption, JsonOption, WorkspaceOption

__all__ = ["forget"]


def forget(
    workspace: WorkspaceOption = HERE,
    url: Annotated[str | None, typer.Option("--url", metavar="U", help="URL of a page, image or video.")] = None,
    product: Annotated[str | None, typer.Option("--product", metavar="ID", help="Product, as SOURCE:ID.")] = None,
    merchant: Annotated[str | None, typer.Option("--merchant", metavar="NAME", help="Merchant, as published.")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take down a page, product or merchant for good.

    Prints the receipt.
    """
    from core.errors import UsageError
    from m5data.cli.output import print_json, print_rows
    from takedown.forget import forget
    from takedown.plan import Target, TargetKind
    from workspace import Workspace

    given: list[tuple[TargetKind, str | None]] = [("url", url), ("product", product), ("merchant", merchant)]
    targets = [Target(kind, value) for kind, value in given if value]
    if len(targets) != 1:
        raise UsageError("forget: give one of --url, --product and --merchant")
    receipt = forget(Workspace.open(workspace).store, targets[0], dry_run=dry_run)
    if as_json:
        print_json(receipt.as_record())
        return
    if receipt.is_empty:
        print("nothing found; it is kept out from now on" if not dry_run else "nothing found")
        return
    print_rows("would be removed" if dry_run else "removed", ("what", "count", "where"), receipt.lines())
