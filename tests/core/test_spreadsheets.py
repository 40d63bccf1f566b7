"""Texts that spreadsheets would read as formulas."""

import pyarrow as pa
import pytest

from core.spreadsheets import escape_formula, escape_formulas, unescape_formula

RISKY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a"]
HARMLESS = ["", "1-1", "a=b", " =1", "'quoted", "水壶", "[-1]"]


@pytest.mark.parametrize("text", RISKY)
def test_formula_begins_with_an_apostrophe(text: str) -> None:
    assert escape_formula(text) == "'" + text
    assert unescape_formula("'" + text) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays(text: str) -> None:
    assert (escape_formula(text), unescape_formula(text)) == (text, text)


def test_columns_of_text_are_escaped_alike() -> None:
    texts = [*RISKY, *HARMLESS, None]
    kinds = (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()))
    columns = [pa.array(texts).cast(kind) for kind in kinds]
    rows = escape_formulas(pa.table([*columns, pa.array(range(len(texts)))], ["a", "=b", "c", "d", "n"]))
    expected = [None if text is None else escape_formula(text) for text in texts]
    assert rows.column_names == ["a", "'=b", "c", "d", "n"]
    assert [rows.column(place).to_pylist() for place in range(4)] == [expected] * 4
    assert rows["n"].to_pylist() == list(range(len(texts)))
