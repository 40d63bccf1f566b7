"""Synthetic catalogues: a few facts per product, and the tables that follow from them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa

from core.engine import open_engine
from splits import Catalogue, Recipe
from splits.catalogue import CATEGORIES, MATCHES, OUTSIDE
from storage.split_digest import digest_splits
from storage.tables import TABLES

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Thing:
    """One product."""

    id: str
    group: str = ""
    """Its duplicate group; empty if it is alone."""
    held: bool = False
    category: int = 0
    """sub_class_id, -1 without a label; class_id is a tenth of it, rounded down."""
    images: tuple[int, ...] = (0,)
    merchant: str | None = None
    day: int = 0
    """Days from noon of 1 January 2026 until it was first seen."""
    caption: str | None = "caption"
    kept: bool = True

    @property
    def group_id(self) -> str:
        return self.group or self.id

    @property
    def parent(self) -> int:
        return self.category // 10 if self.category >= 0 else -1


Pair = tuple[str, str, str]
"""(query, candidate, decision)."""


def usable(things: Sequence[Thing], require: Collection[str] = ()) -> list[Thing]:
    """Return the kept products; if ``require`` names the label, only those with one."""
    return [thing for thing in things if thing.kept and (thing.category >= 0 or "label" not in require)]


def catalogue(things: Sequence[Thing], pairs: Sequence[Pair] = (), require: Collection[str] = ()) -> Catalogue:
    inside = usable(things, require)
    products = {
        "product_id": pa.array([t.id for t in inside], pa.string()),
        "group_id": pa.array([t.group_id for t in inside], pa.string()),
        "held_out": pa.array([t.held for t in inside], pa.bool_()),
        "class_id": pa.array([t.parent for t in inside], pa.int32()),
        "sub_class_id": pa.array([t.category for t in inside], pa.int32()),
        "subsub_class_id": pa.array([-1] * len(inside), pa.int32()),
        "images": pa.array([list(t.images) for t in inside], pa.list_(pa.int32())),
        "merchant": pa.array([t.merchant for t in inside], pa.string()),
        "first_seen": pa.array([NOON + timedelta(days=t.day) for t in inside], pa.timestamp("us", "UTC")),
    }
    outside = [
        {"product_id": t.id, "group_id": t.group_id, "held_out": t.held, "same_as": _twin(t, things)}
        for t in things
        if t not in inside
    ]
    return Catalogue(
        pa.table(products),
        pa.Table.from_pylist([dict(zip(MATCHES.names, pair, strict=True)) for pair in pairs], schema=MATCHES),
        pa.Table.from_pylist(outside, schema=OUTSIDE),
        pa.Table.from_pylist(
            [
                {"level": "sub_class", "id": n, "name": f"kind {n}"}
                for n in sorted({t.category for t in things})
                if n >= 0
            ]
            + [{"level": "class", "id": n, "name": f"class {n}"} for n in sorted({t.parent for t in things}) if n >= 0],
            schema=CATEGORIES,
        ),
    )


def _twin(thing: Thing, things: Sequence[Thing]) -> str | None:
    """Return the product that represents a dropped duplicate: the only kept one of its group."""
    twins = [t.id for t in things if t.kept and t.group_id == thing.group_id]
    return twins[0] if len(twins) == 1 and not thing.kept else None


def stored(things: Sequence[Thing], pairs: Sequence[Pair] = ()) -> dict[str, pa.Table]:
    """Return the tables of a workspace that holds these products."""
    sizes = {t.group_id: sum(o.group_id == t.group_id for o in things) for t in things}
    rows: Mapping[str, list[dict[str, object]]] = {
        "products": [_product(t) for t in things],
        "duplicates": [
            {"product_id": t.id, "group_id": t.group_id, "rule": "alone", "kept": t.kept, "size": sizes[t.group_id]}
            for t in things
        ],
        "labels": [_label(t) for t in things if t.category >= 0],
        "matches": [
            {"query": q, "candidate": c, "posterior": 1.0, "decision": d, "votes": 5} for q, c, d in sorted(set(pairs))
        ],
        "reserve": [{"group_id": t.id, "held_out": t.held, "since": 1} for t in things],
        "media": [_image(t, position) for t in things for position in t.images],
    }
    return {name: _table(name, listed) for name, listed in rows.items()}


def record(splits: pa.Table, recipe: Recipe, seed: int) -> dict[str, pa.Table]:
    """Return the tables that a build of ``splits`` writes."""
    with open_engine() as engine:
        engine.register("built", splits)
        digest = json.dumps(digest_splits(engine, "built"), sort_keys=True)
    row = {"recipe": recipe.name, "definition": recipe.model_dump_json(), "seed": seed, "digest": digest}
    row |= {"code": "0", "version": 1, "tables": "{}"}
    named = splits.add_column(0, "recipe", pa.array([recipe.name] * len(splits), pa.string()))
    return {"splits": named, "recipes": _table("recipes", [row])}


def connect(tables: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """Open DuckDB with every table of a workspace; tables that are not given are empty."""
    engine = open_engine()
    for name, spec in TABLES.items():
        engine.register(name, tables.get(name, spec.schema.empty_table()))
    return engine


def _table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TABLES[name].schema)


def _product(thing: Thing) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(TABLES["products"].schema.names)
    source, _, native = thing.id.partition(":")
    seen = NOON + timedelta(days=thing.day)
    row |= {"product_id": thing.id, "source": source, "native_id": native, "url": f"http://shop.example/{native}"}
    row |= {"category": [], "masked": 0, "first_seen": seen, "last_seen": seen}
    return row | {"caption": thing.caption, "merchant": thing.merchant}


def _label(thing: Thing) -> dict[str, object]:
    row = {"product_id": thing.id, "class_id": thing.parent, "class_name": f"class {thing.parent}"}
    row |= {"sub_class_id": thing.category, "sub_class_name": f"kind {thing.category}"}
    return row | {"subsub_class_id": -1, "subsub_class_name": ""}


def _image(thing: Thing, position: int) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(TABLES["media"].schema.names)
    url = f"http://shop.example/{thing.id}/{position}"
    row |= {"product_id": thing.id, "kind": "image", "position": position, "url": url, "state": "ok", "attempts": 1}
    return row | {"http_status": 200, "sha256": f"{position:02}{thing.id}", "bytes": 1, "mime": "image/png"}
