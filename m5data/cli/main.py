"""The program ``m5data``: its verbs in pipeline order, and the printing of its errors."""

import gc
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Annotated, Any, NoReturn

import typer

from core.errors import M5DataError, disk_fault
from core.version import __version__
from m5data.cli import (
    add_source,
    align,
    annotate,
    collect,
    dataset,
    pipeline,
    rehydration,
    takedown,
    training,
    versions,
    workspace,
)
from m5data.cli.shared import INTERRUPTED, WORKSPACE_HELP, folder_of, plain_verb, with_options
from workspace.stages import STAGES

__all__ = ["app", "explain", "main"]

_GARBAGE = (50_000, 20, 20)
"""Thresholds of the garbage collector: records have no cycles, and searching for cycles takes a tenth of a download."""

Verb = Callable[..., None]

_STAGE_VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "crawl": collect.crawl,
        "ingest": collect.ingest,
        "download": collect.download,
        "align": align.align,
        "tasks": annotate.tasks,
        "judgements": annotate.import_judgements,
        "export": dataset.export,
    }
)
"""Stage -> its verb, if that takes more than the options of its ``StageSpec``; every other gets a plain verb."""

_BESIDE: Mapping[str, tuple[tuple[str, Verb], ...]] = MappingProxyType(
    {
        "crawl": (("import-warc", collect.import_warc),),
        "records": (("parse", collect.parse), ("learn-reader", collect.learn_reader)),
        "align": (("align review", align.review), ("align apply", align.apply)),
        "tasks": (("annotate links", annotate.links),),
        "matches": (("annotate export", annotate.export),),
        "splits": (("verify", dataset.verify),),
        "export": (("rehydrate", rehydration.rehydrate),),
    }
)
"""Stage -> further verbs of its part of the pipeline, listed after its own."""

_BEFORE: Mapping[str, tuple[tuple[str, Verb], ...]] = MappingProxyType(
    {
        "Start": (
            ("init", workspace.init),
            ("add-source", add_source.add_source),
            ("demo", workspace.demo),
            ("doctor", workspace.doctor),
        ),
        "Pipeline": (
            ("run", pipeline.run),
            ("status", pipeline.status),
            ("redo", pipeline.redo),
            ("schedule", pipeline.schedule),
            ("cluster check", pipeline.cluster_check),
        ),
    }
)
_AFTER: Mapping[str, tuple[tuple[str, Verb], ...]] = MappingProxyType(
    {
        "Explore": (
            ("sql", dataset.sql),
            ("shell", dataset.shell),
            ("why", dataset.why),
            ("rights", dataset.rights),
            ("serve", workspace.serve),
            ("mcp", workspace.mcp),
        ),
        "Train": (("train", training.train), ("evaluate", training.evaluate), ("compare", training.compare)),
        "Maintain": (
            ("log", versions.log),
            ("diff", versions.diff),
            ("vacuum", versions.vacuum),
            ("copy", versions.copy),
            ("repair", versions.repair),
            ("forget", takedown.forget),
        ),
    }
)
"""Heading of the help -> its verbs."""


def _plain_flags(options: list[Any]) -> list[Any]:
    """Show no type beside a flag: ``--json <bool>`` reads as if the flag took a value."""
    for option in options:
        if isinstance(option, typer.core.TyperOption) and option.is_bool_flag:
            option.metavar = ""
    return options


class _Verb(typer.core.TyperCommand):
    """A command whose help shows plain flags."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's own context type
        """Return the options."""
        return _plain_flags(super().get_params(ctx))


class _Group(typer.core.TyperGroup):
    """A group whose help shows plain flags."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's own context type
        """Return the options."""
        return _plain_flags(super().get_params(ctx))


class _InOrder(_Group):
    """A group that lists its verbs in the order they were added; Typer puts groups before commands."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's own context type
        """Return the verbs' names."""
        return sorted(super().list_commands(ctx), key=_ORDER.index)


_ORDER: list[str] = []

