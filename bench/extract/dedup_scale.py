"""Seconds and memory of the stages texts and dedup over many synthetic products.

python -m bench.extract.dedup_scale [COUNT ...]

Each count runs in a process of its own. Main images have skewed hashes (``skewed_hashes``), one product
in fifty is an exact copy of another, one in twenty-five has a near copy's caption.
"""

import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from bench.extract.hashes import skewed_hashes
from extract import dedup_stage, texts_stage
from extract.settings import DedupSettings, TextSettings
from m5data.stage import StageReport
from storage import Store

COUNTS = (100_000, 1_000_000)

_SHOP = """
CREATE TABLE copies AS
    SELECT n, CASE WHEN n % 50 = 1 THEN n - 1 ELSE n END AS original,
        CASE WHEN n % 50 = 1 THEN n - 1 WHEN n % 25 = 2 THEN n - 2 ELSE n END AS worded
    FROM range({count}) t(n);
CREATE TABLE products AS
    SELECT printf('shop:%08d', n) AS product_id, 'shop' AS source, 'http://shop.test/' || n AS url,
        n::VARCHAR AS native_id,
        printf('品牌%d 夏季新款%s 型号M%d %s', worded % 997, md5(worded::VARCHAR)[:6], worded,
            md5((worded * 7)::VARCHAR)[:10])
            || CASE WHEN n <> worded AND n = original THEN ' 现货' ELSE '' END AS caption,
        ['类目' || original % 600] AS category, NULL::VARCHAR AS brand, NULL::DECIMAL(18, 4) AS price,
        NULL::VARCHAR AS currency, NULL::VARCHAR AS availability, NULL::VARCHAR AS merchant, NULL::VARCHAR AS gtin,
        NULL::VARCHAR AS mpn, 0::INTEGER AS masked, NULL::VARCHAR AS page_sha256,
        TIMESTAMPTZ '2026-01-01' AS first_seen, TIMESTAMPTZ '2026-01-01' AS last_seen
    FROM copies;
CREATE TABLE specs AS
    SELECT printf('shop:%08d', n) AS product_id, line::INTEGER AS position, '属性' || line AS property,
        CASE line WHEN 0 THEN '品牌' || worded % 997 WHEN 1 THEN 'M' || worded
            ELSE '值' || (worded * line) % 40 END AS value,
        NULL::VARCHAR AS property_norm, NULL::VARCHAR AS value_norm, NULL::VARCHAR AS unit
    FROM copies, range(5) l(line);
CREATE TABLE media AS
    SELECT printf('shop:%08d', n) AS product_id, 'image' AS kind, 0::INTEGER AS position,
        'http://shop.test/i/' || n AS url,
        'ok' AS state, NULL::VARCHAR AS reason, 1::INTEGER AS attempts, NULL::INTEGER AS http_status,
        sha256(original::VARCHAR) AS sha256, 1::BIGINT AS bytes, NULL::VARCHAR AS mime, NULL::INTEGER AS width,
        NULL::INTEGER AS height, NULL::DOUBLE AS duration_s, NULL::VARCHAR AS etag, NULL::VARCHAR AS last_modified
    FROM copies;
CREATE TABLE images AS
    SELECT printf('shop:%08d', n) AS product_id, 0::INTEGER AS position, sha256(original::VARCHAR) AS sha256,
        1::INTEGER AS width, 1::INTEGER AS height, phash, 'small' AS size_group, 1.0::DOUBLE AS sharpness,
        0.0::DOUBLE AS blank_share, 0.0::DOUBLE AS border_share, 0.0::DOUBLE AS margin_detail,
        sha256(original::VARCHAR) AS pixels
    FROM copies JOIN hashes USING (n)
"""


def fill(store: Store, count: int) -> None:
    """Write the tables of a synthetic shop."""
    with (
        closing(duckdb.connect(config={"memory_limit": "2GB"})) as connection,
        store.stage("records", settings="") as stage,
    ):
        connection.register("hashes", pa.table({"n": range(count), "phash": skewed_hashes(count, 1)[:count]}))
        connection.execute(_SHOP.format(count=count))
        for table in ("products", "specs", "media", "images"):
            stage.write(table, connection.table(table))
        stage.commit(StageReport("records", count, count))


def measure(folder: str, count: int) -> None:
    """Run both stages on a filled store, and print."""
    store = Store.open(Path(folder))
    for name in ("texts", "dedup"):
        started = time.perf_counter()
        report = texts_stage.run(store, TextSettings()) if name == "texts" else dedup_stage.run(store, DedupSettings())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        seconds = time.perf_counter() - started
        print(f"{count} products, {name}: {seconds:.1f} s, {peak:.2f} GiB at most, {dict(report.dropped)}", flush=True)
    rules = store.snapshot().sql("SELECT rule, joined, count(*) AS n FROM duplicate_pairs GROUP BY ALL ORDER BY ALL")
    print([tuple(row.values()) for row in rules.to_pylist()], flush=True)


def main(arguments: list[str]) -> None:
    """Fill a store a count, each in a process that ends before the stages are measured in another."""
    if arguments[:1] == ["--measure"]:
        measure(arguments[1], int(arguments[2]))
        return
    if arguments[:1] == ["--fill"]:
        fill(Store.create(Path(arguments[1])), int(arguments[2]))
        return
    for count in arguments or [str(count) for count in COUNTS]:
        with tempfile.TemporaryDirectory() as folder:
            for step in ("--fill", "--measure"):
                subprocess.run([sys.executable, "-m", "bench.extract.dedup_scale", step, folder, count], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
