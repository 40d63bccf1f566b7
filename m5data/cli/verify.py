"""``m5data verify``: proof that the dataset is whole and its splits do not leak."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:  # every spawned child imports this module again: it must stay light
    from storage.check import Check

__all__ = ["print_checks", "register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    workspace: WorkspaceOption = HERE,
    objects: Annotated[bool, typer.Option("--objects", help="Also read every object and check its hash.")] = False,
    at: Annotated[int | None, typer.Option("--at", metavar="VERSION", help="Check an earlier dataset version.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check conservation, versions and the split certificate; end with 1 when anything fails."""
    import m5data
    from m5data.cli.display import print_json
    from m5data.verification import verify_workspace

    checks = verify_workspace(m5data.open(workspace, at), objects=objects)
    if as_json:
        print_json([{"check": check.name, "ok": check.ok, "detail": check.detail} for check in checks])
    else:
        print_checks(checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def print_checks(checks: "Sequence[Check]") -> None:
    """Print what was checked, a line each."""
    from m5data.cli.display import print_rows

    print_rows("", ("check", "", "detail"), [(c.name, "ok" if c.ok else "FAILED", c.detail) for c in checks])
