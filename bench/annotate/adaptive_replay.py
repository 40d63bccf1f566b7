"""Judgements saved by the adaptive mode, replayed on crowds with known truth and on a simulated crowd.

    python -m bench.annotate.adaptive_replay FOLDER [--replays 200] [--share 0.6]

Each replay draws, for every task, the order in which its workers are asked. ``five a task`` uses the first five answers
to each task. ``adaptive`` uses the first answer to each, then proceeds in rounds: the most uncertain tasks get their
next answer from an informative worker, until the given share of the judgements of ``five a task`` is spent. Both are
aggregated by Dawid and Skene's model with the prior of the adaptive mode, and ``five a task`` also by majority.
Intervals are 95 %, over replays.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotate.aggregation.encoding import encode
from annotate.aggregation.fit import choose_labels
from annotate.aggregation.majority import majority
from annotate.tasks.adaptive import estimate_uncertainty, find_uninformative
from bench.annotate.large_crowd import read_crowds

FIVE, FIRST_ROUND, MAX, ROUNDS = 5, 1, 9, 15
TASKS, WORKERS, POSITIVE = 500, 20, 0.3
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Replay:
    """Answers in the order in which they may be asked for: [T, A] workers and labels, and [T] number of answers."""

    def __init__(self, worker: Numbers, label: Numbers, there: Numbers, truth: Numbers) -> None:
        self.worker, self.label, self.truth = worker, label, truth
        self.place = np.arange(worker.shape[1])
        self.there: Mask = self.place < there[:, None]

    def table(self, asked: Mask) -> pa.Table:
        """Return the answers at the positions in ``asked``, [T, A]."""
        task, place = np.nonzero(asked)
        return pa.table({"task": task, "worker": self.worker[task, place], "label": self.label[task, place]})

    def error(self, labels: Numbers) -> float:
        """Return the share of wrong labels."""
        return float(np.mean(labels != self.truth))


def main() -> None:
    """Print one line per crowd."""
    parser = argparse.ArgumentParser(description="Adaptive asking, replayed.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.6)
    chosen = parser.parse_args()
    sources = {crowd.name: (crowd.judgements, crowd.truth) for crowd in read_crowds(chosen.folder)}
    for name, (judgements, truth) in sources.items():
        replays = (from_set(judgements, dict(truth), seed) for seed in range(chosen.replays))
        show(name, replays, chosen.share)
    show("simulated", (simulated(seed) for seed in range(chosen.replays)), chosen.share)


def from_set(judgements: pa.Table, truth: dict[int, int], seed: int) -> Replay:
    """Return a public set with each task's answers in random order."""
    columns = [judgements[name].to_numpy() for name in ("task", "worker", "label")]
    known = np.isin(columns[0], list(truth))
    task, worker, label = (column[known] for column in columns)
    names, task = np.unique(task, return_inverse=True)
    order = np.lexsort((np.random.default_rng(seed).random(len(task)), task))
    task, worker, label = task[order], worker[order], label[order]
    there = np.bincount(task)
    place = np.arange(len(task)) - np.repeat(np.cumsum(there) - there, there)
    grids = [np.zeros((len(names), there.max()), np.int64) for _ in range(2)]
    for grid, values in zip(grids, (worker, label), strict=True):
        grid[task, place] = values
    return Replay(grids[0], grids[1], there, np.array([truth[int(name)] for name in names]))


def simulated(seed: int) -> Replay:
    """Return a simulated crowd: workers err in 5 to 35 %, one guesses, one always gives the default, label 1."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(TASKS) < POSITIVE).astype(np.int64)
    errors = np.concatenate([np.linspace(0.05, 0.35, WORKERS - 2), [0.5, 0.0]])
    worker = np.stack([rng.permutation(WORKERS)[:MAX] for _ in range(TASKS)])
    label = truth[:, None] ^ (rng.random(worker.shape) < errors[worker])
    label[worker == WORKERS - 1] = 1
    return Replay(worker, label, np.full(TASKS, MAX), truth)


def show(name: str, replays: Iterator[Replay], share: float) -> None:
    """Print the errors of ``five a task`` and of ``adaptive``, and the share of judgements of the latter."""
    rows = np.array([measure(replay, share) for replay in replays])
    mean, half = rows.mean(axis=0), 1.96 * rows.std(axis=0, ddof=1) / len(rows) ** 0.5
    saved = rows[:, 1] - rows[:, 2]
    print(
        f"{name}: {len(rows)} replays; five a task: majority {mean[0]:.4f} +- {half[0]:.4f}, "
        f"model {mean[1]:.4f} +- {half[1]:.4f}; adaptive {mean[2]:.4f} +- {half[2]:.4f} at {mean[3]:.1%} of the "
        f"judgements; error saved over the model {saved.mean():+.4f} +- "
        f"{1.96 * saved.std(ddof=1) / len(rows) ** 0.5:.4f}"
    )


def measure(replay: Replay, share: float) -> tuple[float, float, float, float]:
    """Return the errors of ``five a task`` by majority and by the model, and the error and share of ``adaptive``."""
    five = replay.there & (replay.place < FIVE)
    answers = encode(replay.table(five))
    by_majority = answers.labels.to_numpy()[choose_labels(majority(answers).posteriors)]
    by_model = answers.labels.to_numpy()[estimate_uncertainty(answers).label]
    asked = ask_adaptively(replay, share * five.sum())
    last = encode(replay.table(asked))
    adaptively = last.labels.to_numpy()[estimate_uncertainty(last).label]
    errors = (replay.error(labels) for labels in (by_majority, by_model, adaptively))
    return (*errors, asked.sum() / five.sum())


def ask_adaptively(replay: Replay, budget: float) -> Mask:
    """Return a mask of the answers that are asked for, [T, A]."""
    asked = replay.there & (replay.place < FIRST_ROUND)
    each = max(1, int(np.ceil((budget - asked.sum()) / ROUNDS)))
    while (left := int(budget - asked.sum())) > 0:
        answers = encode(replay.table(asked))
        found = estimate_uncertainty(answers)
        free = replay.there & ~asked & (asked.sum(axis=1) < MAX)[:, None]
        awake = free & ~np.isin(replay.worker, answers.workers.to_numpy()[find_uninformative(found.informativeness)])
        free = awake if awake.any() else free
        open_tasks = np.flatnonzero(free.any(axis=1))
        chosen = open_tasks[np.argsort(-found.error[open_tasks], kind="stable")[: min(each, left)]]
        if not len(chosen):
            break
        asked[chosen, free[chosen].argmax(axis=1)] = True
    return asked


if __name__ == "__main__":
    main()
