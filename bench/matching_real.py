"""Candidate search and near-duplicate groups, judged by labelled pairs of products of two shops.

    python -m bench.matching_real --sets FOLDER

FOLDER holds ``NAME.jsonl.gz`` with ``left``, ``right`` (records with ``name`` or ``title``, ``brand``, ``modelno``,
``description``, …) and ``same`` in each line, like the public sets for entity matching. Recall is the share of true
pairs whose right product is among the first 10, 50 and 500 candidates of the left one, over all right products.
Precision is the share of true pairs among the labelled pairs that dedup puts into one group.
"""

import argparse
import gzip
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from annotate.candidates import LightEncoder, Listing
from annotate.candidates.feature_file import scale_to_unit
from extract.duplicates import (
    exact_joins,
    group_exact,
    group_near,
    near_text_pairs,
    prepare,
    prepare_near,
    text_keys_sql,
)
from extract.settings import DedupSettings

TABLE = ("brand", "modelno", "manufacturer", "type")
"""Fields that form the specification table; the others are free text or prices."""
DEPTHS = (10, 50, 500)
_SPECS = pa.schema([(name, pa.string()) for name in ("product_id", "property", "value")])
Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Products of two shops by number, with labelled pairs."""

    left: list[Record]
    right: list[Record]
    same: dict[tuple[int, int], bool]


def read_set(path: Path) -> LabelledSet:
    """Return the products and pairs of a file."""
    sides: tuple[dict[str, int], dict[str, int]] = {}, {}
    same: dict[tuple[int, int], bool] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            keys = [json.dumps(row[side], sort_keys=True) for side in ("left", "right")]
            left, right = (numbers.setdefault(key, len(numbers)) for numbers, key in zip(sides, keys, strict=True))
            same[left, right] = row["same"] or same.get((left, right), False)
    left_records, right_records = ([json.loads(key) for key in numbers] for numbers in sides)
    return LabelledSet(left_records, right_records, same)


def recall(labelled: LabelledSet) -> dict[int, float]:
    """Return depth -> share of true pairs whose right product is among the left one's candidates."""
    encoder = LightEncoder()
    left, right = (
        scale_to_unit(encoder.encode([_listing(record) for record in records], lambda _: b""))
        for records in (labelled.left, labelled.right)
    )
    pairs = np.array([pair for pair, same in labelled.same.items() if same])
    order = np.argsort(-(left @ right.T), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)[pairs[:, 0], pairs[:, 1]]
    return {depth: float((rank < depth).mean()) for depth in DEPTHS}


def _caption(record: Record) -> str:
    return record.get("name") or record.get("title") or ""


def _table(record: Record) -> list[tuple[str, str]]:
    return [(name, record[name]) for name in TABLE if record.get(name)]


def _listing(record: Record) -> Listing:
    return Listing("", _caption(record), tuple(_table(record)))


def joined(labelled: LabelledSet, *, tables: bool) -> tuple[int, int]:
    """Return how many labelled pairs share a group of duplicates, and how many of them are true.

    Args:
        labelled: The set.
        tables: Whether the products have specification tables or only captions.
    """
    named = {f"{side}:{n:06}": record for side, records in (("l", labelled.left), ("r", labelled.right))
             for n, record in enumerate(records)}  # fmt: skip
    products = [{"product_id": name, "source": name[0], "caption": _caption(record)} for name, record in named.items()]
    lines = [(name, *line) for name, record in named.items() for line in _table(record) if tables]
    group = near_groups(*as_tables(products, lines))
    found = [same for (a, b), same in labelled.same.items() if group[f"l:{a:06}"] == group[f"r:{b:06}"]]
    return len(found), sum(found)


def as_tables(
    products: Sequence[Mapping[str, str]], lines: Sequence[tuple[str, str, str]]
) -> tuple[pa.Table, pa.Table]:
    """Return products and specifications as a workspace stores them.

    Args:
        products: ``product_id``, ``source`` and ``caption`` of each.
        lines: Product, property and value of each line of their tables.
    """
    columns = [[line[place] for line in lines] for place in range(3)]
    return pa.Table.from_pylist(products), pa.table(columns, _SPECS)


def near_groups(products: pa.Table, specs: pa.Table) -> dict[str, str]:
    """Return product -> group of near duplicates, formed as the stage does for products without images."""
    with closing(duckdb.connect()) as connection:
        connection.register("products", products)
        connection.register("specs", specs)
        connection.execute(
            "CREATE TABLE media (product_id VARCHAR, kind VARCHAR, state VARCHAR, sha256 VARCHAR, position INT)"
        )
        connection.execute("CREATE TABLE images (product_id VARCHAR, position INT, pixels VARCHAR)")
        prepare(connection)
        exact = group_exact(exact_joins(connection))
        connection.register("exact", exact)
        connection.execute(
            f"CREATE TEMP VIEW compared AS SELECT product_id, {text_keys_sql('caption')} AS text_keys, TRUE AS anew "
            "FROM products"
        )
        prepare_near(connection)
        settings = DedupSettings()
        near_text_pairs(connection, settings)
        group_near(connection, settings.max_in_group)
        first = dict(zip(exact["product_id"].to_pylist(), exact["group_id"].to_pylist(), strict=True))
        near = dict(connection.sql("FROM near_groups").fetchall())
    return {product: near[first.get(product, product)] for product in products["product_id"].to_pylist()}


def main() -> None:
    """Print recall and precision of each set."""
    parser = argparse.ArgumentParser(description="Candidates and duplicates against labelled pairs.")
    parser.add_argument("--sets", type=Path, required=True)
    for path in sorted(parser.parse_args().sets.glob("*.jsonl.gz")):
        labelled = read_set(path)
        began = time.process_time()
        found = ", ".join(f"{share:.4f} in {depth}" for depth, share in recall(labelled).items())
        print(f"{path.name}: recall {found} ({time.process_time() - began:.1f} CPU s)")
        for tables in (True, False):
            every, true = joined(labelled, tables=tables)
            share = true / every if every else 1.0
            print(f"  one group {'with tables' if tables else 'by captions alone'}: {every} pairs, {share:.4f} true")


if __name__ == "__main__":
    main()
