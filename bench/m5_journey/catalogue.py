"""A synthetic catalogue of M5Product's shape and of any size, as one Parquet feed per shop.

    python -m bench.m5_journey.catalogue FOLDER [PRODUCTS]

Captions have 20 to 40 Chinese words: two thirds by Zipf's law from 50,000, the others from 40 words of the category.
Products have 16 specifications. Eight in a hundred are near duplicates of another in their shop: at most two words and
one line of the table differ. One in a hundred is such a copy in another shop, which may spell properties differently.
Two in a hundred are variants: nearly the same caption, but five lines of the table differ. ``later.parquet`` is the
feed of a fourth shop, with one per cent more products. ``truth-*.parquet`` lists the planted copies and variants, and
the equal categories and properties.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.m5_journey.names import SHOPS, Names, make_names, vocabulary

__all__ = ["LATER", "LINES", "M5_PRODUCTS", "write_catalogue"]

M5_PRODUCTS = 6_313_067
LINES = 16
"""Specifications per product."""
LATER = "later"
_MAX_WORDS = 40
_TOPIC = 40  # words of a category
_CHOICE = 48  # properties of a category
_KINDS = ("original", "copy", "elsewhere", "variant")
_COPIES, _ELSEWHERE, _VARIANTS = 0.08, 0.01, 0.02
_LATER = 0.01
_COMMON, _OWN = 20, 0.24  # values that a property repeats; share of lines with a value that no other product has
_MERCHANTS = 1_000_517
_FEEDS = (*SHOPS, LATER)
_CHUNK = 50_000
_CELLS = 1 << 22

Rows = npt.NDArray[np.int64]

_TOKENS = [
    *(f" {n}ml" for n in range(50, 1050, 50)),
    *(f" {n}克*{k}袋" for n in range(100, 600, 100) for k in range(2, 7)),
    *(f"{y}新款" for y in range(2015, 2025)),
    *(f" {n}件套" for n in range(2, 13)),
    *(f" {a}x{a // 2}x{a // 3}cm" for a in range(30, 200, 10)),
    *(f" GB/T {n}-2018" for n in range(10_000, 40_000, 3_000)),
    *(f" 货号20{n}" for n in range(210_001, 240_000, 1_999)),
]
_CONTACTS = [" 电话13812345678", " 微信号：shop_8842", " QQ 4458812", " 联系 sales@synthetic.example"]


@dataclass(frozen=True, slots=True)
class Draws:
    """The distributions from which products are drawn."""

    names: Names
    words: pa.Array
    """Each word twice: alone, and followed by a space."""
    zipf: Rows
    """Word of each cell; the number of a word's cells is proportional to its frequency."""
    topics: Rows
    """[leaves, 40]: words of each category."""
    choice: Rows
    """[leaves, 48]: properties of each category, all different."""
    leaf_cells: Rows
    common_values: pa.Array
    """[properties × 20]"""


def prepare(seed: int) -> Draws:
    """Return the distributions from which products are drawn."""
    words = vocabulary()
    names = make_names(words, seed)
    random = np.random.default_rng([seed, 2])
    leaves, properties = names.carried.shape[1], len(names.properties[0])
    zipf = _cells(1 / np.arange(1, len(words) + 1))
    return Draws(
        names,
        pa.array(words + [f"{word} " for word in words]),
        zipf,
        random.integers(100, 20_000, (leaves, _TOPIC)),
        _choices(random, leaves, properties),
        _cells(1 / (random.permutation(leaves) + 20)),
        _common_values(words, random, properties),
    )


def _cells(weights: npt.NDArray[np.float64]) -> Rows:
    ends = np.cumsum(weights) / weights.sum()
    return np.searchsorted(ends, (np.arange(_CELLS) + 0.5) / _CELLS)


def _choices(random: np.random.Generator, leaves: int, properties: int) -> Rows:
    """Return 48 properties per leaf: 8 of the 30 commonest, 20 by Zipf's law, and 20 such that none is left out."""
    common = random.random((leaves, 30)).argsort(axis=1)[:, :8]
    cells = _cells(1 / np.arange(1, properties - 29))
    some = 30 + cells[random.integers(0, _CELLS, (leaves, 20))]
    rest = 30 + (np.arange(leaves * 20) % (properties - 30)).reshape(leaves, 20)
    chosen = np.concatenate([common, some, rest], axis=1)
    for row in chosen:
        _, first = np.unique(row, return_index=True)
        again = np.setdiff1d(np.arange(_CHOICE), first)
        row[again] = random.choice(np.setdiff1d(np.arange(30, properties), row), len(again), replace=False)
    return chosen


def _common_values(words: list[str], random: np.random.Generator, properties: int) -> pa.Array:
    """Return 20 values per property; one property in three has numbers with a unit."""
    units = random.choice([" ml", "cm", " kg", "W", "mm", "g"], properties)
    steps = random.choice([1, 5, 25, 100], properties)
    drawn = random.integers(100, 30_000, (properties, _COMMON))
    numeric = np.arange(properties) % 3 == 2
    return pa.array(
        f"{steps[p] * (k + 1)}{units[p]}" if numeric[p] else words[drawn[p, k]]
        for p in range(properties)
        for k in range(_COMMON)
    )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Products created together; copies are made from products of the same chunk."""

    origin: Rows
    """Position of the product of which each is a copy or variant, or its own position."""
    kind: Rows
    """Index of each product's kind in ``_KINDS``."""
    shop: Rows
    """Index of the shop whose names each product uses."""
    is_later: npt.NDArray[np.bool_]
    leaf: Rows
    table: pa.Table


