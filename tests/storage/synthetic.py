"""Synthetic rows and helpers for tests of the store."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.stage import StageReport
from storage import Snapshot, Store
from storage.tables import TABLES

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTHING = StageReport("records", 0, 0)


def noon() -> datetime:
    return NOON


def table(name: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    return pa.Table.from_pylist([dict(row) for row in rows], schema=TABLES[name].schema)


def product(product_id: str, caption: str | None = "a caption", seen: datetime = NOON) -> dict[str, object]:
    source, _, native = product_id.partition(":")
    return {
        "product_id": product_id,
        "source": source,
        "url": f"http://shop.example/{native}",
        "native_id": native,
        "caption": caption,
        "category": ["家居", "杯子"],
        "brand": None,
        "price": None,
        "currency": None,
        "availability": None,
        "merchant": None,
        "gtin": None,
        "mpn": None,
        "masked": 0,
        "page_sha256": None,
        "first_seen": seen,
        "last_seen": seen,
    }


def spec(product_id: str, position: int = 0, value: str = "red") -> dict[str, object]:
    row = {"product_id": product_id, "position": position, "property": "colour", "value": value}
    return row | {"property_norm": None, "value_norm": None, "unit": None}


def medium(
    product_id: str, kind: str, position: int, state: str = "ok", reason: str | None = None
) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(TABLES["media"].schema.names)
    return row | {
        "product_id": product_id,
        "kind": kind,
        "position": position,
        "url": f"http://shop.example/{kind}/{position}",
        "state": state,
        "reason": reason,
        "attempts": 1,
        "sha256": f"{product_id}/{kind}/{position}" if state == "ok" else None,
    }


def ids(count: int) -> list[str]:
    return [f"shop:{number}" for number in range(count)]


def products(names: Iterable[str], caption: str = "a caption", seen: datetime = NOON) -> pa.Table:
    return table("products", [product(name, caption, seen) for name in names])


def commit(store: Store, tables: Mapping[str, pa.Table], name: str = "records", settings: str = "s") -> Snapshot:
    with store.stage(name, settings=settings) as stage:
        for key, rows in tables.items():
            stage.write(key, rows)
        stage.commit(StageReport(name, 0, 0))
    return store.snapshot()


def data_files(store: Store, name: str, version: int | None = None) -> Iterator[Path]:
    for file in store.snapshot(version).files(name):
        yield store.root / "tables" / name / file.path


def is_sorted(path: Path, key: Iterable[str]) -> bool:
    columns = pq.ParquetFile(path).read(columns=list(key)).to_pydict().values()
    rows = list(zip(*columns, strict=True))
    return rows == sorted(rows)


def leftovers(store: Store) -> list[str]:
    """Return files that no dataset version and no index accounts for."""
    root = store.root
    versions = range(store.snapshot().number + 1)
    named = {
        root / "tables" / name / file.path
        for version in versions
        for name in TABLES
        for file in store.snapshot(version).files(name)
    }
    kept = {root / "lock", root / "children.lock", root / "workspace.json", *root.glob("*.sqlite*")}
    kept |= {path for path in root.glob("spool/**/*.arrow") if _is_current(store, path)}
    kept |= {root / "versions" / f"{version:08}.json" for version in versions}
    kept |= {root / "objects" / name for name in store.objects.index.segments()}
    kept |= set(root.glob("tables/*/_delta_log/????????????????????.json"))
    found = {path for path in root.rglob("*") if path.is_file()}
    return sorted(str(path.relative_to(root)) for path in found - named - kept)


def _is_current(store: Store, path: Path) -> bool:
    """Tell whether a spooled partition belongs to an uncommitted run."""
    record = store.snapshot().stages.get(path.parents[1].name)
    return path.parent.name == str(record.version if record else 0)
