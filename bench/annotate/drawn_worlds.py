"""Accuracy of Dawid and Skene's model and the majority against crowd-kit, on many small drawn crowds.

    python -m bench.annotate.drawn_worlds [--worlds 200] [--first 0] [--worst 5]

A world has 30 to 300 tasks, 4 to 30 workers, 2 to 5 answers per task, 2 to 4 labels, the rarest from 5 %. Up to half
of the workers are spammers, who guess or always say the same; up to half of the tasks are gold, which both get with
Dawid and Skene's model, and which are not counted.
"""

import argparse
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from annotate import Method, aggregate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from crowdkit.aggregation import DawidSkene, MajorityVote

COMPARED: tuple[Method, ...] = ("majority", "dawid-skene")
NOTICED = 0.01
"""Difference of the accuracy that counts."""


@dataclass(frozen=True, slots=True)
class World:
    """A drawn crowd."""

    seed: int
    judgements: pa.Table
    """Columns task, worker, label."""
    truth: NDArray[np.int64]
    """[tasks]"""
    gold: dict[int, int]

    @property
    def judged(self) -> NDArray[np.int64]:
        """The tasks whose labels are compared with the truth."""
        return np.array([task for task in range(len(self.truth)) if task not in self.gold], np.int64)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Accuracies in one world."""

    seed: int
    ours: float
    theirs: float
    converged: bool

    @property
    def difference(self) -> float:
        """How much better this project is."""
        return self.ours - self.theirs


def draw_world(seed: int) -> World:
    """Return a world."""
    random = np.random.default_rng(seed)
    tasks, workers, each = random.integers((30, 4, 2), (300, 30, 6)).tolist()
    labels, rare = int(random.choice([2, 2, 2, 3, 4])), random.choice([0.05, 0.1, 0.3, 0.5])
    spam, known = random.choice([0, 0.2, 0.5]), random.choice([0, 0, 0.1, 0.5])
    truth = random.choice(labels, tasks, p=[rare, *[(1 - rare) / (labels - 1)] * (labels - 1)])
    matrices = np.stack([_matrix(random, labels, is_spammer=random.random() < spam) for _ in range(workers)])
    asked = random.random((tasks, workers)).argsort(axis=1)[:, :each]
    rows = [
        (task, worker, int(random.choice(labels, p=matrices[worker, truth[task]])))
        for task, chosen in enumerate(asked.tolist())
        for worker in chosen
    ]
    gold = {task: int(truth[task]) for task in range(tasks) if random.random() < known}
    table = pa.table(dict(zip(("task", "worker", "label"), zip(*rows, strict=True), strict=True)))
    return World(seed, table, truth, gold)


def _matrix(random: np.random.Generator, labels: int, *, is_spammer: bool) -> NDArray[np.float64]:
    """Return the probability of each answer of a worker, [true label, answer]."""
    if is_spammer and random.random() < 0.5:
        return np.tile(np.eye(labels)[random.integers(labels)], (labels, 1))
    if is_spammer:
        return np.full((labels, labels), 1 / labels)
    right = random.uniform(0.6, 0.97, labels)[:, None]
    return np.where(np.eye(labels, dtype=bool), right, (1 - right) / (labels - 1))


def compare(world: World, method: Method) -> Outcome:
    """Return both accuracies on the tasks that are no gold."""
    gold = world.gold if method == "dawid-skene" and world.gold else None
    found = aggregate(world.judgements, method, gold)
    ours = found.labels["label"].to_numpy()
    return Outcome(world.seed, _accuracy(world, ours), _accuracy(world, peer_labels(world, method)), found.converged)


def peer_labels(world: World, method: Method) -> NDArray[np.int64]:
    """Return the labels that crowd-kit chooses with its default settings, [tasks]."""
    rows = world.judgements.to_pandas()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if method == "majority":
            found = MajorityVote().fit_predict(rows)
        else:
            found = DawidSkene().fit_predict(rows, pd.Series(world.gold) if world.gold else None)
    return found.sort_index().to_numpy()


def _accuracy(world: World, labels: NDArray[np.int64]) -> float:
    return float((labels == world.truth)[world.judged].mean()) if len(world.judged) else 1.0


def table(method: Method, outcomes: Sequence[Outcome], worst: int) -> Iterator[str]:
    """Yield the lines of a method's table."""
    gaps = np.array([one.difference for one in outcomes])
    ours, theirs = (np.mean([getattr(one, name) for one in outcomes]) for name in ("ours", "theirs"))
    yield (
        f"{method:12} {ours:.4f} against {theirs:.4f}, {gaps.mean():+.4f}; worse by more than {NOTICED} in "
        f"{(gaps < -NOTICED).sum()} of {len(gaps)}, better in {(gaps > NOTICED).sum()}; "
        f"not converged in {sum(not one.converged for one in outcomes)}"
    )
    for one in sorted(outcomes, key=lambda one: one.difference)[:worst]:
        yield f"    world {one.seed}: {one.ours:.3f} against {one.theirs:.3f}"


def main() -> None:
    """Print one table per method."""
    parser = argparse.ArgumentParser(description="Small drawn crowds against crowd-kit.")
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="seed of the first world")
    parser.add_argument("--worst", type=int, default=5, help="worlds to list for each method")
    chosen = parser.parse_args()
    worlds = [draw_world(seed) for seed in range(chosen.first, chosen.first + chosen.worlds)]
    for method in COMPARED:
        print(*table(method, [compare(world, method) for world in worlds], chosen.worst), sep="\n")


if __name__ == "__main__":
    main()
