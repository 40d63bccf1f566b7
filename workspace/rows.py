"""The result of a query: an Arrow table that prints as DuckDB prints its own."""

from typing import Any

import pyarrow as pa

from core.errors import UsageError
from workspace.notebook import rows_html

__all__ = ["Rows"]


class Rows:
    """Rows of a query. It has every attribute of the Arrow table, and prints as a box; notebooks show a table.

    Libraries that speak Arrow (pandas, polars, DuckDB, pyarrow's own ``pa.table``) take it as it is; functions of
    pyarrow that ask for a ``pyarrow.Table`` take ``rows.table``.
    """

    __slots__ = ("table",)

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the table
        return getattr(self.table, name)

    def __getitem__(self, key: object) -> Any:  # noqa: ANN401 - a column, or some rows
        return self.table[key]

    def __len__(self) -> int:
        return len(self.table)

    def __eq__(self, other: object) -> bool:
        return bool(self.table == (other.table if isinstance(other, Rows) else other))

    __hash__ = None  # type: ignore[assignment]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.table)})

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the rows as an Arrow C stream."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        """Return a box, of the first and last rows if there are many."""
        import duckdb  # noqa: PLC0415 - only to print

        with duckdb.connect() as connection:
            return str(connection.from_arrow(self.table))

    def _repr_html_(self) -> str:
        return rows_html(self.table)

    def to_pandas(self, **options: Any) -> Any:  # noqa: ANN401 - pandas is optional
        """Return a pandas DataFrame; the options are those of ``pyarrow.Table.to_pandas``.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401, ICN001, PLC0415 - asks whether it is there
        except ModuleNotFoundError:
            raise UsageError("to_pandas: pandas is not installed. Run: pip install pandas") from None
        return self.table.to_pandas(**options)
