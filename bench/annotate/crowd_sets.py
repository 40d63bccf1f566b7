"""Accuracy of every aggregation method on crowds with known truth, with and without gold, and speed, against crowd-kit.

    python -m bench.annotate.crowd_sets FOLDER [--draws 50]

FOLDER holds the sets, see ``bench.annotate.large_crowd.read_crowds``. Gold is 5 % of the tasks, drawn again each time;
accuracy with gold is measured on the other tasks, and compared with that of the majority on the same tasks.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from annotate import Method, aggregate
from bench.annotate.large_crowd import Crowd, read_crowds, simulate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from crowdkit.aggregation import GLAD, DawidSkene, MajorityVote

METHODS: tuple[Method, ...] = get_args(Method)
GOLD_SHARE = 0.05
Labels = dict[int, int]
PEERS: Mapping[Method, Callable[[], DawidSkene | GLAD | MajorityVote]] = {
    "majority": MajorityVote,
    "dawid-skene": DawidSkene,
    "glad": GLAD,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Aggregation against crowd-kit.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=50, help="gold sets drawn for each accuracy with gold")
    chosen = parser.parse_args()
    for crowd in read_crowds(chosen.folder):
        print_accuracy(crowd, chosen.draws)
        print_differences(crowd)
    print_speed(simulate(tasks=5_000, each=5, workers=100, seed=1))


def print_accuracy(crowd: Crowd, draws: int) -> None:
    """Print one row per method: without gold, crowd-kit without gold, with gold."""
    golds = [draw_gold(crowd, seed) for seed in range(draws)]
    print(f"\n{crowd.name}: {crowd.judgements.num_rows} judgements, {len(crowd.truth)} tasks with truth")
    print(
        f"{'method':12} {'no gold':>8} {'crowd-kit':>9}   {GOLD_SHARE:.0%} gold ({draws} draws) +- error, over majority"
    )
    floor = np.array([accuracy(labels(crowd, "majority", gold), crowd, gold) for gold in golds])
    for method in METHODS:
        with_gold = np.array([accuracy(labels(crowd, method, gold), crowd, gold) for gold in golds])
        peer = f"{accuracy(peer_labels(crowd, method), crowd):.4f}" if method in PEERS else "-"
        print(
            f"{method:12} {accuracy(labels(crowd, method), crowd):8.4f} {peer:>9}   {with_gold.mean():.4f} +- "
            f"{with_gold.std(ddof=1) / draws**0.5:.4f} {(with_gold - floor).mean():+.4f}"
        )
    tied, right = count_ties(crowd)
    print(f"majority ties on {tied} tasks, the commoner label is right on {right} of them")


def count_ties(crowd: Crowd) -> tuple[int, int]:
    """Return the number of tasks on which the majority is tied, and of those on which its tie rule is right."""
    found = aggregate(crowd.judgements)
    shares = posteriors(found.posteriors)
    tied = (shares == shares.max(axis=1, keepdims=True)).sum(axis=1) > 1
    rows = found.labels.filter(pa.array(tied)).to_pylist()
    return len(rows), sum(crowd.truth.get(row["task"]) == row["label"] for row in rows)


def draw_gold(crowd: Crowd, seed: int) -> Labels:
    """Return a random part of the truth."""
    tasks = np.array(sorted(crowd.truth))
    drawn = np.random.default_rng(seed).choice(tasks, round(GOLD_SHARE * len(tasks)), replace=False)
    return {task: crowd.truth[task] for task in drawn.tolist()}


def labels(crowd: Crowd, method: Method, gold: Labels | None = None) -> Labels:
    """Return the labels that a method of m5data chooses."""
    found = aggregate(crowd.judgements, method, gold).labels
    return dict(zip(found["task"].to_pylist(), found["label"].to_pylist(), strict=True))


def peer_labels(crowd: Crowd, method: Method) -> Labels:
    """Return the labels that crowd-kit chooses with its default settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = PEERS[method]().fit_predict(crowd.judgements.to_pandas())
    return dict(zip(found.index.tolist(), found.tolist(), strict=True))


def accuracy(found: Labels, crowd: Crowd, gold: Labels | None = None) -> float:
    """Return the share of correct labels, without the gold tasks."""
    right = [found[task] == label for task, label in crowd.truth.items() if task not in (gold or {})]
    return sum(right) / len(right)


def print_differences(crowd: Crowd) -> None:
    """Print how far posteriors are from crowd-kit's, with its default settings and when run until it converges."""
    runs: Mapping[Method, tuple[DawidSkene | GLAD, DawidSkene | GLAD]] = {
        "dawid-skene": (DawidSkene(), DawidSkene(n_iter=100, tol=-np.inf)),
        "glad": (GLAD(), GLAD(n_iter=300, tol=1e-9, m_step_tol=1e-5, m_step_max_iter=50)),
    }
    for method, (short, long) in runs.items():
        found = posteriors(aggregate(crowd.judgements, method).posteriors)
        as_it_comes, converged = (peer_posteriors(crowd, model) for model in (short, long))
        same = (converged.argmax(axis=1) == found.argmax(axis=1)).mean()
        print(
            f"{method}: largest difference of a posterior from crowd-kit {np.abs(found - as_it_comes).max():.5f} "
            f"({len(short.loss_history_)} iterations), run on {np.abs(found - converged).max():.5f} "
            f"({len(long.loss_history_)} iterations; same label on {same:.2%})"
        )


def posteriors(table: pa.Table) -> NDArray[np.float64]:
    """Return the posteriors as [tasks, labels]."""
    values: NDArray[np.float64] = table["posterior"].to_numpy().reshape(-1, len(table["label"].unique()))
    return values


def peer_posteriors(crowd: Crowd, model: DawidSkene | GLAD) -> NDArray[np.float64]:
    """Return crowd-kit's posteriors, [tasks, labels], both sorted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(crowd.judgements.to_pandas())
    values: NDArray[np.float64] = pd.DataFrame(model.probas_).sort_index().sort_index(axis=1).to_numpy()
    return values


def print_speed(crowd: Crowd) -> None:
    """Time GLAD from table to table, best of five, against one run of crowd-kit."""
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        aggregate(crowd.judgements, "glad")
        seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    peer = peer_labels(crowd, "glad")
    slow = time.perf_counter() - began
    print(f"\nGLAD, {crowd.judgements.num_rows} simulated judgements")
    print(f"this project {min(seconds):.3f} s, accuracy {accuracy(labels(crowd, 'glad'), crowd):.4f}")
    print(f"crowd-kit    {slow:.1f} s, accuracy {accuracy(peer, crowd):.4f}: {slow / min(seconds):.0f} x as long")


if __name__ == "__main__":
    main()
