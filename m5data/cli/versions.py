"""Verbs of dataset versions and whole workspaces: log, diff, vacuum, copy, repair."""

from dataclasses import astuple
from typing import Annotated

import typer

from m5data.cli.shared import HERE, DryRunOption, JsonOption, WorkspaceOption
from m5data.cli.untrusted import UntrustedOption

__all__ = ["copy", "diff", "log", "repair", "vacuum"]

SHOWN = 200


def log(workspace: WorkspaceOption = HERE, as_json: JsonOption = False, _untrusted: UntrustedOption = False) -> None:
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
    tables: Annotated[bool, typer.Option("--tables", help="Count the changed rows of every table.")] = False,
    table: Annotated[str | None, typer.Option("--table", metavar="NAME", help="Show the keys of this table.")] = None,
    as_json: JsonOption = False,
    _untrusted: UntrustedOption = False,
) -> None:
    """Show the products that changed, field by field, as a person would notice.

    Captions, prices, availability, categories, specifications, images and videos are compared; hashes, tokens and
    times are not. With --tables or --table, rows are compared; observation times are ignored.
    """
    from itertools import islice

    import m5data
    from m5data.cli.output import print_json, print_rows
    from storage.difference import changed_rows, table_changes
    from storage.history import product_changes

    opened = m5data.open(workspace)
    before, after = opened.store.snapshot(old), opened.store.snapshot(new)
    names: tuple[str, ...]
    if table is None and not tables:
        names = ("product_id", "field", "name", "before", "after")
        changes = product_changes(before, after)
        rows = [astuple(change) for change in (changes if as_json else islice(changes, SHOWN + 1))]
    elif table is None:
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
    """Remove old dataset versions and the files that only they used.

    The newest and recent versions are kept (keep_versions and keep_days in the section store of m5data.toml), and those
    that splits or an export came from. Use --dry-run first.
    """
    from m5data.cli.output import print_json, print_rows
    from workspace import Workspace
    from workspace.vacuuming import vacuum

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
    from storage.working_copy import working_copy
    from workspace import Workspace
    from workspace.copying import copy_workspace

    copied = copy_workspace(Workspace.open(workspace), working_copy(uri), buckets=buckets)
    print(f"copied to {uri}, {copied:,} bytes of files; rows and objects are equal")


def repair(workspace: WorkspaceOption = HERE, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Restore what can be restored of a damaged workspace.

    Lists the rest, and then ends with 1. Nothing is deleted: unreadable files are moved to the folder damaged. Use
    --dry-run first.
    """
    from dataclasses import asdict

    from m5data.cli.output import print_json, print_rows
    from workspace.repair import repair

    found = repair(workspace, dry_run=dry_run)
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        typer.echo("nothing is damaged")
    else:
        rows = [(one.what, "" if one.possible else "NOT POSSIBLE", one.result) for one in found]
        print_rows("would be repaired" if dry_run else "repaired", ("what", "", "result"), rows)
    if not all(one.possible for one in found):
        raise typer.Exit(1)
