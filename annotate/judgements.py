"""Judgements and their files: CSV and Label Studio's JSON."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

from core.errors import FeedError
from core.records import Reject

__all__ = ["Answer", "Judgement", "check_judgement", "read_judgements", "read_tasks", "write_tasks"]

Answer = Literal["matched", "mismatched", "uncertain"]
_ANSWERS: frozenset[str] = frozenset(get_args(Answer))
_COLUMNS = ("query", "candidate", "worker", "answer")
_GOLD: Mapping[str, bool] = {"": False, "0": False, "false": False, "1": True, "true": True}
_NAME, _TO = "answer", "pair"
"""Names of the choice and of its object in the labelling configuration."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer of one worker on one pair."""

    query: str
    """Product in question."""
    candidate: str
    """Product compared with it."""
    worker: str
    answer: Answer
    gold: bool = False
    """Whether this is the true answer, from the gold set."""


def read_judgements(path: Path) -> Iterator[tuple[str, Judgement | Reject]]:
    """Yield (``file:line``, row) of a CSV file with the columns query, candidate, worker, answer and optionally gold.

    An invalid row becomes a reject with its place as item.

    Raises:
        FeedError: The file is missing or not UTF-8, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_header(path, reader.fieldnames or ())
            for row in reader:
                place = f"{path.name}:{reader.line_num}"
                yield place, check_judgement(row, place)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedError(f"{path}: this is not a CSV file of judgements ({error}).") from None


def _check_header(path: Path, header: object) -> None:
    names = tuple(header) if isinstance(header, list | tuple) else ()
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise FeedError(f"{path}:1: missing columns {', '.join(missing)}; the file has {', '.join(names) or 'none'}.")


def check_judgement(row: Mapping[str | None, str | None] | Mapping[str, str], place: str) -> Judgement | Reject:
    """Return a row as a judgement, or as a reject: incomplete, same_product, bad_answer or bad_gold."""
    query, candidate, worker, answer = ((row.get(name) or "").strip() for name in _COLUMNS)
    gold = (row.get("gold") or "").strip().lower()
    if not (query and candidate and worker):
        return Reject(place, "incomplete", "query, candidate or worker is empty")
    if query == candidate:
        return Reject(place, "same_product", "query and candidate are the same product")
    if answer not in _ANSWERS:
        return Reject(place, "bad_answer", f"{answer[:40]!r} is not one of {', '.join(sorted(_ANSWERS))}")
    if gold not in _GOLD:
        return Reject(place, "bad_gold", f"{gold[:40]!r} is neither true nor false")
    return Judgement(query, candidate, worker, answer, _GOLD[gold])  # type: ignore[arg-type]


def write_tasks(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield the text of a Label Studio file, with one task per pair.

    Args:
        rows: query, candidate, worker, answer, gold and seconds (None if unknown), sorted by pair.
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

    The products are ``data.query`` and ``data.candidate``, the worker is the email or id of ``completed_by``, and
    ``ground_truth`` marks gold. The answer is the one choice of the group ``answer``; other groups are other
    questions. Cancelled annotations are skipped. Rejects are those of ``check_judgement``.

    Raises:
        FeedError: The file is not an export in this form, or has no annotations.
    """
    number = 0
    for task in _load(path):
        data, annotations = task.get("data"), task.get("annotations")
        for annotation in annotations if isinstance(annotations, list) else []:
            if isinstance(annotation, Mapping) and not annotation.get("was_cancelled"):
                number += 1
                place = f"{path.name}:{number}"
                yield place, check_judgement(_row(data if isinstance(data, Mapping) else {}, annotation), place)
    if not number:
        raise FeedError(
            f"{path}: no annotations found. Export as JSON from Label Studio (not JSON-MIN, CSV or YOLO), after "
            "annotations were submitted."
        )


def _load(path: Path) -> list[Mapping[str, object]]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise FeedError(f"{path}: this is not Label Studio's JSON ({error}).") from None
    if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
        raise FeedError(f"{path}: this is not a list of Label Studio's tasks. Export as JSON.")
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
    """Return the choices of the group ``answer``, joined by a comma; an empty string if there are none."""
    chosen: list[str] = []
    for part in result if isinstance(result, list) else []:
        value = part.get("value") if isinstance(part, Mapping) and part.get("from_name", _NAME) == _NAME else None
        choices = value.get("choices") if isinstance(value, Mapping) else None
        chosen += map(str, choices if isinstance(choices, list) else [choices] if isinstance(choices, str) else [])
    return ",".join(chosen)
