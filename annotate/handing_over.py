"""Judgements and what they say, written to a file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pyarrow import csv

from annotate.adaptive.consequences import find_consequences
from annotate.aggregation import aggregate
from annotate.judgement_state import category_judgements, timed_judgements
from annotate.label_studio import write_tasks
from annotate.report import make_report
from annotate.settings import AnnotateSettings
from storage import Store

__all__ = ["Form", "write_judgements"]

Form = Literal["csv", "label-studio", "report", "consequences", "categories"]


def write_judgements(store: Store, settings: AnnotateSettings, form: Form, out: Path) -> int:
    """Write all judgements of pairs, or what is made of them; return how many rows or tasks.

    Args:
        store: The workspace's store.
        settings: The method of the report.
        form: ``csv`` and ``label-studio``: the judgements, as ``annotate import`` reads them; ``report``: workers,
            tasks and agreement as JSON; ``consequences``: what matches imply; ``categories``: the best category of
            each product that was asked about (task, label, posterior, judgements, difficulty); both as CSV.
        out: The file; replaced.
    """
    if form == "consequences":
        return _write_csv(find_consequences(store.snapshot().table("matches", ["query", "candidate", "decision"])), out)
    if form == "categories":
        given, gold = category_judgements(store.state)
        return _write_csv(aggregate(given, settings.method, gold).labels, out)
    judgements = timed_judgements(store.state)
    if form == "csv":
        return _write_csv(judgements, out)
    if form == "label-studio":
        with out.open("w", encoding="utf-8") as file:
            file.writelines(write_tasks(_rows(judgements)))
    else:
        text = json.dumps(make_report(judgements, settings.method), ensure_ascii=False, indent=1, allow_nan=False)
        out.write_text(text + "\n", encoding="utf-8")
    return int(judgements.num_rows)


def _write_csv(rows: pa.Table, out: Path) -> int:
    csv.write_csv(rows, out)
    return int(rows.num_rows)


def _rows(judgements: pa.Table) -> Iterator[dict[str, object]]:
    for batch in judgements.to_batches(10_000):
        yield from batch.to_pylist()
