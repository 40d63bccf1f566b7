"""Export of judgements and of reports on them, including Krippendorff's alpha."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from annotate.aggregation.aggregate import aggregate
from annotate.aggregation.blocks import count_votes
from annotate.aggregation.encoding import encode
from annotate.aggregation.fit import TIE
from annotate.judgement_state import category_judgements, paused_workers, timed_judgements
from annotate.judgements import write_tasks
from annotate.matches import find_contradictions, find_transitive_pairs
from annotate.settings import AnnotateSettings, Method
from core.arrow_input import ArrowStream
from storage import Store

__all__ = ["ExportFormat", "export_judgements", "krippendorff_alpha", "make_report"]

ExportFormat = Literal["csv", "label-studio", "report", "consequences", "categories"]


def make_report(
    judgements: pa.Table, method: Method, left_out: Sequence[str] = (), threshold: float = 0.5
) -> dict[str, Any]:
    """Return alpha, workers and tasks, without the answers of the workers in ``left_out``, who are only listed.

    ``alpha`` is Krippendorff's alpha without uncertain answers, None if no pair has two answers. ``workers`` have
    the columns of ``Aggregation.workers``, the median of their seconds, their share of uncertain answers, and the
    entropy of their answers in bits (0: always the same).
    ``tasks`` have the columns of ``Aggregation.labels``, most difficult first, with the label ``undecided`` as in the
    table ``matches``.

    Args:
        judgements: query, candidate, worker, answer, gold, seconds.
        method: As in ``aggregate``.
        left_out: Workers to exclude.
        threshold: A pair is decided if the posterior of its label exceeds this.
    """
    judgements = judgements.filter(pc.invert(_given_by(judgements, left_out)))
    separator = "\x1f"
    ends = (
        pc.min_element_wise(judgements["query"], judgements["candidate"]),
        pc.max_element_wise(judgements["query"], judgements["candidate"]),
    )
    task = pc.binary_join_element_wise(*ends, separator)
    table = pa.table({"task": task, "worker": judgements["worker"], "label": judgements["answer"]})
    gold = table.filter(judgements["gold"])
    given = pc.invert(judgements["gold"])
    sided = table.filter(pc.and_(given, pc.not_equal(judgements["answer"], "uncertain")))
    truth = dict(zip(gold["task"].to_pylist(), gold["label"].to_pylist(), strict=True))
    found = aggregate(sided, method, {name: label for name, label in truth.items() if label != "uncertain"})
    hardest = found.labels.sort_by([("difficulty", "descending")])
    habits = _habits(judgements.filter(given))
    return {
        "method": method,
        "alpha": None if math.isnan(alpha := krippendorff_alpha(sided)) else alpha,
        "workers": [{**row, **habits[row["worker"]]} for row in found.workers.to_pylist()],
        "left_out": list(left_out),
        "tasks": [_task(row, separator, threshold) for row in hardest.to_pylist()],
    }


def _given_by(judgements: pa.Table, workers: Sequence[str]) -> pa.ChunkedArray:
    return pc.is_in(judgements["worker"], pa.array(workers, pa.string()))


def _habits(judgements: pa.Table) -> dict[str, dict[str, float | None]]:
    unsure = pc.equal(judgements["answer"], "uncertain").cast(pa.float64())
    grouped = pa.table({"worker": judgements["worker"], "seconds": judgements["seconds"], "unsure": unsure})
    summaries = [("seconds", "approximate_median"), ("unsure", "mean"), ("unsure", "count")]
    rows = grouped.group_by("worker").aggregate(summaries).to_pylist()
    totals = {row["worker"]: row["unsure_count"] for row in rows}
    entropy: dict[str, float] = {}
    for answer in judgements.group_by(["worker", "answer"]).aggregate([([], "count_all")]).to_pylist():
        share = answer["count_all"] / totals[answer["worker"]]
        entropy[answer["worker"]] = entropy.get(answer["worker"], 0.0) - share * math.log2(share)
    return {
        row["worker"]: {
            "seconds": row["seconds_approximate_median"],
            "uncertain": row["unsure_mean"],
            "entropy": entropy[row["worker"]],
        }
        for row in rows
    }


def _task(row: dict[str, Any], separator: str, threshold: float) -> dict[str, object]:
    query, _, candidate = str(row.pop("task")).partition(separator)
    label = row["label"] if row["posterior"] > threshold + TIE else "undecided"
    return {"query": query, "candidate": candidate, **row, "label": label}


def export_judgements(store: Store, settings: AnnotateSettings, form: ExportFormat, out: Path) -> int:
    """Write all judgements of pairs, or a report on them, and return the number of rows or tasks.

    Args:
        store: The workspace's store.
        settings: Settings with the method of the report.
        form: ``csv`` and ``label-studio``: the judgements, as ``annotate import`` reads them; ``report``: workers,
            tasks and agreement as JSON; ``consequences``: the pairs that matches imply, and those whose two directions
            contradict each other, as CSV; ``categories``: the
            best category of each product (task, label, posterior, judgements, difficulty), as CSV.
        out: The file to write or replace.
    """
    left_out = [] if settings.count_paused else paused_workers(store.state)
    if form == "consequences":
        snapshot = store.snapshot()
        implied = find_transitive_pairs(snapshot.table("matches", ["query", "candidate", "decision"]))
        given = snapshot.table("judgements")
        given = given.filter(pc.invert(_given_by(given, left_out)))
        rows = pa.concat_tables([find_contradictions(given, settings.method, settings.threshold), implied])
        return _write_csv(rows.sort_by([("query", "ascending"), ("candidate", "ascending")]), out)
    if form == "categories":
        given, gold = category_judgements(store.state)
        given = given.filter(pc.invert(_given_by(given, left_out)))
        return _write_csv(aggregate(given, settings.method, gold).labels, out)
    judgements = timed_judgements(store.state)
    if form == "csv":
        return _write_csv(judgements, out)
    if form == "label-studio":
        with out.open("w", encoding="utf-8") as file:
            file.writelines(write_tasks(_rows(judgements)))
    else:
        text = json.dumps(
            make_report(judgements, settings.method, left_out, settings.threshold),
            ensure_ascii=False,
            indent=1,
            allow_nan=False,
        )
        out.write_text(text + "\n", encoding="utf-8")
    return int(judgements.num_rows)


def _write_csv(rows: pa.Table, out: Path) -> int:
    csv.write_csv(rows, out)
    return int(rows.num_rows)


def _rows(judgements: pa.Table) -> Iterator[dict[str, object]]:
    for batch in judgements.to_batches(10_000):
        yield from batch.to_pylist()


def krippendorff_alpha(judgements: ArrowStream) -> float:
    """Return Krippendorff's alpha for nominal labels: 1 is full agreement, 0 is chance, below 0 is worse.

        alpha = 1 - D_o / D_e
        D_o = 1/n sum over tasks of (m^2 - sum over labels of n_tc^2) / (m - 1)
        D_e = (n^2 - sum over labels of n_c^2) / (n (n - 1))

    with n_tc answers c on task t, m answers on it, and n in all. Tasks with one answer are excluded.
    Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C. If all answers are the same,
    alpha is 0/0 and returned as 1; if no task has two answers, it is nan.

    Args:
        judgements: Columns task, worker, label.

    Raises:
        DataError: A column is missing or has nulls.
    """
    votes = count_votes(encode(judgements))
    votes = votes[:, votes.sum(axis=0) > 1]
    each, total = votes.sum(axis=0), votes.sum()
    if total == 0:
        return float("nan")
    observed = ((each**2 - (votes**2).sum(axis=0)) / (each - 1)).sum() / total
    expected = (total**2 - (votes.sum(axis=1) ** 2).sum()) / (total * (total - 1))
    return float(1 - observed / expected) if expected else 1.0
