"""Judgements for tests: a small table to check by hand, and synthetic crowds."""

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

FIVE_BY_FIVE = {
    # task: answers of the workers v, w, x, y, z
    "t1": "aaaab",
    "t2": "aabab",
    "t3": "bbbaa",
    "t4": "bbbba",
    "t5": "bbaba",
}
"""Synthetic answers: v and w always agree; if they are right, x errs on two tasks, y on one, and z on all."""


def table(rows: Iterable[tuple[object, object, object]]) -> pa.Table:
    tasks, workers, labels = zip(*rows, strict=True)
    return pa.table({"task": list(tasks), "worker": list(workers), "label": list(labels)})


def five_by_five() -> pa.Table:
    return table(
        (task, worker, a) for task, said in FIVE_BY_FIVE.items() for worker, a in zip("vwxyz", said, strict=True)
    )


def synthetic_crowd(
    tasks: int, workers: int, each: int, seed: int, labels: int = 2
) -> tuple[pa.Table, Mapping[int, int]]:
    """Return answers, ``each`` per task, of workers with error rates of 5 to 35 %, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, tasks)
    errors = rng.uniform(0.05, 0.35, workers)
    who = np.stack([rng.permutation(workers)[:each] for _ in range(tasks)]).ravel()
    task = np.repeat(np.arange(tasks), each)
    wrong = rng.random(len(task)) < errors[who]
    label = (truth[task] + wrong * rng.integers(1, labels, len(task))) % labels
    return pa.table({"task": task, "worker": who, "label": label}), dict(enumerate(truth.tolist()))
