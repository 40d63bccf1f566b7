"""Signatures rule out texts without a word's letters, but no text that contains the word."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.catalogue.signatures import LONG, SHORT, add_signatures, has_word

TEXTS = ["红色茶壶", "茶", "a red pot", "🫖", "pot\nred"]


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        add_signatures(connection)
        yield connection


@pytest.mark.parametrize(("columns", "signature"), [(SHORT, "short_signature"), (LONG, "long_signature")])
@given(texts=st.lists(st.sampled_from(TEXTS) | st.text(min_size=1, max_size=30), min_size=1), word=st.text(min_size=1))
def test_a_word_is_found_in_the_texts_that_contain_it(
    engine: duckdb.DuckDBPyConnection, columns: tuple[str, ...], signature: str, texts: list[str], word: str
) -> None:
    for one in (word, texts[0][: len(word)]):
        found = engine.execute(
            f"SELECT n FROM (SELECT n, text, unnest({signature}(text)) FROM "
            f"(SELECT unnest($1) AS text, unnest(range(len($1))) AS n)) WHERE {has_word(one, columns)} ORDER BY n",
            [texts],
        ).fetchall()
        assert [n for (n,) in found] == [n for n, text in enumerate(texts) if one in text]


def test_texts_without_the_letters_are_ruled_out(engine: duckdb.DuckDBPyConnection) -> None:
    condition = has_word("茶壶", SHORT).replace("contains(text, '茶壶')", "true")
    signed = "SELECT text, unnest(short_signature(text)) FROM (SELECT unnest($1) AS text)"
    assert engine.execute(f"SELECT text FROM ({signed}) WHERE {condition}", [TEXTS]).fetchall() == [("红色茶壶",)]
