"""``m5data sql``: questions over every table and the view ``ledger``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from m5data.cli.options import HERE, WorkspaceOption

__all__ = ["register"]


class Format(StrEnum):
    """Output formats."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("sql")(sql)


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT in DuckDB's SQL.")],
    workspace: WorkspaceOption = HERE,
    form: Annotated[Format, typer.Option("--format", help="How the rows are written.")] = Format.table,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of the screen.")] = None,
    at: Annotated[int | None, typer.Option("--at", metavar="VERSION", help="Ask an earlier dataset version.")] = None,
) -> None:
    """Ask SQL of the dataset's tables; m5data sql "show tables" lists them."""
    from m5data.cli.rows import write_rows
    from storage import Store

    write_rows(Store.open(workspace).snapshot(at).batches(query), form, out)