def make_chunk(draws: Draws, first: int, count: int, of: int, seed: int) -> Chunk:
    """Return products ``first`` to ``first + count`` of a catalogue of ``of``."""
    random = np.random.default_rng([seed, 3, first])
    numbers = np.arange(first, first + count)
    origin, kind = _origins(random, count)
    leaf = draws.leaf_cells[random.integers(0, _CELLS, count)][origin]
    shop = _shops(random, draws.names.carried, leaf)
    shop = np.where((kind == 1) | (kind == 3), shop[origin], shop)
    is_later = random.random(count) < _LATER / (1 + _LATER)
    path = draws.names.leaf_paths
    leaves = len(path[0])
    native = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0")
    url = pc.binary_join_element_wise("http://synthetic.example/p/", native, "")
    columns = {
        "id": native,
        "url": url,
        "title": _captions(random, draws, leaf, origin, numbers),
        "category": pa.array([p for paths in path for p in paths]).take(pa.array(shop * leaves + leaf)),
        "merchant": _numbered("店铺", random.integers(0, max(of * _MERCHANTS // M5_PRODUCTS, 10), count)),
        "brand": _numbered("牌", (numbers % 9_000)[origin]),
        "price": pa.array((numbers % 100_000)[origin] / 100).cast(pa.string()),
        "currency": pa.repeat("CNY", count),
        "availability": pa.repeat("InStock", count),
        "image_urls": pa.ListArray.from_arrays(
            pa.array(np.arange(count + 1), pa.int32()), pc.binary_join_element_wise(url, ".jpg", "")
        ),
        "specs": _specs(random, draws, leaf, origin, kind, shop, numbers),
    }
    return Chunk(origin, kind, shop, is_later, leaf, pa.table(columns))


def _origins(random: np.random.Generator, count: int) -> tuple[Rows, Rows]:
    """Return the position of the product from which each is made, and the index of its kind in ``_KINDS``."""
    shares = [0, int(count * _COPIES), int(count * _ELSEWHERE), int(count * _VARIANTS)]
    shuffled = random.permutation(count)
    derived = sum(shares)
    origin = np.arange(count)
    origin[shuffled[:derived]] = random.choice(shuffled[derived:], derived)
    kind = np.zeros(count, dtype=np.int64)
    kind[shuffled[:derived]] = np.repeat(np.arange(4), shares)
    return origin, kind


def _shops(random: np.random.Generator, carried: npt.NDArray[np.bool_], leaf: Rows) -> Rows:
    """Return the shop of each product: one of those that have its category, most often the first."""
    chance = carried[:, leaf] * np.array([[0.5], [0.3], [0.2]])
    ends = np.cumsum(chance, axis=0) / chance.sum(axis=0)
    return np.asarray((random.random(len(leaf)) > ends[:-1]).sum(axis=0))


def _captions(
    random: np.random.Generator,
    draws: Draws,
    leaf: Rows,
    origin: Rows,
    numbers: Rows,
) -> pa.Array:
    count = len(leaf)
    is_copy = origin != np.arange(count)
    shape = (count, _MAX_WORDS)
    chosen = draws.zipf[random.integers(0, _CELLS, shape)]
    topical = np.take_along_axis(draws.topics[leaf[origin]], random.integers(0, _TOPIC, shape), axis=1)
    chosen = np.where(random.random(shape) < 1 / 3, topical, chosen)
    chosen += (len(draws.words) // 2) * (random.random(shape) < 1 / 6)
    chosen, length = chosen[origin], random.integers(20, _MAX_WORDS + 1, count)[origin]
    edits = np.minimum(random.integers(0, 3, count), 1 + (length >= 32)) * is_copy
    for edit in range(2):
        rows = np.flatnonzero(edits > edit)
        chosen[rows, (random.random(len(rows)) * length[rows]).astype(np.int64)] = random.integers(
            100, 20_000, len(rows)
        )
    flat = chosen[np.arange(_MAX_WORDS) < length[:, None]]
    ends = pa.array(np.concatenate([[0], np.cumsum(length)]), pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(ends, draws.words.take(pa.array(flat))), "")
    token = random.integers(0, 3 * len(_TOKENS), count)[origin]
    tokens = pa.array([*_TOKENS, *[""] * 2 * len(_TOKENS)]).take(pa.array(token))
    contact = pa.array([*_CONTACTS, ""]).take(pa.array(np.where(numbers % 1000 == 7, numbers % 4, 4)))
    return pc.binary_join_element_wise(joined, tokens, contact, "")


def _specs(
    random: np.random.Generator,
    draws: Draws,
    leaf: Rows,
    origin: Rows,
    kind: Rows,
    shop: Rows,
    numbers: Rows,
) -> pa.ListArray:
    count = len(leaf)
    lines = np.arange(LINES)
    start, stride = random.integers(0, 40, count)[origin], random.choice([1, 3, 7, 9], count)[origin]
    place = np.where(lines < 6, lines, 8 + (start[:, None] + stride[:, None] * lines) % 40)
    properties = np.take_along_axis(draws.choice[leaf], place, axis=1)
    rank = np.minimum((_COMMON ** random.random((count, LINES))).astype(np.int64) - 1, _COMMON - 1)
    own = np.where(random.random((count, LINES)) < _OWN, numbers[:, None] * LINES + lines + 1, 0)
    new_rank, new_own = (rank + 1) % _COMMON, numbers[:, None] * LINES + lines + 1
    rank, own = rank[origin], own[origin]
    changes = np.where(kind == 3, 5, (kind > 0) * random.integers(0, 2, count))
    changed = random.random((count, LINES)).argsort(axis=1) < changes[:, None]
    rank = np.where(changed & (own == 0), new_rank, rank)
    own = np.where(changed & (own > 0), new_own, own)
    common = draws.common_values.take(pa.array((properties * _COMMON + rank).ravel()))
    values = pc.if_else(pa.array((own > 0).ravel()), _own_values(draws, own.ravel()), common)
    all_names = [name for names in draws.names.properties for name in names]
    index = shop[:, None] * len(draws.names.properties[0]) + properties
    names = pa.array(all_names).take(pa.array(index.ravel()))
    pairs = pa.StructArray.from_arrays([names, values], ["property", "value"])
    return pa.ListArray.from_arrays(pa.array(np.arange(count + 1) * LINES, pa.int32()), pairs)


def _own_values(draws: Draws, number: Rows) -> pa.Array:
    """Return three words unique to each number, many after a number or a code, one in fifty after a size."""
    mixed = number * 331_984_567 % 2_000**3
    parts = [draws.words.take(pa.array(500 + mixed // 2_000**k % 2_000)) for k in range(3)]
    starts = pa.array(["", "", "", "12 ", "A-350 ", "120x60x45 cm "])
    kind = np.where(number % 50 == 0, 5, number % 5)
    return pc.binary_join_element_wise(starts.take(pa.array(kind)), *parts, "")


def _numbered(word: str, number: Rows) -> pa.Array:
    return pc.binary_join_element_wise(word, pa.array(number).cast(pa.string()), "")


def write_catalogue(folder: Path, products: int, seed: int = 0) -> None:
    """Write the feeds of all shops, ``SHOP.parquet``, and the truth about products, categories and properties.

    Args:
        folder: Folder for the files.
        products: Products of the first three shops together; the last shop adds one per cent.
        seed: Seed of the random generators.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draws = prepare(seed)
    _write_names(folder, draws.names)
    total = products + round(products * _LATER)
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for first in range(0, total, _CHUNK):
            chunk = make_chunk(draws, first, min(_CHUNK, total - first), total, seed)
            for place, name in enumerate(_FEEDS):
                _append(writers, folder / f"{name}.parquet", chunk.table.filter(pa.array(_feed(chunk) == place)))
            _append(writers, folder / "truth-products.parquet", _truth(chunk))
    finally:
        for writer in writers.values():
            writer.close()


def _append(writers: dict[str, pq.ParquetWriter], path: Path, rows: pa.Table) -> None:
    if path.name not in writers:
        writers[path.name] = pq.ParquetWriter(path, rows.schema, compression="zstd")
    writers[path.name].write_table(rows)


def _feed(chunk: Chunk) -> Rows:
    """Return the index of each product's feed in ``_FEEDS``."""
    return np.where(chunk.is_later, len(SHOPS), chunk.shop)


def _truth(chunk: Chunk) -> pa.Table:
    """Return the kind of each product, the product from which it was made, and the concept of its category."""
    product_id = pc.binary_join_element_wise(pa.array(_FEEDS).take(pa.array(_feed(chunk))), chunk.table["id"], ":")
    columns = {
        "product_id": product_id,
        "kind": pa.array(_KINDS).take(pa.array(chunk.kind)),
        "origin": product_id.take(pa.array(chunk.origin)),
        "concept": pa.array(chunk.leaf),
    }
    return pa.table(columns)


def _write_names(folder: Path, names: Names) -> None:
    """Write the categories and properties of all shops; those with equal ``concept`` are the same."""
    category = [
        {"source": shop, "path": path.split(" > "), "concept": leaf}
        for shop, paths, has in zip(SHOPS, names.leaf_paths, names.carried, strict=True)
        for leaf, path in enumerate(paths)
        if has[leaf]
    ]
    properties = [
        {"source": shop, "property": name, "concept": concept}
        for shop, spelled in zip(SHOPS, names.properties, strict=True)
        for concept, name in enumerate(spelled)
    ]
    pq.write_table(pa.Table.from_pylist(category), folder / "truth-categories.parquet")
    pq.write_table(pa.Table.from_pylist(properties), folder / "truth-properties.parquet")


if __name__ == "__main__":
    write_catalogue(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else M5_PRODUCTS)
