"""Verbs of dataset versions: log, diff, vacuum, copy."""

from dataclasses import astuple
from typing import Annotated

import typer

from m5data.cli.shared import HERE, DryRunOption, JsonOption, WorkspaceOption

__all__ = ["copy", "diff", "log", "vacuum"]

SHOWN = 200


def log(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """List the dataset versions, newest first."""
    import m5data
    from m5data.cli.output import print_json, print_rows

    versions = m5data.open(workspace).store.versions()
    rows = [(v.number, v.created and v.created.isoformat(timespec="seconds"), v.stage) for v in versions]
    if as_json:
        print_json([dict(zip(("version", "created", "stage"), row, strict=True)) for row in rows])
    else:
        print_rows("", ("version", "created", "stage"), rows)


def diff(
    old: Annotated[int, typer.Argument(metavar="V1", help="Earlier dataset version (see m5data log).")],
    new: Annotated[int, typer.Argument(metavar="V2", help="Later one.")],
    workspace: WorkspaceOption = HERE,
    table: Annotated[str | None, typer.Option("--table", metavar="NAME", help="Show the keys of this table.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Count added, removed and changed rows, by table.

    Observation times are ignored.
    """
    from itertools import islice

    import m5data
    from m5data.cli.output import print_json, print_rows
    from storage.difference import changed_rows, table_changes

    opened = m5data.open(workspace)
    before, after = opened.store.snapshot(old), opened.store.snapshot(new)
    names: tuple[str, ...]
    if table is None:
        names = ("table", "added", "removed", "changed")
        rows = [astuple(change) for change in table_changes(before, after)]
    else:
        names = ("change", "key")
        found = changed_rows(before, after, table)
        rows = [(row.change, ", ".join(map(str, row.key))) for row in (found if as_json else islice(found, SHOWN + 1))]
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_rows("", names, rows[:SHOWN])
    if len(rows) > SHOWN:
        typer.echo(f"the first {SHOWN} rows are shown; use --json for all of them", err=True)


def vacuum(workspace: WorkspaceOption = HERE, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Remove old dataset versions and what only they used.

    The newest versions stay, recent ones (keep_versions and keep_days in the section store of m5data.toml), and those
    that splits or an export came from. Use --dry-run first.
    """
    from m5data.cli.output import print_json, print_rows
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


def copy(
    uri: Annotated[str, typer.Argument(metavar="URI", help="New folder, or its URL: file:, s3://bucket/prefix.")],
    workspace: WorkspaceOption = HERE,
    buckets: Annotated[
        int | None, typer.Option("--buckets", metavar="N", min=1, max=4096, help="Hash buckets of the copy's tables.")
    ] = None,
) -> None:
    """Copy a workspace with all its versions; check the copy.

    With --buckets only the newest version is copied, with its tables rewritten.
    """
    from m5data.copying import copy_workspace
    from m5data.workspace import Workspace
    from storage.remote import working_copy

    copied = copy_workspace(Workspace.open(workspace), working_copy(uri), buckets=buckets)
    print(f"copied to {uri}, {copied:,} bytes of files; rows and objects are equal")
