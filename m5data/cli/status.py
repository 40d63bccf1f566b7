"""``m5data status``: what is done, pending and failed, and why."""

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]

LEDGER = """
unpivot (select image, caption, specifications, video, audio from ledger)
on columns(*) into name modality value state
"""
MODALITIES = f"select modality, state, count(*) as products from ({LEDGER}) group by 1, 2 order by 1, 3 desc, 2"  # noqa: S608 - a constant


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("status")(status)


def status(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Say what each stage did last, and what each product lacks and why."""
    import m5data
    from m5data.cli.display import print_json, print_rows

    opened = m5data.open(workspace)
    stages = [
        (name, record.report.read, record.report.kept, sum(record.report.dropped.values()))
        for name, record in opened.snapshot.stages.items()
    ]
    ledger = opened.sql(MODALITIES).to_pylist()
    if as_json:
        rows = [dict(zip(("stage", "read", "kept", "dropped"), row, strict=True)) for row in stages]
        print_json({"version": opened.snapshot.number, "stages": rows, "ledger": ledger})
        return
    print_rows(f"dataset version {opened.snapshot.number}", ("stage", "read", "kept", "dropped"), stages)
    print_rows("ledger", ("modality", "state", "products"), [tuple(row.values()) for row in ledger])
