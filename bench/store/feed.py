"""A synthetic Parquet feed of M5Product's shape, at any size.

    python -m bench.store.feed FILE [PRODUCTS]

Products, categories, merchants and duplicate groups are those of ``bench.splits.synthetic_catalogue``.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.splits.synthetic_catalogue import M5_PRODUCTS, make_catalogue
from bench.store.spec_lines import spec_lists, words

__all__ = ["SEED", "write_feed"]

SEED = 0
_CHUNK = 100_000
_CALLED = pa.array(["", " 电话13812345678"])
"""One title in a thousand holds a telephone number; one in twenty a part number that could be one."""


def write_feed(path: Path, products: int, seed: int = SEED) -> None:
    """Write a feed of so many products, 16 specifications each."""
    rows = make_catalogue(products, seed).products.select(["product_id", "sub_class_id", "merchant"])
    writer: pq.ParquetWriter | None = None
    for first in range(0, products, _CHUNK):
        table = _rows(rows.slice(first, _CHUNK), first, products, seed)
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=_CHUNK)
    if writer is not None:
        writer.close()


def _rows(given: pa.Table, first: int, of: int, seed: int) -> pa.Table:
    count = len(given)
    numbers = np.arange(first, first + count)
    native = pc.utf8_slice_codeunits(given["product_id"].combine_chunks(), 2)
    category = pc.cast(given["sub_class_id"].combine_chunks(), pa.string())
    called = _CALLED.take(pa.array((numbers % 1000 == 7).astype(np.int64)))
    model = pc.if_else(pa.array(numbers % 20 == 3), pc.binary_join_element_wise(" 型号", native, ""), "")
    title = pc.binary_join_element_wise("春季新款 合成商品 类目", category, " ", words(numbers), model, called, "")
    path = pc.binary_join_element_wise("合成 > 类目", category, "")
    image = pc.binary_join_element_wise("http://synthetic.example/i/", native, ".jpg", "")
    columns = {
        "id": native,
        "url": pc.binary_join_element_wise("http://synthetic.example/p/", native, ""),
        "title": title,
        "category": path,
        "merchant": given["merchant"].combine_chunks(),
        "brand": pc.binary_join_element_wise("牌", pa.array(numbers % 9000).cast(pa.string()), ""),
        "price": pa.array(numbers % 100_000 / 100).cast(pa.string()),
        "currency": pa.repeat("CNY", count),
        "availability": pa.repeat("InStock", count),
        "image_urls": pa.ListArray.from_arrays(pa.array(np.arange(count + 1), pa.int32()), image),
        "specs": spec_lists(first, count, of, seed),
    }
    return pa.table(columns)


if __name__ == "__main__":
    write_feed(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else M5_PRODUCTS)