app = typer.Typer(
    name="m5data",
    cls=_InOrder,
    help="Turn the product pages of authorised shops into a five-modality dataset.",
    epilog="Exit codes: 0 done, 1 the data or a threshold failed, 2 the request was wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
_GROUPS = {
    "align": typer.Typer(cls=_Group, invoke_without_command=True),
    "annotate": typer.Typer(
        cls=_Group, help="Judge product pairs; turn judgements into matches.", no_args_is_help=True
    ),
    "cluster": typer.Typer(cls=_Group, help="Look at the machines of a Ray cluster.", no_args_is_help=True),
}


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


def _unwrapped(verb: Verb) -> str:
    """Return a verb's docstring with each paragraph on one line, which the help breaks at the terminal's width."""
    return "\n\n".join(" ".join(part.split()) for part in (verb.__doc__ or "").split("\n\n"))


def _add(words: str, verb: Verb, heading: str, meaning: str | None = None) -> None:
    """Add a verb under a heading; ``meaning`` replaces the help that its docstring is."""
    group, _, name = words.rpartition(" ")
    meaning = meaning or _unwrapped(verb)
    if words in _GROUPS:
        _GROUPS[words].callback(help=meaning)(verb)
    elif group:
        _GROUPS[group].command(name, cls=_Verb, help=meaning)(verb)
    else:
        app.command(name, cls=_Verb, help=meaning, rich_help_panel=heading)(verb)
    top = words.partition(" ")[0]
    if top not in _ORDER:
        _ORDER.append(top)
        if top in _GROUPS:
            app.add_typer(_GROUPS[top], name=top, rich_help_panel=heading)


for _heading, _verbs in _BEFORE.items():
    for _words, _verb in _verbs:
        _add(_words, _verb, _heading)
for _spec in STAGES.values():
    _heading = _spec.part.title()
    _verb = with_options(_spec, _STAGE_VERBS.get(_spec.name) or plain_verb(_spec))
    _add(_spec.command, _verb, _heading, _spec.meaning)
    for _words, _verb in _BESIDE.get(_spec.name, ()):
        _add(_words, _verb, _heading)
for _heading, _verbs in _AFTER.items():
    for _words, _verb in _verbs:
        _add(_words, _verb, _heading)
app.command("plan", hidden=True)(pipeline.plan)  # older name of run --dry-run
_ORDER.append("plan")


def main() -> None:
    """Run the command line; an error raised on purpose becomes one line on standard error and an exit code."""
    gc.set_threshold(*_GARBAGE)
    with _watching_interrupts() as interrupts:
        try:
            app()
        except BaseException as error:
            # A verb that ends with INTERRUPTED itself has said what was left undone.
            if interrupts and not (isinstance(error, SystemExit) and error.code in (None, 0, INTERRUPTED)):
                print("m5data: interrupted; finished work is kept: run it again to continue", file=sys.stderr)
                _end(INTERRUPTED)
            _end_with_message(error)
            raise


@contextmanager
def _watching_interrupts() -> Iterator[list[int]]:
    """Yield a list that grows when Ctrl-C is pressed: libraries turn ``KeyboardInterrupt`` into other errors."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def explain(error: BaseException) -> tuple[str, int] | None:
    """Return the line and the exit code for an error that a person can act on; None: it is a defect."""
    if isinstance(error, M5DataError):
        return str(error), error.exit_code
    if (remedy := disk_fault(error)) is not None:
        said = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        return f"{getattr(error, 'filename', None) or 'the workspace'}: {said}; {remedy}", 1
    if isinstance(error, sqlite3.DatabaseError):
        passing = isinstance(error, sqlite3.OperationalError)
        advice = (
            "make room if the disk is full, and see m5data doctor"
            if passing
            else "restore it from a backup, or run m5data repair"
        )
        return f"a database of the workspace: {error}; {advice}", 1
    if type(error).__module__ == "_duckdb":  # importing duckdb for its error class would slow down --help
        return f"the tables: {str(error).splitlines()[0]}; see m5data doctor, or run m5data repair", 1
    if isinstance(error, OSError):
        return f"{error.filename or 'system'}: {error.strerror or error}", 1
    return None


def _end_with_message(error: BaseException) -> None:
    """Print the error's own line and end, if it is one that a person can act on."""
    explained = explain(error)
    if explained is not None:
        line, code = explained
        from m5data.cli.output import visible

        print(f"m5data: {visible(line)}", file=sys.stderr)
        _end(code)


def _end(code: int) -> NoReturn:
    """End at once: Prefect keeps frames of a failed run beyond the interpreter's end, which DuckDB complains of."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
