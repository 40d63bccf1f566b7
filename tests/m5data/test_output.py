"""Rows in every format: what a format has not becomes text."""

import json
import math
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from core.errors import UsageError
from core.row_formats import plain_json
from m5data.cli.output import write_rows
from workspace.rows import Rows

VALUES = {
    "interval 3 day": "3 days",
    "interval '1 month 90 second'": "1 month 00:01:30",
    "interval 0 day": "00:00:00",
    "'\\xAA\\x00'::blob": "qgA=",
    "union_value(number := 1)": 1,
    "map {'a': interval 1 day}": [["a", "1 day"]],
    "{'a': 'nan'::double, 'b': '\\xAA'::blob}": {"a": "nan", "b": "qg=="},
    "['infinity'::float, 1]": ["inf", 1.0],
    "0.0 / 0": "nan",
    "1.50::decimal(9, 2)": "1.50",
    "'a'::enum('a', 'b')": "a",
    "time '01:02:03'": "01:02:03",
    "null": None,
}


def rows_of(expression: str) -> pa.RecordBatchReader:
    with duckdb.connect() as connection:
        return connection.sql(f"select {expression} as x").to_arrow_table().to_reader()


def written(expression: str, form: str, folder: Path) -> Path:
    out = folder / f"rows.{form}"
    write_rows(rows_of(expression), form, out)
    return out


@pytest.mark.parametrize(("expression", "value"), VALUES.items())
def test_json_has_only_what_the_standard_has(expression: str, value: object, tmp_path: Path) -> None:
    text = written(expression, "json", tmp_path).read_text(encoding="utf-8")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(text, parse_constant=refuse) == [{"x": value}]


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("expression", VALUES)
def test_every_type_is_written(expression: str, form: str, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        assert len(connection.execute(f"from '{written(expression, form, tmp_path)}'").fetchall()) == 1


def test_csv_has_intervals_and_bytes_as_text(tmp_path: Path) -> None:
    assert written("interval 2 day", "csv", tmp_path).read_text() == '"x"\n"2 days"\n'
    assert written("'\\xAA'::blob", "csv", tmp_path).read_text() == '"x"\n"qg=="\n'


def test_a_date_that_python_has_not_is_text(tmp_path: Path) -> None:
    assert json.loads(written("date '0044-03-15 (BC)'", "json", tmp_path).read_text()) == [{"x": "0044-03-15 (BC)"}]


def test_printed_json_has_no_nan() -> None:
    assert plain_json({"a": math.nan, 2: [math.inf, b"a"]}) == {"a": "nan", "2": ["inf", "YQ=="]}


def test_rows_of_a_query_print_as_a_box_and_are_a_table() -> None:
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    rows = Rows(table)
    assert str(rows).splitlines()[1].split() == ["│", "a", "│", "b", "│"]
    assert (rows.to_pylist(), rows["b"].to_pylist(), len(rows)) == (table.to_pylist(), ["x", None], 2)
    assert pa.table(rows) == table == rows.table
    assert rows == Rows(table)
    assert rows.to_pandas()["a"].tolist() == [1, 2]


def test_without_pandas_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"to_pandas: pandas is not installed\. Run: pip install pandas"):
        Rows(pa.table({"a": [1]})).to_pandas()
