"""Verbs of the annotation: ``m5data annotate …``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.run_options import RunOptions
from m5data.cli.shared import HERE, JsonOption, Settings, WorkspaceOption, run_verb

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from annotate.tasks import Pay

__all__ = ["export", "import_judgements", "links", "tasks"]


def tasks(
    workspace: WorkspaceOption = HERE,
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="same-product|category", help="Same product or not; best category of several."),
    ] = "same-product",
    gold: Annotated[
        Path | None,
        typer.Option("--gold", metavar="FILE", help="File of judgements to import first; its gold rows become gold."),
    ] = None,
    *,
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """Run the stage tasks."""
    options = RunOptions(kind=kind, judgements=gold, settings=settings)
    run_verb(workspace, "tasks", options, as_json=as_json)


def links(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Workers to invite.")] = None,
    workspace: WorkspaceOption = HERE,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="URL",
            help="URL of the web application (default: that of m5data serve if it runs, else the settings').",
        ),
    ] = None,
    reviewer: Annotated[
        bool, typer.Option("--reviewer", help="Links for reviewers, who browse products and review labels.")
    ] = False,
    manager: Annotated[
        bool, typer.Option("--manager", help="Links for managers, who also see progress, pay and people.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Unpause these workers, and create no links.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Create personal links for workers, or show their pay.

    A new link voids the old one. Without names, the workers' pay is printed.
    """
    from annotate.tasks import TaskBoard
    from webapp.running import running_url
    from webapp.security.people import invite_reviewers
    from workspace import Workspace

    opened = Workspace.open(workspace)
    base = base or running_url(opened.root) or opened.settings.serve.url
    if names and (reviewer or manager):
        with opened.store.persist_state():
            made = invite_reviewers(opened.store.state, names, role="manager" if manager else "reviewer")
            _print_links(made, base, as_json=as_json)
        return
    with opened.store.persist_state(), TaskBoard(opened.store.state, opened.settings.annotate.tasks) as board:
        if not names:
            _print_pay(board.pay(), opened.settings.annotate.tasks.currency, as_json=as_json)
        elif resume:
            for name in names:
                board.resume(name)
        else:
            _print_links(board.invite(names), base, as_json=as_json)


def import_judgements(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV: query, candidate, worker, answer[, gold]; or Label Studio's JSON."),
    ],
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Run the stage judgements."""
    run_verb(workspace, "judgements", RunOptions(judgements=file), as_json=as_json)


def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")],
    workspace: WorkspaceOption = HERE,
    form: Annotated[
        Literal["csv", "label-studio", "report", "consequences", "categories"],
        typer.Option(
            "--format", help="Judgements; report on workers and tasks; pairs that matches imply; best categories."
        ),
    ] = "csv",
) -> None:
    """Write judgements, a report on them, or the pairs they imply."""
    from annotate.export_judgements import export_judgements
    from m5data.cli.output import writing_to
    from workspace import Workspace

    opened = Workspace.open(workspace)
    with writing_to(out):
        count = export_judgements(opened.store, opened.settings.annotate, form, out)
    typer.echo(f"{out}: {count:,} rows")


def _print_links(tokens: Mapping[str, str], base: str, *, as_json: bool) -> None:
    """Print one link per worker; it signs in anyone who opens it, and is shown only once."""
    from m5data.cli.output import print_json, print_rows

    links = {worker: f"{base.rstrip('/')}/in/{token}" for worker, token in tokens.items()}
    if as_json:
        print_json(links)
    else:
        print_rows("", ("worker", "link"), list(links.items()))


def _print_pay(payments: "Sequence[Pay]", currency: str, *, as_json: bool) -> None:
    """Print each worker's pay."""
    from m5data.cli.output import print_json, print_rows

    rows = [
        {
            "worker": pay.worker,
            "answers": pay.answers,
            f"rate ({currency})": str(pay.rate),
            f"earned ({currency})": str(pay.earned),
            "gold": f"{pay.gold_right} of {pay.gold_asked}",
            "paused": pay.paused,
        }
        for pay in payments
    ]
    if as_json:
        print_json(rows)
    else:
        names = tuple(rows[0]) if rows else ("worker", "answers", "rate", "earned", "gold", "paused")
        print_rows("", names, [tuple(row.values()) for row in rows])
