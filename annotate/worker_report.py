"""What the aggregation says of each worker."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotate.answers import Answers
from annotate.fit import Fit
from annotate.gold_accuracy import count_gold

__all__ = ["report_workers"]


def report_workers(answers: Answers, found: Fit, chosen: NDArray[np.intp]) -> pa.Table:
    """Return one row a worker, sorted: worker, judgements, ability, agreement, gold_judgements, gold_accuracy.

    Args:
        answers: The answers.
        found: What a method made of them.
        chosen: [T] the labels it chose.
    """
    size = len(answers.workers)
    judged = np.bincount(answers.worker, minlength=size)
    agreed = np.bincount(answers.worker[answers.label == chosen[answers.task]], minlength=size)
    asked, right = count_gold(answers)
    report = pa.table(
        {
            "worker": answers.workers,
            "judgements": judged,
            "ability": found.ability,
            "agreement": agreed / judged,
            "gold_judgements": asked.astype(np.int64),
            "gold_accuracy": pa.array(right / np.maximum(asked, 1), mask=asked == 0),
        }
    )
    return report.sort_by("worker")
