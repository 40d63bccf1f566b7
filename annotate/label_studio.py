"""Judgements in Label Studio's JSON: a list of tasks, each with its annotations."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from annotate.judgements import Judgement, check_judgement
from m5data.errors import FeedError
from m5data.records import Reject

__all__ = ["read_tasks", "write_tasks"]

_NAME, _TO = "answer", "pair"
"""Names of the choice and of what it is made on, in the labelling configuration."""


def write_tasks(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield the text of a file, a task a pair.

    Args:
        rows: query, candidate, worker, answer, gold and seconds (None: not known), sorted by pair.
    """
    yield "["
    pairs = groupby(rows, lambda row: (row["query"], row["candidate"]))
    for number, ((query, candidate), answers) in enumerate(pairs):
        task = {"data": {"query": query, "candidate": candidate}, "annotations": [_annotation(row) for row in answers]}
        yield ("," if number else "") + "\n" + json.dumps(task, ensure_ascii=False)
    yield "\n]\n"


def _annotation(row: Mapping[str, object]) -> dict[str, object]:
    choice = {"type": "choices", "from_name": _NAME, "to_name": _TO, "value": {"choices": [row["answer"]]}}
    return {
        "completed_by": {"email": row["worker"]},
        "ground_truth": row["gold"],
        "lead_time": row["seconds"],
        "result": [choice],
    }


def read_tasks(path: Path) -> Iterator[tuple[str, Judgement | Reject]]:
    """Yield (``file:number of the annotation``, row) of an export in Label Studio's JSON (not JSON-MIN).

    The products are ``data.query`` and ``data.candidate``; a worker is the email or id of ``completed_by``; annotations
    that were cancelled are left out; ``ground_truth`` marks gold. Rejects are those of ``check_judgement``.

    Raises:
        FeedError: The file is no such JSON.
    """
    number = 0
    for task in _load(path):
        data, annotations = task.get("data"), task.get("annotations")
        for annotation in annotations if isinstance(annotations, list) else []:
            if isinstance(annotation, Mapping) and not annotation.get("was_cancelled"):
                number += 1
                place = f"{path.name}:{number}"
                yield place, check_judgement(_row(data if isinstance(data, Mapping) else {}, annotation), place)


def _load(path: Path) -> list[Mapping[str, object]]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise FeedError(f"{path}: wanted judgements as Label Studio's JSON: {error}; name another file") from None
    if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
        raise FeedError(f"{path}: wanted a list of Label Studio's tasks, got {type(tasks).__name__}; export as JSON")
    return tasks


def _row(data: Mapping[str, object], annotation: Mapping[str, object]) -> dict[str, str]:
    by = annotation.get("completed_by")
    worker = by.get("email") or by.get("id") if isinstance(by, Mapping) else by
    return {
        "query": str(data.get("query") or ""),
        "candidate": str(data.get("candidate") or ""),
        "worker": "" if worker is None else str(worker),
        "answer": _choice(annotation.get("result")),
        "gold": "true" if annotation.get("ground_truth") is True else "",
    }


def _choice(result: object) -> str:
    """Return the first choice of an annotation; empty: none."""
    for part in result if isinstance(result, list) else []:
        value = part.get("value") if isinstance(part, Mapping) else None
        choices = value.get("choices") if isinstance(value, Mapping) else None
        if isinstance(choices, list) and choices:
            return str(choices[0])
    return ""
