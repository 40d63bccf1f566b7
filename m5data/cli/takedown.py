"""The verb of take-down: forget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from m5data.cli.shared import HERE, DryRunOption, JsonOption, WorkspaceOption

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from takedown.plan import Target

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
    from core.errors import DataError, UsageError
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
    if receipt.is_empty and not receipt.taken_before:
        raise DataError(_matches_nothing(targets[0], receipt.near, dry_run=dry_run))
    if as_json:
        return
    if receipt.is_empty:
        print("it was taken down before; nothing is left of it")
        return
    print_rows("would be removed" if dry_run else "removed", ("what", "count", "where"), receipt.lines())


def _matches_nothing(target: "Target", near: Sequence[str], *, dry_run: bool) -> str:
    """Return the message for a target that the workspace does not have."""
    what = f"forget: --{target.kind} {target.value!r} matches nothing in this workspace"
    if near:
        return f"{what}; did you mean {' or '.join(map(repr, near))}? Nothing was removed. Give the whole name."
    if dry_run:
        return f"{what}. Write it as m5data sql shows it; a merchant's name must be whole."
    return f"{what}; nothing was removed, and it is kept out from now on. If that is wrong, check the spelling."
