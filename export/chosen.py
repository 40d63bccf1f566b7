"""Rows of ``splits`` that become samples: selected once, and read in parts that fit in memory."""

from collections.abc import Sequence
from itertools import pairwise
from types import TracebackType
from typing import Self

import pyarrow as pa

from core.engine import bucket_sql
from export.rights import Use
from storage import Snapshot
from storage.split_digest import digest_splits
from storage.tables import TABLES

__all__ = ["CHOSEN", "Chosen", "chosen_sql"]

CHOSEN = "chosen_rows"
"""Name by which queries read a part (``Snapshot.batches(given=)``)."""
_TOGETHER = 200_000
"""Approximate number of rows per part."""
_ANY = Use()


def chosen_sql(where: str | None, use: Use = _ANY) -> str:
    """Return a query for the rows of ``splits`` in a recipe's split whose products meet a condition.

    Args:
        where: SQL condition over the view ``catalogue``; None: all.
        use: Products whose use is refused are left out.
    """
    condition = f" and product_id in (select product_id from catalogue where {where})" if where else ""  # noqa: S608
    if refused := use.refused():
        condition += f" and product_id not in (select product_id from ({refused}))"  # noqa: S608 - constants
    return f"select * from splits where recipe = ? and split = ?{condition}"  # noqa: S608 - the user's own SELECT


class Chosen:
    """The chosen rows of some splits, on disk if there are many; the end of the context releases them."""

    def __init__(self, snapshot: Snapshot, recipe: str, splits: Sequence[str], where: str | None, use: Use) -> None:
        """Select the rows.

        Args:
            snapshot: The dataset version.
            recipe: The recipe.
            splits: Its splits.
            where: As for ``chosen_sql``.
            use: Likewise.

        Raises:
            QueryError: The condition is wrong.
        """
        self._buckets = snapshot.record.buckets
        query, schema = chosen_sql(where, use), TABLES["splits"].schema
        rows = (batch.cast(schema) for split in splits for batch in snapshot.batches(query, [recipe, split]))
        self._engine = snapshot.engines.lend()
        self._engine.register("found", pa.RecordBatchReader.from_batches(schema, rows))
        columns = f"*, {bucket_sql('product_id', self._buckets)} as bucket"
        self._engine.execute(f"create table chosen as select {columns} from found order by bucket")  # noqa: S608
        self._count = int(self._engine.execute("select count(*) from chosen").fetchall()[0][0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._engine.close()

    def bucket_ranges(self) -> list[range]:
        """Return ranges of neighbouring buckets; each makes one part, or several where a bucket has too many rows."""
        ranges = min(-(-self._count // _TOGETHER), self._buckets)
        ends = [self._buckets * number // max(ranges, 1) for number in range(ranges + 1)]
        return [range(first, end) for first, end in pairwise(ends)]

    def parts(self) -> list[tuple[range, str]]:
        """Return the buckets and the condition of each part; buckets with too many rows are divided by md5."""
        pieces = -(-self._count // (_TOGETHER * self._buckets))
        place = f"('0x' || left(md5(product_id), 2))::uinteger * {pieces} // 256"
        return [
            (own, f"bucket between {own[0]} and {own[-1]} and {place} = {piece}")
            for own in self.bucket_ranges()
            for piece in range(pieces)
        ]

    def rows(self, condition: str) -> pa.Table:
        """Return the rows that meet a condition, with the columns of ``splits`` and their ``bucket``."""
        return self._engine.sql(f"select * from chosen where {condition}").to_arrow_table()  # noqa: S608 - our own

    def products(self) -> pa.Table:
        """Return the different products of all rows."""
        return self._engine.sql("select distinct product_id from chosen").to_arrow_table()

    def digests(self) -> dict[str, str]:
        """Return split -> digest of its chosen rows."""
        return digest_splits(self._engine, "chosen")
