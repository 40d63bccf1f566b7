"""``m5data annotate``: judgements of product pairs, and the matches they make."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


class Form(StrEnum):
    """What is written."""

    csv = "csv"
    label_studio = "label-studio"
    report = "report"
    consequences = "consequences"
    categories = "categories"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    verbs = typer.Typer(help="Judgements of product pairs, and the matches they make.", no_args_is_help=True)
    verbs.command("candidates")(candidates)
    verbs.command("tasks")(tasks)
    verbs.command("links")(links)
    verbs.command("import")(import_judgements)
    verbs.command("aggregate")(aggregate)
    verbs.command("export")(export)
    app.add_typer(verbs, name="annotate")


def candidates(
    workspace: WorkspaceOption = HERE,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", metavar="light|paper|scale", help="What turns products into vectors (default: the settings')."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="Of the encoder scale: a model that m5data train wrote."),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(
            "--search", metavar="exact|approximate", help="How candidates are found (default: the settings')."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the sample of queries.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Sample queries from the reserve and find the listings most like each."""
    chosen = Choices(encoder=encoder, checkpoint=checkpoint, search=search, seed=seed)
    run_stages(workspace, ("candidates",), chosen, as_json=as_json)


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
    workers: Annotated[int | None, typer.Option("--workers", help="Different workers a task.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the tasks' order.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put candidates on the task board; tasks that are there stay as they are."""
    chosen = Choices(kind=kind, judgements=gold, workers=workers, seed=seed)
    run_stages(workspace, ("tasks",), chosen, as_json=as_json)


def links(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Workers to invite.")] = None,
    workspace: WorkspaceOption = HERE,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="URL", help="Where the web application is reached (default: the settings')."),
    ] = None,
    reviewer: Annotated[
        bool, typer.Option("--reviewer", help="For reviewers: they browse products and review labels.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Let these paused workers go on; no new links.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make personal links; a new one voids the old. Without names, print the pay ledger."""
    from annotate.tasks import TaskBoard
    from m5data.cli.ledger_rows import print_links, print_pay
    from m5data.workspace import Workspace
    from webapp.security.reviewers import invite_reviewers

    opened = Workspace.open(workspace)
    base = base or opened.settings.serve.address
    if names and reviewer:
        with opened.store.keeping_state():
            print_links(invite_reviewers(opened.store.state, names), base, as_json=as_json)
        return
    with opened.store.keeping_state(), TaskBoard(opened.store.state, opened.settings.annotate.tasks) as board:
        if not names:
            print_pay(board.pay(), opened.settings.annotate.tasks.currency, as_json=as_json)
        elif resume:
            for name in names:
                board.resume(name)
        else:
            print_links(board.invite(names), base, as_json=as_json)


def import_judgements(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV: query, candidate, worker, answer[, gold]; or Label Studio's JSON."),
    ],
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Take judgements from a file; bad rows go to the table rejects."""
    run_stages(workspace, ("judgements",), Choices(judgements=file), as_json=as_json)


def aggregate(
    workspace: WorkspaceOption = HERE,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="majority|dawid-skene|glad|weighted",
            help="How judgements become one decision a pair (default: annotate.method of the settings).",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn judgements into matches."""
    run_stages(workspace, ("matches",), Choices(method=method), as_json=as_json)


def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")],
    workspace: WorkspaceOption = HERE,
    form: Annotated[
        Form,
        typer.Option("--format", help="Judgements; report on workers and tasks; what matches imply; best categories."),
    ] = Form.csv,
) -> None:
    """Write the judgements, or what they say."""
    from annotate.export_judgements import export_judgements
    from m5data.cli.writing import writing_to
    from m5data.workspace import Workspace

    opened = Workspace.open(workspace)
    with writing_to(out):
        count = export_judgements(opened.store, opened.settings.annotate, form.value, out)
    typer.echo(f"{out}: {count:,} rows")
