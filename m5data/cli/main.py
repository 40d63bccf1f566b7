"""The program ``m5data``: its verbs, and what its errors look like."""

import os
import sqlite3
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from m5data.cli import (
    align,
    annotate,
    build_splits,
    copy,
    crawl,
    dedup,
    demo,
    diff,
    doctor,
    download,
    export,
    extract,
    forget,
    ingest,
    init,
    log,
    parse,
    plan,
    redo,
    run,
    schedule,
    serve,
    sql,
    stats,
    status,
    train,
    vacuum,
    verify,
)
from m5data.cli.interruption import INTERRUPTED, interruption
from m5data.cli.options import WORKSPACE_HELP, folder_of
from m5data.errors import M5DataError
from m5data.version import __version__

__all__ = ["app", "main"]

app = typer.Typer(
    name="m5data",
    help="Turn the product pages of authorised shops into a five-modality dataset.",
    epilog="Exit codes: 0 done, 1 the data or a threshold failed, 2 the request was wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback()
def _workspace(
    workspace: Annotated[
        Path | None,
        typer.Option("-w", "--workspace", metavar="DIR", help=WORKSPACE_HELP, parser=folder_of),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    del workspace
    if version:
        typer.echo(f"m5data {__version__}")
        raise typer.Exit


for verb in (init, demo, run, plan, redo, schedule, doctor, parse, crawl, ingest, download, extract, dedup, align):
    verb.register(app)
for verb in (annotate, serve, build_splits, verify, export, sql, stats, status, log, diff, vacuum, copy, forget, train):
    verb.register(app)


def main() -> None:
    """Run the command line; an error made on purpose becomes one line on standard error and an exit code."""
    with interruption() as watched:
        try:
            app()
        except BaseException as error:
            if watched.seen:
                print("m5data: interrupted; what was done is kept: run it again to go on", file=sys.stderr)
                _end(INTERRUPTED)
            _tell(error)
            raise


def _tell(error: BaseException) -> None:
    """End with the error's own line, where it has one."""
    if isinstance(error, M5DataError):
        print(f"m5data: {error}", file=sys.stderr)
        _end(error.exit_code)
    if isinstance(error, sqlite3.DatabaseError):
        advice = "see m5data doctor" if isinstance(error, sqlite3.OperationalError) else "restore it from a backup"
        print(f"m5data: the workspace's state.sqlite: {error}; {advice}", file=sys.stderr)
        _end(1)
    if type(error).__module__ == "_duckdb":  # not imported for its name alone: --help stays under a second
        print(
            f"m5data: the tables: {str(error).splitlines()[0]}; see m5data doctor, and m5data verify", file=sys.stderr
        )
        _end(1)
    if isinstance(error, OSError):
        print(f"m5data: {error.filename or 'system'}: {error.strerror or error}", file=sys.stderr)
        _end(1)


def _end(code: int) -> NoReturn:
    """End at once: Prefect keeps frames of a failed run beyond the interpreter's end, which DuckDB complains of."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
