"""Texts in CSV files that people open in spreadsheets, which would run some of them as formulas."""

import re

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["escape_formula", "escape_formulas", "unescape_formula"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings of a cell that spreadsheets may read as a formula (OWASP, "CSV Injection")."""
_BEGINS_FORMULA = rf"\A[{re.escape(''.join(_FORMULA))}]"


def escape_formula(text: str) -> str:
    """Return a text with an apostrophe before it if a spreadsheet would read it as a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def unescape_formula(text: str) -> str:
    """Return the text that ``escape_formula`` was given."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def escape_formulas(rows: pa.Table) -> pa.Table:
    """Return a table with ``escape_formula`` applied to the names and values of its columns of text."""
    columns = [_escaped(column) if _is_text(column.type) else column for column in rows.columns]
    return pa.table(columns, [escape_formula(name) for name in rows.column_names])


def _is_text(kind: pa.DataType) -> bool:
    held = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held))


def _escaped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = column.cast(pa.large_string())
    risky = pc.match_substring_regex(texts, _BEGINS_FORMULA)
    return pc.if_else(risky, pc.binary_replace_slice(texts, 0, 0, "'"), texts)
