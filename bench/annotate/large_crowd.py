"""Time and memory of aggregating M5Product's judgements, simulated: 24,410 queries x 500 candidates x 5 judgements.

    python -m bench.annotate.large_crowd [--share 0.1] [--method glad]

A share of 1 is all of them, 61,025,000 judgements of 2,000 workers.
"""

import argparse
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
from pyarrow import csv

from annotate import Method, aggregate

__all__ = ["Crowd", "read_crowds", "simulate"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Judgements, with the truth of some of their tasks."""

    name: str
    judgements: pa.Table
    """Columns task, worker, label."""
    truth: Mapping[int, int]


def read_crowds(folder: Path) -> Iterator[Crowd]:
    """Yield the sets of a folder: ``NAME_crowd.txt`` (task, worker, label), ``NAME_truth.txt`` (task, label).

    Tab-separated, without a header, all integers.
    """
    for path in sorted(folder.glob("*_crowd.txt")):
        name = path.name.removesuffix("_crowd.txt")
        truth = _read(folder / f"{name}_truth.txt", ["task", "label"])
        known = dict(zip(truth["task"].to_pylist(), truth["label"].to_pylist(), strict=True))
        yield Crowd(name, _read(path, ["task", "worker", "label"]), known)


def _read(path: Path, columns: list[str]) -> pa.Table:
    return csv.read_csv(path, csv.ReadOptions(column_names=columns, encoding="utf-8"), csv.ParseOptions(delimiter="\t"))


def simulate(tasks: int, each: int, workers: int, seed: int) -> Crowd:
    """Return a simulated crowd whose workers err at differing rates of 5 to 35 %; one task in five is positive."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(tasks) < 0.2).astype(np.int32)
    errors = rng.uniform(0.05, 0.35, workers)
    task = np.repeat(np.arange(tasks, dtype=np.int32), each)
    first = rng.integers(0, workers, tasks, dtype=np.int32)
    stride = rng.integers(1, workers // each, tasks, dtype=np.int32)
    worker = ((first[:, None] + stride[:, None] * np.arange(each, dtype=np.int32)) % workers).ravel()
    label = truth[task] ^ (rng.random(len(task)) < errors[worker])
    table = pa.table({"task": task, "worker": worker, "label": label.astype(np.int32)})
    return Crowd("simulated", table, dict(enumerate(truth.tolist())))


QUERIES, CANDIDATES, EACH, WORKERS = 24_410, 500, 5, 2_000


def main() -> None:
    """Print seconds, accuracy and the process's peak memory, which includes the simulated table."""
    parser = argparse.ArgumentParser(description="Aggregation of very many judgements.")
    parser.add_argument("--share", type=float, default=0.1, help="share of the judgements to simulate")
    parser.add_argument("--method", choices=get_args(Method), default="glad")
    chosen = parser.parse_args()
    crowd = simulate(round(QUERIES * CANDIDATES * chosen.share), EACH, WORKERS, seed=1)
    began = time.perf_counter()
    found = aggregate(crowd.judgements, chosen.method)
    seconds = time.perf_counter() - began
    right = np.mean(found.labels["label"].to_numpy() == np.fromiter(crowd.truth.values(), np.int32))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{chosen.method}: {crowd.judgements.num_rows} judgements in {seconds:.1f} s "
        f"({1e9 * seconds / crowd.judgements.num_rows:.0f} ns each), accuracy {right:.4f}, "
        f"converged {found.converged}, peak memory {peak:.2f} GiB"
    )


if __name__ == "__main__":
    main()
