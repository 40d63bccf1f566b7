"""``m5data doctor``: what is wrong with this machine or workspace."""

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Find and explain what is wrong: versions, settings, rights, disk, lock, drafts, clock. Changes nothing.

    Ends with 1 when anything is wrong.
    """
    from dataclasses import asdict

    from m5data.cli.display import print_json, print_rows
    from m5data.doctoring import examine

    findings = list(examine(workspace))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_rows("", ("what", "", "found"), [(one.name, one.state, one.detail) for one in findings])
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)
