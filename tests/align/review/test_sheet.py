import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from align import Category
from align.review import Decision, Example, SheetReader, UncertainPair, read_sheet, write_sheet
from core.errors import FeedError
from core.records import Reject

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
READER = SheetReader("li", NOON)
A, B = Category("n", ("食品", "=咖啡")), Category("s", ("食品", "咖啡/奶茶"))
PAIR = UncertainPair(
    a=A,
    b=B,
    s_label=0.5,
    s_content=0.75,
    probability=None,
    relation="same",
    merged=True,
    doubt=1.0,
    evidence=("+1.0 names: 0.50",),
    examples_a=(Example("n:1", "=1+1"), Example("n:2", "速溶, 咖啡")),
    examples_b=(),
)


def fill(path: Path, *decisions: tuple[str, str]) -> None:
    """Write a sheet with one row per decision, each deciding the same pair."""
    write_sheet(path, [PAIR] * len(decisions))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, (decision, name) in zip(rows, decisions, strict=True):
        row["decision"], row["name"] = decision, name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_sheet_shows_pairs_and_no_formulas(tmp_path: Path) -> None:
    assert write_sheet(tmp_path / "sheet.csv", [PAIR]) == 1
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {
                "decision": "",
                "name": "",
                "source_a": "n",
                "path_a": "食品 > =咖啡",
                "source_b": "s",
                "path_b": "食品 > 咖啡/奶茶",
                "titles_a": "'=1+1\n速溶, 咖啡",
                "titles_b": "",
                "merged": "yes",
                "relation": "same",
                "probability": "",
                "s_label": "0.500",
                "s_content": "0.750",
                "evidence": "'+1.0 names: 0.50",
            }
        ]


def test_decisions_are_read_back(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    fill(sheet, ("accept", ""), ("", ""), ("Reject", ""), ("rename", "咖啡类"), ("split a", ""), ("split b", ""))
    assert list(read_sheet(sheet, READER)) == [
        Decision("accept", A, B, "li", NOON),
        Decision("reject", A, B, "li", NOON),
        Decision("rename", A, B, "li", NOON, "咖啡类"),
        Decision("split", A, B, "li", NOON),
        Decision("split", B, A, "li", NOON),
    ]


def test_bad_rows_are_rejects_with_their_place(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    fill(sheet, ("accept", "名"), ("perhaps", ""), ("accept b", ""))
    found = list(read_sheet(sheet, READER))
    assert [(row.item.split(":")[0], row.reason) for row in found if isinstance(row, Reject)] == [
        ("sheet.csv", "bad_name"),
        ("sheet.csv", "bad_decision"),
        ("sheet.csv", "bad_decision"),
    ]


@pytest.mark.parametrize("content", [b"", b"decision,path_a\n", b"\xff\xfe\x00"])
def test_what_is_no_sheet_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sheet.csv").write_bytes(content)
    with pytest.raises(FeedError, match=r"sheet\.csv"):
        list(read_sheet(tmp_path / "sheet.csv", READER))
    with pytest.raises(FeedError, match="No such file"):
        list(read_sheet(tmp_path / "none.csv", READER))
