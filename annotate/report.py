"""What the judgements say of workers and tasks, for a person to read."""

import math

import pyarrow as pa
import pyarrow.compute as pc

from annotate.aggregation import aggregate
from annotate.krippendorff import krippendorff_alpha
from annotate.methods import Method

__all__ = ["make_report"]


def make_report(judgements: pa.Table, method: Method) -> dict[str, object]:
    """Return alpha, workers and tasks.

    ``alpha`` is Krippendorff's over the answers that take a side, None where no pair has two; ``workers`` have
    judgements, ability, agreement and gold (``Aggregation.workers``), the median of their seconds and their share of
    uncertain answers; ``tasks`` have label, posterior, judgements and difficulty (``Aggregation.labels``), the most
    difficult first.

    Args:
        judgements: query, candidate, worker, answer, gold, seconds.
        method: As in ``aggregate``.
    """
    separator = "\x1f"
    task = pc.binary_join_element_wise(judgements["query"], judgements["candidate"], separator)
    table = pa.table({"task": task, "worker": judgements["worker"], "label": judgements["answer"]})
    gold = table.filter(judgements["gold"])
    given = pc.invert(judgements["gold"])
    sided = table.filter(pc.and_(given, pc.not_equal(judgements["answer"], "uncertain")))
    truth = dict(zip(gold["task"].to_pylist(), gold["label"].to_pylist(), strict=True))
    found = aggregate(sided, method, {name: label for name, label in truth.items() if label != "uncertain"})
    habits = _habits(judgements.filter(given))
    return {
        "method": method,
        "alpha": None if math.isnan(alpha := krippendorff_alpha(sided)) else alpha,
        "workers": [{**row, **habits[row["worker"]]} for row in found.workers.to_pylist()],
        "tasks": [_task(row, separator) for row in found.labels.sort_by([("difficulty", "descending")]).to_pylist()],
    }


def _habits(judgements: pa.Table) -> dict[str, dict[str, float | None]]:
    unsure = pc.equal(judgements["answer"], "uncertain").cast(pa.float64())
    grouped = pa.table({"worker": judgements["worker"], "seconds": judgements["seconds"], "unsure": unsure})
    rows = grouped.group_by("worker").aggregate([("seconds", "approximate_median"), ("unsure", "mean")]).to_pylist()
    return {
        row["worker"]: {"seconds": row["seconds_approximate_median"], "uncertain": row["unsure_mean"]} for row in rows
    }


def _task(row: dict[str, object], separator: str) -> dict[str, object]:
    query, _, candidate = str(row.pop("task")).partition(separator)
    return {"query": query, "candidate": candidate, **row}
