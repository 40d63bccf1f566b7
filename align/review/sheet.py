"""The review sheet: a CSV file of uncertain pairs that a person fills in."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from align.category import SEPARATOR, Category
from align.review.decisions import Decision, Kind, decision_fault
from align.review.uncertain import UncertainPair
from m5data.errors import FeedError
from m5data.records import Reject
from storage.files import replace_file

__all__ = ["SheetReader", "read_sheet", "write_sheet"]

_WANTED = ("decision", "source_a", "path_a", "source_b", "path_b")
_COLUMNS = (
    *("decision", "name", "source_a", "path_a", "source_b", "path_b", "titles_a", "titles_b"),
    *("merged", "relation", "probability", "s_label", "s_content", "evidence"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LARGEST = 64 << 20


def write_sheet(path: Path, pairs: Iterable[UncertainPair]) -> int:
    """Write pairs as a CSV file in UTF-8 with a byte order mark, for spreadsheets; return their number.

    The person fills in the columns ``decision`` (accept, reject, rename, split a, split b) and ``name``.
    Texts that a spreadsheet would read as a formula begin with an apostrophe.
    """
    rows = [_row(pair) for pair in pairs]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode("utf-8-sig"))
    return len(rows)


def _row(pair: UncertainPair) -> dict[str, str]:
    texts = {
        "source_a": pair.a.source,
        "path_a": pair.a.text,
        "source_b": pair.b.source,
        "path_b": pair.b.text,
        "titles_a": "\n".join(example.caption for example in pair.examples_a),
        "titles_b": "\n".join(example.caption for example in pair.examples_b),
        "evidence": "\n".join(pair.evidence),
    }
    chance = "" if pair.probability is None else f"{pair.probability:.3f}"
    return {
        "decision": "",
        "name": "",
        **{column: _guard(text) for column, text in texts.items()},
        "merged": "yes" if pair.merged else "no",
        "relation": pair.relation,
        "probability": chance,
        "s_label": f"{pair.s_label:.3f}",
        "s_content": f"{pair.s_content:.3f}",
    }


def _guard(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def _unguard(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


@dataclass(frozen=True, slots=True)
class SheetReader:
    """Turns rows of a sheet into decisions of one reviewer at one time."""

    reviewer: str
    decided_at: datetime

    def decision(self, row: Mapping[str, str]) -> Decision:
        """Return the decision of a row without validating it."""
        said, _, side = row["decision"].casefold().partition(" ")
        ends = [Category(row[f"source_{end}"], tuple(row[f"path_{end}"].split(SEPARATOR))) for end in "ab"]
        if side == "b":
            ends.reverse()
        kind = said if side in ("", "a", "b") and (not side or said == "split") else row["decision"]
        # decision_fault reports an unknown kind, with all other faults.
        return Decision(cast(Kind, kind), ends[0], ends[1], self.reviewer, self.decided_at, row.get("name", ""))


def read_sheet(path: Path, reader: SheetReader) -> Iterator[Decision | Reject]:
    """Yield the decisions of a sheet; rows without one are skipped.

    An invalid row becomes a reject with the item ``file:line`` and a reason of ``decision_fault``.

    Raises:
        FeedError: The file is missing, too large or not UTF-8, or lacks a column.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise FeedError(f"{path}: the sheet is larger than {_LARGEST >> 20} MB.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [column for column in _WANTED if column not in (rows.fieldnames or ())]
            if missing:
                raise FeedError(f"{path}:1: missing columns {', '.join(missing)}.")
            for row in rows:
                cells = {key: _unguard((value or "").strip()) for key, value in row.items() if isinstance(key, str)}
                if cells["decision"]:
                    yield _checked(reader.decision(cells), f"{path.name}:{rows.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedError(f"{path}: this is not a CSV file of decisions ({error}).") from None


def _checked(decision: Decision, place: str) -> Decision | Reject:
    found = decision_fault(decision)
    return Reject(place, *found) if found else decision
