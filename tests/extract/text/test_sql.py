"""SQL and Python return the same result for every text."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extract.text import PROMOTIONS, clean, language, length, marked, value_parts, word_count
from extract.text.sql import add_text_functions

_PIECES = [
    *PROMOTIONS[-6:],
    "女鞋",
    "红",
    "ABC",
    "e",
    "25",
    "1.5",
    ".",
    "..",
    " ",
    "  ",
    "!",
    "!!",
    "~",
    ",",
    "、",
    ";",
    "|",
    "/",
]
_PIECES += [
    "_",
    "-",
    "'",
    '"',
    "\\",
    "&amp;",
    "，",
    "½",
    "é",
    "ｍ",
    "\t",
    "\x1f",
    "\u200b",
    "カ",
    "한",
    "【",
    "】",
    "😀",
    "x" * 70,
]
texts = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join) | st.text(max_size=12)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        add_text_functions(connection)
        yield connection


@given(texts)
@example("女鞋 女鞋 红")
@example("包邮 女鞋 包邮")
@example("红色、XL/红色,1.5.2.a")
@example("a1.b..2 .5 5.")
def test_sql_gives_what_python_gives(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    columns = "clean($1), language($1), characters($1), word_count($1), marked($1), list_sort(value_parts($1))"
    expected = (clean(text), language(text), length(text), word_count(text), marked(text), sorted(value_parts(text)))
    assert connection.execute(f"SELECT {columns}", [text]).fetchall() == [expected]


def test_null_stays_null(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("normal", "clean", "language", "characters", "word_count", "marked", "value_parts"):
        assert connection.execute(f"SELECT {name}(NULL::VARCHAR)").fetchall() == [(None,)], name
