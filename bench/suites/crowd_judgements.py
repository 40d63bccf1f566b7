"""Subject crowd-judgements: accuracy of aggregated judgements.

A case passes if the accuracy is at most 1 point below that of crowd-kit with the same method: 2 points for GLAD, whose
starting values differ, and half of the tied tasks for the majority.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from annotate import Method, aggregate
from bench.suites.cases import Case, Result, judge, read_cases


def _labels(judgements: pa.Table, method: Method) -> dict[str, str]:
    """Return the label of each task, from columns task, worker and label."""
    return {row["task"]: row["label"] for row in aggregate(judgements, method=method).labels.to_pylist()}


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        yield judge(case["method"], case, case["set"], _judged, folder, case)


def _judged(folder: Path, case: Case) -> tuple[object, object, bool]:
    answers = _rows(folder / f"{case['set']}_crowd.txt")
    truth = dict(_rows(folder / f"{case['set']}_truth.txt"))
    columns = {name: [row[place] for row in answers] for place, name in enumerate(("task", "worker", "label"))}
    labels = _labels(pa.table(columns), case["method"])
    judged = [task for task in labels if task in truth]
    accuracy = sum(labels[task] == truth[task] for task in judged) / len(judged)
    tolerances = {
        "majority": _ties(answers, truth) / 2 / len(judged) + 0.001,
        "dawid-skene": 0.01,
        "glad": 0.02,
    }
    floor = case["accuracy"] - tolerances[case["method"]]
    return f"accuracy of at least {floor:.4f}", accuracy, accuracy >= floor


def _rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def _ties(answers: Sequence[Sequence[str]], truth: Mapping[str, str]) -> int:
    """Return the number of tasks with a known truth whose two most frequent labels have equally many votes."""
    votes: dict[str, Counter[str]] = {}
    for task, _, label in answers:
        votes.setdefault(task, Counter())[label] += 1
    tops = [count.most_common(2) for task, count in votes.items() if task in truth]
    return sum(len(top) == 2 and top[0][1] == top[1][1] for top in tops)
