"""Verbs that finish the dataset (verify, export), its SQL, its usage rights, and the lineage of a product."""

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.run_options import RunOptions
from core.usage import Purpose
from m5data.cli.shared import HERE, EngineOption, JsonOption, Settings, WorkspaceOption, run_verb
from m5data.cli.untrusted import UntrustedOption

if TYPE_CHECKING:  # every spawned child imports this module again, so it must stay light
    from storage import Snapshot

__all__ = ["export", "rights", "shell", "sql", "verify", "why"]

_SHOWN = 60
"""Characters of a served signal that a table shows."""
_QUERY_GB, _EXPORT_GB = 3, 8
"""Memory beyond the program's own: for one query; for an export with a condition, which may use several."""
_QUERY_S = 3600.0
"""Seconds after which a query is ended."""


def verify(
    workspace: WorkspaceOption = HERE,
    objects: Annotated[bool, typer.Option("--objects", help="Also read every object and check its hash.")] = False,
    at: Annotated[int | None, typer.Option("--at", metavar="VERSION", help="Check an earlier dataset version.")] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Print every check, not a line for each group.")] = False,
    as_json: JsonOption = False,
    _untrusted: UntrustedOption = False,
) -> None:
    """Check conservation, versions and the split certificates.

    Prints a line for each group of checks, and those that fail in full. Ends with 1 when a check fails.
    """
    import m5data
    from m5data.cli.output import print_json
    from m5data.cli.screens import print_check_groups, print_checks
    from workspace.verification import verify_workspace

    checks = verify_workspace(m5data.open(workspace, at), objects=objects)
    if as_json:
        print_json(
            [
                {"check": check.name, "ok": check.ok, "complete": check.complete, "detail": check.detail}
                for check in checks
            ]
        )
    elif wide:
        print_checks(checks)
    else:
        print_check_groups(checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def export(
    workspace: WorkspaceOption = HERE,
    form: Annotated[
        Literal["parquet", "webdataset", "links", "links-jsonl", "product1m", "m5product", "mep3m"] | None,
        typer.Option("--format", help="Default: those of m5data.toml."),
    ] = None,
    split: Annotated[list[str] | None, typer.Option("--split", metavar="NAME", help="Only these splits.")] = None,
    *,
    settings: Settings,
    engine: EngineOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Run the stage export."""
    from m5data.cli.limits import bounded_memory

    chosen = {"formats": (form,) if form else None, "splits": tuple(split) if split else None, **settings}
    options = RunOptions(settings=chosen, engine=engine)
    with bounded_memory(_EXPORT_GB) if settings["where"] is not None else nullcontext():
        run_verb(workspace, "export", options, as_json=as_json)


def rights(
    workspace: WorkspaceOption = HERE,
    purpose: Annotated[
        Purpose | None, typer.Option("--purpose", help="Show what an export for this may hold, by source.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only this source.")] = None,
    as_json: JsonOption = False,
    _untrusted: UntrustedOption = False,
) -> None:
    """Show what shops signal about the use of their data, since when, and what they withdrew.

    With --purpose: how many products of each source an export may hold, and which signals keep the others out.
    """
    import m5data
    from m5data.cli.output import print_json, print_rows
    from workspace.usage_report import allowances, signals

    opened = m5data.open(workspace)
    shops = opened.settings.crawl.sources
    forbidden = [name for name, shop in shops.items() if not shop.crawl_authorised]
    rows = signals(opened.snapshot, source) if purpose is None else allowances(opened.snapshot, purpose, forbidden)
    if source is not None:
        rows = [row for row in rows if row["source"] == source]
    if as_json:
        print_json(rows)
    elif rows:
        print_rows("", tuple(rows[0]), [tuple(_shown(value) for value in row.values()) for row in rows])
    else:
        typer.echo("no source signals anything about the use of its data; the permissions in m5data.toml hold")


def _shown(value: object) -> object:
    """Return a value as a table shows it: a served text on one short line, a time as a day."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    text = " ".join(value.split()) if isinstance(value, str) else value
    return f"{text[:_SHOWN]}…" if isinstance(text, str) and len(text) > _SHOWN else text


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT in DuckDB's SQL.")],
    workspace: WorkspaceOption = HERE,
    form: Annotated[
        Literal["table", "csv", "json", "parquet"], typer.Option("--format", help="Format of the rows.")
    ] = "table",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write instead of the screen.")
    ] = None,
    at: Annotated[int | None, typer.Option("--at", metavar="VERSION", help="Query an earlier dataset version.")] = None,
    _untrusted: UntrustedOption = False,
) -> None:
    """Query the dataset's tables; "show tables" lists them."""
    from m5data.cli.limits import bounded_memory, bounded_time
    from m5data.cli.output import write_rows

    snapshot = _snapshot(workspace, at)
    with bounded_memory(_QUERY_GB), bounded_time(_QUERY_S):
        write_rows(snapshot.batches(query), form, out)


def why(
    product: Annotated[str, typer.Argument(metavar="PRODUCT_ID", help="Product, as in the table products.")],
    workspace: WorkspaceOption = HERE,
    at: Annotated[int | None, typer.Option("--at", metavar="VERSION", help="Read an earlier dataset version.")] = None,
    as_json: JsonOption = False,
    _untrusted: UntrustedOption = False,
) -> None:
    """Show why a product is where it is: page, drops, duplicates, label, judged pairs, splits, versions."""
    from dataclasses import asdict

    from core.errors import UsageError
    from m5data.cli.output import print_json, print_rows
    from webapp.catalogue.lineage import lineage_steps, read_lineage

    lineage = read_lineage(_snapshot(workspace, at), product)
    if lineage is None:
        raise UsageError(f"{product}: no such product. List ids with: m5data sql 'from products'")
    if as_json:
        print_json(asdict(lineage))
    else:
        print_rows("", ("step", "result", "why"), list(lineage_steps(lineage)))


def shell(
    workspace: WorkspaceOption = HERE,
    at: Annotated[int | None, typer.Option("--at", metavar="VERSION", help="Query an earlier dataset version.")] = None,
    _untrusted: UntrustedOption = False,
) -> None:
    """Query the dataset's tables interactively, with completion, paging and history."""
    from m5data.cli.limits import bounded_memory
    from m5data.cli.shell import run_shell

    with bounded_memory(_QUERY_GB):
        run_shell(_snapshot(workspace, at))


def _snapshot(workspace: Path, version: int | None) -> "Snapshot":
    """Open a dataset version without reading the settings, which would take as long as a query."""
    from storage import Store
    from storage.remote_workspace import RemoteWorkspace

    if home := RemoteWorkspace.of(workspace):
        home.refresh()
    return Store.open(workspace).snapshot(version)
