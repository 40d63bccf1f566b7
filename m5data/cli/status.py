"""``m5data status``: what is done, pending and failed, and why."""

from typing import TYPE_CHECKING

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from m5data.standing import StageStanding, Standing

__all__ = ["register"]

_COLUMNS = ("stage", "read", "kept", "dropped", "seconds", "per second", "pending", "inputs")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("status")(status)


def status(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Say what each stage did last, what waits, what runs and until when, and what each product lacks and why."""
    from dataclasses import asdict

    from m5data.cli.display import print_json, print_rows
    from m5data.standing import standing_of
    from m5data.workspace import Workspace

    standing = standing_of(Workspace.open(workspace))
    if as_json:
        print_json(asdict(standing))
        return
    print_rows(f"dataset version {standing.version}", _COLUMNS, [_row(stage) for stage in standing.stages])
    _tell_running(standing)
    drops = [(one.stage, reason, count) for one in standing.stages for reason, count in one.dropped.items()]
    print_rows("dropped", ("stage", "reason", "items"), drops)
    print_rows("ledger", ("modality", "state", "products"), [tuple(row.values()) for row in standing.ledger])


def _row(one: "StageStanding") -> tuple[object, ...]:
    rate = None if one.rate is None else round(one.rate, 1)
    inputs = "as they were" if one.current else "changed since"
    return one.stage, one.read, one.kept, sum(one.dropped.values()), round(one.seconds, 1), rate, one.pending, inputs


def _tell_running(standing: "Standing") -> None:
    running = standing.running
    if running is None:
        typer.echo("no stage runs now\n")
        return
    of = "?" if running.total is None else f"{running.total:,}"
    rate = "" if standing.rate is None else f", {standing.rate:,.1f} a second"
    end = "" if standing.expected_end is None else f", expected to end at {standing.expected_end:%Y-%m-%d %H:%M:%S} UTC"
    typer.echo(f"running: {running.stage}, {running.done:,} of {of}{rate}{end} (process {running.process})\n")
