"""Tables that users pass in: anything with the Arrow C stream interface."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import pyarrow as pa

from core.errors import DataError

__all__ = ["ArrowStream", "read_columns"]


@runtime_checkable
class ArrowStream(Protocol):
    """A table of pyarrow, pandas, polars, DuckDB or any other library with the Arrow C stream interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the table as an Arrow C stream."""


def read_columns(data: ArrowStream, columns: Sequence[str], name: str) -> pa.Table:
    """Return columns of a table, in the given order.

    Args:
        data: The table.
        columns: Names of the columns.
        name: Name of the table in error messages.

    Raises:
        DataError: ``data`` is not a table, or a column is missing.
    """
    try:
        table = data if isinstance(data, pa.Table) else pa.table(data)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{name}: this is not a table that Arrow can read ({error}).") from None
    if missing := [column for column in columns if column not in table.column_names]:
        raise DataError(
            f"{name}: missing columns {', '.join(missing)}; the table has {', '.join(table.column_names) or 'none'}."
        )
    return table.select(list(columns))
