"""Taking samples out of a Parquet shard."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from export.cut import Cut

__all__ = ["cut_parquet", "parquet_holds"]

_NAMED = ("group_id", "label")


def parquet_holds(path: Path, cut: Cut) -> bool:
    """Tell whether the shard holds or names one of the products."""
    rows = pq.read_table(path, columns=["product_id", *_NAMED]).to_pylist()
    return any(cut.touches(row["product_id"], row["group_id"], row["label"]) for row in rows)


def cut_parquet(path: Path, draft: Path, cut: Cut) -> int:
    """Write the shard without the products to ``draft``, a row group at a time; return the samples left."""
    left = 0
    with pq.ParquetFile(path) as shard:
        schema = shard.schema_arrow
        with pq.ParquetWriter(draft, schema, compression="zstd", write_statistics=["product_id"]) as writer:
            for group in range(shard.num_row_groups):
                rows = _without(shard.read_row_group(group), cut)
                left += rows.num_rows
                if rows.num_rows:
                    writer.write_table(rows)
    return left


def _without(rows: pa.Table, cut: Cut) -> pa.Table:
    gone = pc.is_in(rows["product_id"], value_set=pa.array(sorted(cut.products), pa.string()))
    rows = rows.filter(pc.invert(gone))
    for name in _NAMED:
        values = [cut.groups.get(value, value) for value in rows[name].to_pylist()]
        rows = rows.set_column(
            rows.schema.get_field_index(name), rows.schema.field(name), pa.array(values, pa.string())
        )
    return rows
