"""Crowds to aggregate: public sets from a folder, and a simulated one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

__all__ = ["Crowd", "read_crowds", "simulate"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Judgements, and the truth of some of their tasks."""

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
