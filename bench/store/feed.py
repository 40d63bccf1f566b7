"""A synthetic Parquet feed of M5Product's shape and of any size.

    python -m bench.store.feed FILE [PRODUCTS]

Products, categories, merchants and duplicate groups are those of ``bench.splits.synthetic_catalogue``.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.splits.synthetic_catalogue import M5_PRODUCTS, make_catalogue

__all__ = ["SEED"]

LINES = 16
"""Specifications per product."""
PROPERTIES = 5_679
_VALUES = 24_398_673  # distinct pairs of property and value, at M5Product's 6,313,067 products
_COMMON = 20  # values that each property repeats
_PRODUCTS = 6_313_067

Rows = npt.NDArray[np.int64]

_NAMES = ("颜色", "材质", "尺寸", "品牌", "产地", "型号", "容量", "重量", "风格", "图案", "功率", "适用季节")
_UNITS = (" ml", " cm", " kg", "W", "", "", "", "", "", "", "", "")
_SYLLABLES = pa.array([a + b for a in "bdfgklmnprst" for b in "aeiou"])


def spec_lists(first: int, products: int, of: int, seed: int) -> pa.ListArray:
    """Return the specification tables of products ``first`` to ``first + products`` of a catalogue of ``of``.

    Every property has 20 repeated values, with frequencies falling as 1 / rank; other lines, about one in four,
    introduce a new value, such that a catalogue of M5Product's size has M5Product's number of values. Two in a hundred
    of these hold a size with more than five digits, which at first looks like a telephone number.
    """
    random = np.random.default_rng([seed, first])
    lines = np.arange(first * LINES, (first + products) * LINES, dtype=np.int64)
    properties = _zipf(random, len(lines), PROPERTIES)
    common = _zipf(random, len(lines), _COMMON)
    new, total = max(_VALUES * of // _PRODUCTS - PROPERTIES * _COMMON, 0), of * LINES
    number = lines * new // total
    introduced = (lines + 1) * new // total > number
    values = pc.if_else(pa.array(introduced), _own(properties, number), _repeated(properties, common))
    names = pa.array(_property_names()).take(pa.array(properties))
    pairs = pa.StructArray.from_arrays([names, values], ["property", "value"])
    return pa.ListArray.from_arrays(pa.array(np.arange(products + 1) * LINES, pa.int32()), pairs)


def words(numbers: Rows) -> pa.Array:
    """Return a word of five syllables for each number, distinct below 777 million."""
    mixed = numbers * 331_984_567 % 60**5
    parts = [_SYLLABLES.take(pa.array(mixed // 60**place % 60)) for place in range(5)]
    return pc.binary_join_element_wise(*parts, "")


def _zipf(random: np.random.Generator, count: int, ranks: int) -> Rows:
    weights = np.cumsum(1 / np.arange(1, ranks + 1))
    return np.asarray(np.searchsorted(weights, random.random(count) * weights[-1]), dtype=np.int64)


def _property_names() -> list[str]:
    return [f"{_NAMES[rank % len(_NAMES)]}{rank // len(_NAMES) or ''}" for rank in range(PROPERTIES)]


def _repeated(properties: Rows, common: Rows) -> pa.Array:
    """Return the repeated values: for one property in three a number with a unit, as ``25 ml``."""
    table = [f"{25 * (k + 1)}{unit}" if unit else _NAMES[k % 12] + str(k) for unit in _UNITS for k in range(_COMMON)]
    return pa.array(table).take(pa.array(properties % len(_UNITS) * _COMMON + common))


def _own(properties: Rows, number: Rows) -> pa.Array:
    """Return a word of five syllables unique to the line, some with a number or a size before it."""
    sizes = np.where(number % 50 == 0, "120x60x45 cm ", np.where(properties % 3 == 0, "12 ", ""))
    return pc.binary_join_element_wise(pa.array(sizes, pa.string()), words(number), "")


SEED = 0
_CHUNK = 100_000
_CALLED = pa.array(["", " 电话13812345678"])
"""One title in a thousand holds a telephone number; one in twenty, a part number that could be one."""


def write_feed(path: Path, products: int, seed: int = SEED) -> None:
    """Write a feed of products with 16 specifications each."""
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
