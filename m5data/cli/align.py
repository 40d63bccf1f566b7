"""Verbs of the label alignment: align, and its review by people."""

from pathlib import Path
from typing import Annotated

import typer

from core.run_options import RunOptions
from m5data.cli.shared import HERE, JsonOption, Settings, WorkspaceOption, run_verb

__all__ = ["align", "apply", "review"]


def align(
    context: typer.Context,
    workspace: WorkspaceOption = HERE,
    *,
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """Run the stage align, unless a verb of its own follows."""
    if context.invoked_subcommand is None:
        run_verb(workspace, "align", RunOptions(settings=settings), as_json=as_json)
        if not as_json:
            _print_proposals(workspace)


def _print_proposals(folder: Path) -> None:
    """Print entries of ``align.first_level`` that would join classes which stand alone."""
    from align import propose_for_workspace
    from workspace import Workspace

    proposals = propose_for_workspace(Workspace.open(folder).store.snapshot())
    if proposals:
        print("These first-level categories stand alone. To join them, add under [align.first_level] in m5data.toml:")
    for one in proposals[:_PROPOSALS]:
        (key, name), (a, b) = one.entry, (" ".join(end) for end in (one.a, one.b))
        print(f'  "{key}" = "{name}"   # {a} and {b}: similarity {one.similarity:.2f}')


_PROPOSALS = 20


def review(
    workspace: WorkspaceOption = HERE,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Sheet to write.")] = Path("review.csv"),
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of pairs.")] = 100,
    onto: Annotated[
        str | None,
        typer.Option("--onto", metavar="TREE", help="Review the nodes of this tree of align.onto instead of pairs."),
    ] = None,
) -> None:
    """Write a sheet of the most uncertain category pairs, or nodes of a tree, to fill in."""
    from align.onto.target_review import uncertain_targets
    from align.review import all_decisions, resolve_decisions, uncertain_pairs, write_sheet
    from workspace import Workspace

    store = Workspace.open(workspace).store
    decided = resolve_decisions(all_decisions(store.state))
    if onto is not None:
        written = write_sheet(out, uncertain_targets(store.snapshot(), decided, onto, limit=limit))
        print(
            f"{out}: {written} categories; write target in the column decision where path_b is the right node, after"
            " correcting it where it is not, then m5data align apply"
        )
        return
    written = write_sheet(out, uncertain_pairs(store.snapshot(), decided, limit=limit))
    print(
        f"{out}: {written} pairs; fill in decision (accept, reject, rename, split a, split b), then m5data align apply"
    )
    for conflict in decided.conflicts:
        ends = " ~ ".join(f"{end.source}:{end.text}" for end in conflict.subject)
        said = ", ".join(f"{one.reviewer} {one.kind} {one.name}".strip() for one in conflict.decisions)
        print(f"people disagree on {ends}: {said}; the last holds")


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sheet that m5data align review wrote, filled in.")],
    workspace: WorkspaceOption = HERE,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", metavar="NAME", help="Name of the reviewer (default: this user).")
    ] = None,
) -> None:
    """Import the decisions of a sheet.

    They are kept, and every later align applies them.
    """
    from getpass import getuser

    from align.review import Decision, SheetReader, read_sheet, record_decisions
    from core.errors import DataError
    from core.records import Reject
    from core.stage import utc_now
    from workspace import Workspace

    store = Workspace.open(workspace).store
    rows = list(read_sheet(file, SheetReader(reviewer or getuser(), utc_now())))
    decisions = [row for row in rows if isinstance(row, Decision)]
    with store.persist_state():
        new = record_decisions(store.state, decisions)
    print(f"{file}: {len(decisions)} decisions, {new} of them new; m5data align applies them")
    if bad := [row for row in rows if isinstance(row, Reject)]:
        shown = "; ".join(f"{row.item}: {row.reason}: {row.detail}" for row in bad[:5])
        raise DataError(f"{len(bad)} rows were not taken, correct them and apply the sheet again: {shown}")
