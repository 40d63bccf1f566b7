"""Texts that people wrote, such as saved views and tags, that have words which only the target's products have."""

import re
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import unquote_plus

import duckdb

from core.engine import quote
from storage import Store

__all__ = ["find_remains"]

_WORD = re.compile(r"[^\W_]{4,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
_NO_TEXTS = frozenset({"tombstones", "migrations", "exports", "frontiers", "sqlite_sequence"})
_TEXTS = """
    SELECT caption AS text FROM products WHERE caption IS NOT NULL AND (product_id IN (FROM own)) = {own}
    UNION ALL SELECT property || ' ' || value FROM specs WHERE (product_id IN (FROM own)) = {own}
"""
_OTHERS = f"SELECT text FROM ({_TEXTS.format(own='false')}) WHERE regexp_matches(text, ?, 'i')"  # noqa: S608


def find_remains(store: Store, engine: duckdb.DuckDBPyConnection, ids: frozenset[str]) -> tuple[str, ...]:
    """Return where the state has such texts, by table and row: the texts themselves name the target.

    Rows that have a product's id are left out, because a take-down deletes them.

    Args:
        store: The workspace's storage.
        engine: Connection with the tables, and ``own``, the products.
        ids: Product ids and hashes whose rows are deleted.
    """
    written = [(place, words) for place, words in _state_texts(store, ids) if words]
    asked = set().union(*(words for _, words in written)) if written else set()
    if not asked:
        return ()
    own = {w for (text,) in engine.execute(_TEXTS.format(own="true")).fetchall() for w in _words(text)} & asked
    if own:
        pattern = "|".join(re.escape(word) for word in sorted(own))
        own -= {word for (text,) in engine.execute(_OTHERS, [pattern]).fetchall() for word in _words(text)}
    return tuple(place for place, words in written if words & own)


def _state_texts(store: Store, ids: frozenset[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield the place of each row of the state, and the words in its texts."""
    with closing(store.state.connect_reading()) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        ]
        for name in names:
            if name in _NO_TEXTS:
                continue
            for number, row in enumerate(connection.execute(f"SELECT * FROM {quote(name)}"), 1):  # noqa: S608
                texts = [value for value in row if isinstance(value, str)]
                if ids.isdisjoint(texts):
                    words = set().union(*map(_words, texts)) if texts else set()
                    yield f"a text of yours with a word of it: state.sqlite, table {name}, row {number}", words


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(unquote_plus(text))}
