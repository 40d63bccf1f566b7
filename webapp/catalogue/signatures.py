"""Signatures: bits for the letters that a text may contain, so that a search reads few of many texts.

A letter sets one of 64 bits in the signature of a short text, one of 256 in that of a long text. A text whose signature
lacks a bit of a word's letters does not contain the word.
"""

from collections.abc import Sequence
from functools import partial

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType
from numpy.typing import NDArray

from core.engine import text as quoted

__all__ = ["LONG", "SHORT", "add_signatures", "has_word"]

SHORT = ("letters",)
"""Columns of the signature of a short text; ``short_signature(text)`` is a struct of them."""
LONG = ("letters_0", "letters_1", "letters_2", "letters_3")
"""Columns of the signature of a long text; ``long_signature(text)`` is a struct of them."""
_MULTIPLIER = 2_654_435_761  # of Knuth's multiplicative hash, modulo 2 ** 32
_BITS = 64


def add_signatures(engine: duckdb.DuckDBPyConnection) -> None:
    """Add the SQL functions ``short_signature`` and ``long_signature`` to a connection."""
    for name, columns in (("short_signature", SHORT), ("long_signature", LONG)):
        kind = duckdb.struct_type(dict.fromkeys(columns, "UBIGINT"))
        engine.create_function(name, partial(_sign, columns), ["VARCHAR"], kind, type=PythonUDFType.ARROW)


def has_word(word: str, columns: Sequence[str]) -> str:
    """Return the SQL condition that a column ``text``, which has signature columns, contains a word.

    DuckDB may evaluate the parts of a conjunction in any order; a CASE reads the text only if the bits are set.
    """
    bits = [0] * len(columns)
    for place in _places(word, len(columns)):
        bits[place // _BITS] |= 1 << int(place % _BITS)
    tests = [
        f"{name} & {asked}::UBIGINT = {asked}::UBIGINT" for name, asked in zip(columns, bits, strict=True) if asked
    ]
    return f"CASE WHEN {' AND '.join(tests)} THEN contains(text, {quoted(word)}) ELSE false END"


def _sign(columns: Sequence[str], texts: pa.Array) -> pa.Array:
    """Return the signatures of texts, none of which may be empty."""
    listed = texts.to_pylist()
    places = _places("".join(listed), len(columns))
    starts = np.cumsum([0, *map(len, listed[:-1])])
    bit = np.left_shift(np.uint64(1), (places % _BITS).astype(np.uint64))
    signs = [
        np.bitwise_or.reduceat(np.where(places // _BITS == number, bit, np.uint64(0)), starts)
        for number in range(len(columns))
    ]
    return pa.StructArray.from_arrays([pa.array(one) for one in signs], list(columns))


def _places(text: str, columns: int) -> NDArray[np.uint32]:
    """Return the position of each letter's bit in a signature of ``columns`` columns."""
    letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return (letters * np.uint32(_MULTIPLIER) >> np.uint32(16)) % np.uint32(columns * _BITS)
