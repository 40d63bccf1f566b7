"""A workspace with a synthetic catalogue of M5Product's shape and of any size, written through ``storage``.

    python -m bench.splits.make_workspace FOLDER [PRODUCTS] [--short]

Its tables are products, duplicates, labels, images with their media and objects, judgements and matches, and a
reserve that leaves exactly as many products for training as the recipe asks for, with ``--short`` one fewer.
The recipe is ``m5product``; below the paper's size, ``m5product-scaled.toml`` in the workspace, with numbers scaled
in proportion. Objects have rows but no bytes.
"""

import argparse
import re
from contextlib import closing
from dataclasses import replace
from importlib import resources
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.splits.synthetic_catalogue import M5_PRODUCTS, make_catalogue
from core.engine import open_engine
from core.stage import StageReport
from splits import Catalogue, Recipe, parse_recipe
from splits.recipe import Sample
from workspace import Workspace

__all__ = ["recipe_text"]

_SEEN = "TIMESTAMPTZ '2026-01-01 12:00:00+00'"
_SHA = "md5({0} || 'a') || md5({0} || 'b')"

TABLES_SQL = {
    "products": f"""
        SELECT product_id, 's' AS source, 'https://shop.example/item/' || product_id AS url,
               product_id[3:] AS native_id, caption, ['类' || class_id, '子类' || sub_class_id] AS category,
               NULL::VARCHAR AS brand, (n % 9973 + 99)::DECIMAL(18, 4) AS price, 'CNY' AS currency,
               'InStock' AS availability, merchant, NULL::VARCHAR AS gtin, NULL::VARCHAR AS mpn, 0 AS masked,
               NULL::VARCHAR AS page_sha256, {_SEEN} AS first_seen, {_SEEN} AS last_seen
        FROM thing
    """,
    "duplicates": """
        SELECT product_id, group_id, CASE WHEN size > 1 THEN 'near_image' ELSE 'alone' END AS rule,
               true AS kept, size FROM thing
    """,
    "labels": """
        SELECT product_id, class_id, '类' || class_id AS class_name, sub_class_id,
               '子类' || sub_class_id AS sub_class_name, -1 AS subsub_class_id, '' AS subsub_class_name FROM thing
    """,
    "media": f"""
        SELECT product_id, 'image' AS kind, 0 AS position, 'https://img.example/' || product_id || '.jpg' AS url,
               'ok' AS state, NULL::VARCHAR AS reason, 1 AS attempts, 200 AS http_status,
               {_SHA.format("product_id")} AS sha256, 90000::BIGINT AS bytes, 'image/jpeg' AS mime,
               800 AS width, 800 AS height, NULL::DOUBLE AS duration_s, NULL::VARCHAR AS etag,
               NULL::VARCHAR AS last_modified FROM thing
    """,
    "images": f"""
        SELECT product_id, 0 AS position, {_SHA.format("product_id")} AS sha256, 800 AS width, 800 AS height,
               phash, 'large' AS size_group, 99.5::DOUBLE AS sharpness, 0.01::DOUBLE AS blank_share,
               0.02::DOUBLE AS border_share, 0.03::DOUBLE AS margin_detail, {_SHA.format("product_id")} AS pixels
        FROM thing
    """,
    "objects": f"""
        SELECT {_SHA.format("product_id")} AS sha256, 'media' AS kind, 'image/jpeg' AS mime,
               'media-00000.warc' AS segment, n * 90500 AS "offset", 90400::BIGINT AS length,
               n * 90500 + 400 AS payload_offset, 90000::BIGINT AS payload_length FROM thing
    """,
    "reserve": "SELECT product_id AS group_id, held_out, 1 AS since FROM thing",
    "matches": "SELECT query, candidate, 0.97::DOUBLE AS posterior, decision, 5 AS votes FROM pair",
    "judgements": f"""
        SELECT query, candidate, 'worker' || w AS worker,
               CASE decision WHEN 'undecided' THEN 'uncertain' ELSE decision END AS answer, false AS gold,
               {_SEEN} AS answered_at FROM pair, range(5) t(w)
    """,
}
"""Table -> query over ``thing`` (one row per product) and ``pair`` (one row per judged pair)."""


