"""The ledger: for each product and modality, present, or the reason it is not."""

import pyarrow as pa

from m5data.modalities import modalities
from storage.tables import Column

__all__ = ["ledger_columns", "ledger_meaning", "ledger_sql", "number_word"]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def number_word(number: int) -> str:
    """Return a small number as a word."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def ledger_meaning() -> str:
    """Return what the ledger holds, in a sentence."""
    return f"One row a product: each of {number_word(len(modalities()))} modalities present, or the reason it is not."


def ledger_columns() -> tuple[Column, ...]:
    """Return the columns of the ledger, in order."""
    entries = (modality.ledger for modality in modalities())
    return (
        Column("product_id", pa.string(), "product"),
        *(Column(entry.column, pa.string(), entry.meaning) for entry in entries),
        Column("modalities", pa.int32(), "how many are present"),
    )


def ledger_sql() -> str:
    """Return the statement that creates the view ``ledger``."""
    entries = [modality.ledger for modality in modalities()]
    states = ",\n            ".join(f"{entry.state} AS {entry.column}" for entry in entries)
    joins = "\n        ".join(entry.joins for entry in entries if entry.joins)
    present = " + ".join(f"({entry.column} = 'present')::INTEGER" for entry in entries)
    return f"""
CREATE VIEW ledger AS
WITH
    best AS (  -- the best file of a product and kind, and why it is not usable where it is not
        SELECT product_id, kind,
               bool_or(state = 'ok') AS ok,
               first(sha256 ORDER BY state <> 'ok', position) AS sha256,
               first(coalesce(reason, state) ORDER BY position) AS reason
        FROM media GROUP BY product_id, kind
    ),
    refusal AS (  -- a video is asked for two results; the detail of a reject begins with the one it is about
        SELECT item,
               min(reason) FILTER (detail LIKE 'frames%') AS frames,
               min(reason) FILTER (detail LIKE 'sound%') AS sound
        FROM rejects WHERE stage = 'extract' GROUP BY item
    ),
    modality AS (
        SELECT p.product_id,
            {states}
        FROM products p
        LEFT JOIN best image ON image.product_id = p.product_id AND image.kind = 'image'
        LEFT JOIN best video ON video.product_id = p.product_id AND video.kind = 'video'
        LEFT JOIN refusal ON refusal.item = video.sha256
        {joins}
    )
SELECT *, ({present})::INTEGER AS modalities
FROM modality
"""  # noqa: S608
