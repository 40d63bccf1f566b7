"""One answer of one worker, and the files that judgements come in."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from m5data.errors import FeedError
from m5data.records import Reject

__all__ = ["Answer", "Judgement", "check_judgement", "read_judgements"]

Answer = Literal["matched", "mismatched", "uncertain"]
_ANSWERS: frozenset[str] = frozenset(get_args(Answer))
_COLUMNS = ("query", "candidate", "worker", "answer")
_GOLD: Mapping[str, bool] = {"": False, "0": False, "false": False, "1": True, "true": True}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer."""

    query: str
    """Product asked about."""
    candidate: str
    """Product compared with it."""
    worker: str
    answer: Answer
    gold: bool = False
    """The true answer, from the gold set."""


def read_judgements(path: Path) -> Iterator[tuple[str, Judgement | Reject]]:
    """Yield (``file:line``, row) of a CSV file with the columns query, candidate, worker, answer and, if there, gold.

    A bad row becomes a reject whose item is its place.

    Raises:
        FeedError: There is no such file, it is no UTF-8 text, or a column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_header(path, reader.fieldnames or ())
            for row in reader:
                place = f"{path.name}:{reader.line_num}"
                yield place, check_judgement(row, place)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedError(f"{path}: wanted a CSV file of judgements: {error}; name another file") from None


def _check_header(path: Path, header: object) -> None:
    names = tuple(header) if isinstance(header, list | tuple) else ()
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise FeedError(
            f"{path}:1: wanted the columns {', '.join(_COLUMNS)}, got {', '.join(names) or 'none'}; "
            f"add {', '.join(missing)}"
        )


def check_judgement(row: Mapping[str | None, str | None] | Mapping[str, str], place: str) -> Judgement | Reject:
    """Return a row as a judgement, or as a reject: incomplete, same_product, bad_answer or bad_gold."""
    query, candidate, worker, answer = ((row.get(name) or "").strip() for name in _COLUMNS)
    gold = (row.get("gold") or "").strip().lower()
    if not (query and candidate and worker):
        return Reject(place, "incomplete", "wanted query, candidate and worker, got an empty one")
    if query == candidate:
        return Reject(place, "same_product", "wanted two products, got one twice")
    if answer not in _ANSWERS:
        return Reject(place, "bad_answer", f"wanted one of {', '.join(sorted(_ANSWERS))}, got {answer[:40]!r}")
    if gold not in _GOLD:
        return Reject(place, "bad_gold", f"wanted true or false, got {gold[:40]!r}")
    return Judgement(query, candidate, worker, answer, _GOLD[gold])  # type: ignore[arg-type]
