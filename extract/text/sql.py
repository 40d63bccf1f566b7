"""The functions of this package as DuckDB functions.

Most texts of a catalogue are plain: Chinese, ASCII letters and digits, and common signs. DuckDB processes
those itself, on all cores; Python processes the others. The results are the same.
"""

from collections.abc import Callable

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

from extract.text import PROMOTIONS, clean, language, length, marked, normalise_all, value_parts, word_count
from extract.text.agreement import BORDER, MIN_LENGTH, SEPARATORS

__all__ = ["add_normal", "add_text_functions"]

_HAN = r"\x{4e00}-\x{9fff}"
# `normalise` only changes the case of these texts: no sign or white space is repeated or at an end.
_NORMAL_BUT_CASE = rf"[0-9A-Za-z{_HAN}]+([ ./+*%:_-][0-9A-Za-z{_HAN}]+)*"
_NORMAL = f"""
CREATE TEMP MACRO normal(text) AS
    CASE WHEN regexp_full_match(text, '{_NORMAL_BUT_CASE}') THEN lower(text) ELSE normalise(text) END
"""

# Without `&`, which may begin an HTML entity. NFKC changes none of these characters.
_PLAIN = rf"[ -%''-~{_HAN}、。【】《》]*"
_UNTIDY = "^ |  | $|!!|[?][?]|~~|" + "|".join(PROMOTIONS)
_MACROS = (
    f"CREATE TEMP MACRO plain(text) AS regexp_full_match(text, '{_PLAIN}')",
    # Each piece between separators occurs once, so nothing is repeated.
    f"""
    CREATE TEMP MACRO tidy(text) AS NOT regexp_matches(text, '{_UNTIDY}')
        AND length(regexp_split_to_array(text, '[ !,.~]+')) = list_unique(regexp_split_to_array(text, '[ !,.~]+'))
    """,
    "CREATE TEMP MACRO clean(text) AS CASE WHEN plain(text) AND tidy(text) THEN text ELSE clean_any(text) END",
    """
    CREATE TEMP MACRO characters(text) AS
        CASE WHEN plain(text) THEN length(replace(text, ' ', ''))::INTEGER ELSE characters_any(text) END
    """,
    # A Chinese character counts half as much as a Latin word, as in `language`.
    """
    CREATE TEMP MACRO plain_language(chinese, latin) AS
        CASE WHEN chinese + latin = 0 THEN 'zxx' WHEN chinese >= 2 * latin THEN 'zh' ELSE 'und-Latn' END
    """,
    f"""
    CREATE TEMP MACRO language(text) AS CASE WHEN plain(text) THEN plain_language(
        length(regexp_replace(text, '[^{_HAN}]+', '', 'g')), length(regexp_extract_all(text, '[A-Za-z]+'))
    ) ELSE language_any(text) END
    """,
    # Add borders, then remove everything outside the pieces; a point stays only after a digit, within a number.
    rf"""
    CREATE TEMP MACRO plain_marked(text, separators) AS regexp_replace(regexp_replace(regexp_replace(
        lower(text), '([0-9]+(?:[.][0-9]+)*|[a-z]+)', '{BORDER}\1{BORDER}', 'g'),
        '[^{BORDER}0-9a-z{_HAN}.' || separators || ']+', '', 'g'), '(^|[^0-9])[.]+', '\1', 'g')
    """,
    "CREATE TEMP MACRO marked(text) AS CASE WHEN plain(text) THEN plain_marked(text, '') ELSE marked_any(text) END",
    f"""
    CREATE TEMP MACRO value_parts(text) AS CASE WHEN plain(text) THEN list_filter(
        list_distinct(regexp_split_to_array(plain_marked(text, '{SEPARATORS}'), '[{SEPARATORS}]')),
        lambda part: length(replace(part, '{BORDER}', '')) >= {MIN_LENGTH}
    ) ELSE value_parts_any(text) END
    """,
)


def add_normal(connection: duckdb.DuckDBPyConnection) -> None:
    """Register ``normalise`` as ``normal(text)``."""

    def over_column(texts: pa.ChunkedArray) -> pa.Array:
        missing = texts.is_null().to_numpy()
        return pa.array(normalise_all(texts.fill_null("").to_pylist()), pa.string(), mask=missing)

    connection.create_function("normalise", over_column, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
    connection.execute(_NORMAL)


def add_text_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions of ``extract.text``; they return NULL for NULL.

    ``normal``, ``clean``, ``marked``, ``language``: text; ``characters``, ``word_count``: INTEGER;
    ``value_parts``: a list of texts in any order. Close the connection afterwards: it keeps the functions alive.
    """
    add_normal(connection)
    _add_function(connection, "clean_any", clean, "VARCHAR", pa.string())
    _add_function(connection, "marked_any", marked, "VARCHAR", pa.string())
    _add_function(connection, "language_any", language, "VARCHAR", pa.string())
    _add_function(connection, "characters_any", length, "INTEGER", pa.int32())
    _add_function(connection, "word_count", word_count, "INTEGER", pa.int32())
    _add_function(connection, "value_parts_any", value_parts, "VARCHAR[]", pa.list_(pa.string()))
    for macro in _MACROS:
        connection.execute(macro)


def _add_function(
    connection: duckdb.DuckDBPyConnection, name: str, function: Callable[[str], object], sql: str, arrow: pa.DataType
) -> None:
    """Register a function of one text, which never receives NULL.

    Args:
        connection: DuckDB.
        name: Its name in SQL.
        function: Pure function.
        sql: Type of its result.
        arrow: The same type in Arrow.
    """

    def over_column(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([None if text is None else function(text) for text in texts.to_pylist()], arrow)

    connection.create_function(name, over_column, ["VARCHAR"], sql, type=PythonUDFType.ARROW)
