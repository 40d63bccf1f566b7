"""The view of specifications that are numbers, typed."""

import pyarrow as pa

from storage.schemas import Column

__all__ = ["SPEC_NUMBERS_COLUMNS", "SPEC_NUMBERS_MEANING", "SPEC_NUMBERS_SQL"]

SPEC_NUMBERS_MEANING = "One row a specification whose value is one number, with or without a unit behind it."

SPEC_NUMBERS_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column("position", pa.int32(), "line of the specification table, from 0"),
    Column("property", pa.string(), "shared name where aligned, else as published"),
    Column("value", pa.string(), "value as published, contact details masked"),
    Column("number", pa.float64(), "value_norm, else value, as a number"),
    Column("unit", pa.string(), "unit where aligned, else what stands behind the number; NULL: none", nullable=True),
)

SPEC_NUMBERS_SQL = r"""
CREATE VIEW spec_numbers AS
SELECT product_id, position, coalesce(property_norm, property) AS property, value,
       try_cast(regexp_extract(coalesce(value_norm, value), '^[-+]?\d+(\.\d+)?') AS DOUBLE) AS number,
       coalesce(unit, nullif(regexp_extract(value, '^[-+]?\d+(?:\.\d+)? ?(.*)$', 1), '')) AS unit
FROM specs WHERE regexp_full_match(coalesce(value_norm, value), '[-+]?\d+(\.\d+)?( ?[^\d\s]{1,8})?')
"""
