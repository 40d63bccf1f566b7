"""``m5data vacuum``: remove what no dataset version that is kept needs."""

from typing import Annotated

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("vacuum")(vacuum)


def vacuum(
    workspace: WorkspaceOption = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove old dataset versions with the files, objects and drafts that only they used.

    The newest versions stay, young ones (keep_versions and keep_days under [store] in m5data.toml), and those that
    splits or an export came from. Look with --dry-run first.
    """
    from m5data.cli.display import print_json, print_rows
    from m5data.vacuuming import vacuum
    from m5data.workspace import Workspace

    findings = vacuum(Workspace.open(workspace), dry_run=dry_run)
    names = ("what", "count", "bytes")
    if as_json:
        removed = [dict(zip(names, line, strict=True)) for line in findings.lines]
        print_json({"kept": sorted(findings.kept), "removed": removed})
        return
    kept = ", ".join(map(str, sorted(findings.kept))) or "none"
    print(f"dataset versions that stay: {kept}")
    print_rows("would be removed" if dry_run else "removed", names, findings.lines)