def recipe_text(products: int) -> tuple[str, str]:
    """Return name and text of the recipe ``m5product``, scaled down if there are fewer products than in the paper."""
    text = (resources.files("splits") / "recipes" / "m5product.toml").read_text(encoding="utf-8")
    if products >= M5_PRODUCTS:
        return "m5product", text
    scale = products / M5_PRODUCTS

    def scaled(match: re.Match[str]) -> str:
        return f"{match[1]}{max(int(int(match[2]) * scale), 1)}"

    text = re.sub(r"(number = |(?m:^)categories = )(\d+)", scaled, text)
    return "m5product-scaled", text.replace('name = "m5product"', 'name = "m5product-scaled"', 1)


def leave_for_training(catalogue: Catalogue, recipe: Recipe, seed: int = 0) -> Catalogue:
    """Hold out more products, such that exactly as many remain for training as the recipe asks for."""
    wanted = next(b.size.number for b in recipe.splits if isinstance(b, Sample) and b.size.number)
    products = catalogue.products
    held = products["held_out"].to_numpy().copy()
    alone = np.flatnonzero(~held & _is_alone(products))
    spare = int((~held).sum()) - (wanted or 0)
    held[np.random.default_rng(seed).permutation(alone)[:spare]] = True
    place = products.schema.get_field_index("held_out")
    return replace(catalogue, products=products.set_column(place, "held_out", pa.array(held)))


def without_one(catalogue: Catalogue) -> Catalogue:
    """Return the catalogue without one of its products for training."""
    products = catalogue.products
    gone = int(np.flatnonzero(~products["held_out"].to_numpy() & _is_alone(products))[0])
    return replace(catalogue, products=pa.concat_tables([products[:gone], products[gone + 1 :]]))


def _is_alone(products: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return a mask of the products that share their group with no other."""
    groups = products["group_id"]
    foreign = pc.unique(groups.filter(pc.not_equal(groups, products["product_id"])))
    alone: np.ndarray[tuple[int], np.dtype[np.bool_]] = pc.invert(pc.is_in(groups, value_set=foreign)).to_numpy()
    return alone


def fill_workspace(folder: Path, catalogue: Catalogue, seed: int = 0) -> Workspace:
    """Create a workspace with the catalogue's products."""
    workspace = Workspace.create(folder)
    with (
        closing(open_engine()) as engine,
        workspace.store.stage("synthetic", settings="") as stage,
    ):
        _register(engine, catalogue, seed)
        for name, query in TABLES_SQL.items():
            stage.write(name, engine.sql(query))
        stage.commit(StageReport("synthetic", len(catalogue.products), len(catalogue.products)))
    return workspace


def _register(engine: duckdb.DuckDBPyConnection, catalogue: Catalogue, seed: int) -> None:
    products = catalogue.products
    numbers = np.arange(len(products), dtype=np.int64)
    hashes = np.random.default_rng(seed + 1).integers(-(2**63), 2**63, len(products))
    given = products.append_column("n", pa.array(numbers)).append_column("phash", pa.array(hashes))
    engine.register("given", given)
    engine.register("pair", catalogue.matches)
    engine.execute("CREATE TEMP TABLE sizes AS SELECT group_id, count(*)::INTEGER AS size FROM given GROUP BY 1")
    engine.execute(
        f"CREATE TEMP VIEW thing AS SELECT given.*, size, {_caption()} AS caption FROM given "
        "JOIN sizes USING (group_id)"
    )


def _caption() -> str:
    """Return SQL for 24 random Chinese characters and a number; one product in fifty has its neighbour's caption."""
    number = "(n - (n % 50 = 1)::INT)"
    drawn = [f"md5_number_lower({number} || '{salt}')" for salt in "abcdefgh"]
    # the product of two uniform numbers: some characters are common, most are rare
    signs = [
        f"chr((19968 + ({key} // {997 ** (2 * k)} % 997) * ({key} // {997 ** (2 * k + 1)} % 997) // 331)::INT)"
        for key in drawn
        for k in range(3)
    ]
    return f"concat({', '.join(signs)}, {number})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("products", type=int, nargs="?", default=M5_PRODUCTS)
    parser.add_argument("--short", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Create the workspace for the arguments."""
    given = _arguments()
    name, text = recipe_text(given.products)
    catalogue = leave_for_training(make_catalogue(given.products), parse_recipe(text, name))
    workspace = fill_workspace(given.folder, without_one(catalogue) if given.short else catalogue)
    if given.products < M5_PRODUCTS:
        (workspace.root / f"{name}.toml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
