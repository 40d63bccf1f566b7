"""A store with a few products, most of them held out, in which candidates are searched."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from core.stage import StageReport
from storage import Store
from storage.tables import TABLES

__all__ = ["held_out_store", "rows_of"]

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GOODS = {
    # native id: (caption, colour, sub-class, held out)
    "a1": ("Oak chair with armrest", "brown", 1, True),
    "a2": ("oak chair, with arm rest", "brown", 1, True),
    "a3": ("Steel lamp 40 W", "grey", 2, True),
    "a4": ("steel lamp 60 W", "grey", 2, True),
    "a5": ("Steel lamp 40 W", "grey", 2, False),
    "a6": ("A rug", "red", -1, True),
}


def rows_of(table: str, rows: Sequence[dict[str, object]]) -> pa.Table:
    """Return rows of a table; missing columns are null, empty or 0."""
    schema = TABLES[table].schema
    blank = {
        f.name: None if f.nullable else {"string": "", "int32": 0, "int64": 0, "double": 0.0}.get(str(f.type))
        for f in schema
    }
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=schema)


def held_out_store(folder: Path) -> Store:
    """Return a new store in a folder, with these products."""
    made = Store.create(folder, buckets=2)
    ids = {f"s:{name}": values for name, values in GOODS.items()}
    seen = {"category": [], "first_seen": NOW, "last_seen": NOW}
    with made.stage("fill", settings="") as stage:
        products = [{"product_id": i, "caption": caption, **seen} for i, (caption, *_) in ids.items()]
        stage.write("products", rows_of("products", products))
        specs: list[dict[str, object]] = [
            {"product_id": i, "property": "Colour", "value": colour} for i, (_, colour, *_) in ids.items()
        ]
        stage.write("specs", rows_of("specs", specs))
        labels = [
            {
                "product_id": i,
                "class_name": "home",
                "sub_class_id": sub,
                "sub_class_name": {1: "chairs", 2: "lamps"}.get(sub, ""),
            }
            for i, (_, _, sub, _) in ids.items()
        ]
        stage.write("labels", rows_of("labels", labels))
        groups = [{"product_id": i, "group_id": i, "rule": "alone", "kept": True, "size": 1} for i in ids]
        stage.write("duplicates", rows_of("duplicates", groups))
        stage.write("reserve", rows_of("reserve", [{"group_id": i, "held_out": held} for i, (*_, held) in ids.items()]))
        stage.commit(StageReport("fill", len(ids), len(ids)))
    return made
