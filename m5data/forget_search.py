"""Find everything that belongs to the target of a take-down."""

import json
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing

import duckdb
import pyarrow as pa

from crawler.pages.privacy import hash_merchant
from crawler.pages.urls import normalise
from crawler.takedown import find_media, find_pages, prepare_state
from crawler.workspace_key import load_or_create_key
from m5data.forget_plan import Plan, Target
from m5data.forget_tables import count_rows, gone_rejects, register_words
from splits.takedown import recorded_digests
from storage import Store
from storage.takedown import Mark, Register, history

__all__ = ["find_target", "users_of"]

_SHORTEST = 4
"""Characters from which a caption or name is looked for where nobody parses: "cup" is everywhere."""

_OWN_OBJECTS = """
    SELECT page_sha256 FROM products WHERE product_id IN (FROM own)
    UNION SELECT sha256 FROM media WHERE product_id IN (FROM own) OR url IN (FROM addresses)
    UNION SELECT object FROM frames WHERE product_id IN (FROM own)
    UNION SELECT mp3 FROM audio WHERE product_id IN (FROM own)
    UNION SELECT mfcc FROM audio WHERE product_id IN (FROM own)
"""
_DERIVED = """
    SELECT object FROM frames WHERE video_sha256 IN (FROM wanted)
    UNION SELECT mp3 FROM audio WHERE video_sha256 IN (FROM wanted)
    UNION SELECT mfcc FROM audio WHERE video_sha256 IN (FROM wanted)
    UNION SELECT feature FROM regions WHERE image_sha256 IN (FROM wanted)
"""
_USERS = """
    WITH others AS (SELECT * FROM media WHERE product_id NOT IN (FROM own) AND url NOT IN (FROM addresses)),
    uses AS (
        SELECT page_sha256 AS object, url FROM products WHERE product_id NOT IN (FROM own)
        UNION ALL SELECT sha256, url FROM others
        UNION ALL SELECT object, NULL FROM frames WHERE video_sha256 IN (SELECT sha256 FROM others)
        UNION ALL SELECT mp3, NULL FROM audio WHERE video_sha256 IN (SELECT sha256 FROM others)
        UNION ALL SELECT mfcc, NULL FROM audio WHERE video_sha256 IN (SELECT sha256 FROM others)
        UNION ALL SELECT feature, NULL FROM regions WHERE image_sha256 IN (SELECT sha256 FROM others)
    )
    SELECT object, min(url) FROM uses WHERE object IN (FROM wanted) GROUP BY object
"""
_STATE_USERS = """
    SELECT page_sha256, min(url) FROM source_pages WHERE page_sha256 IS NOT NULL
        AND url NOT IN (SELECT value FROM json_each(:own)) GROUP BY page_sha256
"""


def find_target(store: Store, target: Target) -> Plan:
    """Return what is known of a target.

    Args:
        store: The workspace's storage, its lock held.
        target: What is to go; an address may be that of a product's page, or of a medium.
    """
    key = load_or_create_key(store.root)
    digest = Register(key, {}).digest(_mark(target, key))
    prepare_state(store.state)
    with history(store.root) as engine, closing(store.state.connect()) as state:
        pages, products = _find_products(engine, state, target, key)
        _name(engine, "own", products)
        media = _find_media(engine, target)
        _name(engine, "addresses", (*pages, *media))
        objects = _find_objects(engine, state, pages, media)
        recipes = _column(engine, "SELECT DISTINCT recipe FROM splits WHERE product_id IN (FROM own)")
        captions = _column(engine, "SELECT DISTINCT caption FROM products WHERE product_id IN (FROM own)")
    merchants = (hash_merchant(target.value, key),) if target.kind == "merchant" else ()
    named = [*captions, target.value] if merchants else captions
    texts = _own_texts(store, products, named)
    plan = Plan(
        kind=target.kind,
        digest=digest,
        products=products,
        pages=pages,
        media=media,
        merchants=merchants,
        texts=texts,
        objects=objects,
        recipes=recipes,
        sound=_sound(store, recipes),
    )
    return plan.model_copy(update={"rows": count_rows(store.snapshot(), plan), "stages": _stages(store, plan)})


def users_of(store: Store, plan: Plan, objects: Collection[str]) -> dict[str, str | None]:
    """Return those objects that something else than the target uses -> an address of it, where it has one."""
    with history(store.root) as engine, closing(store.state.connect()) as state:
        _name(engine, "own", plan.products)
        _name(engine, "addresses", (*plan.pages, *plan.media))
        return _users(engine, state, plan.pages, objects)


def _mark(target: Target, key: bytes) -> Mark:
    value = hash_merchant(target.value, key) if target.kind == "merchant" else target.value
    return Mark(target.kind, value)


def _find_products(
    engine: duckdb.DuckDBPyConnection, state: sqlite3.Connection, target: Target, key: bytes
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the target's addresses and products."""
    urls: set[str] = set()
    products: set[str] = set()
    if target.kind == "url":
        urls = {target.value, normalise(target.value) or target.value}
    elif target.kind == "product":
        products = {target.value}
    else:
        query = "SELECT DISTINCT product_id FROM products WHERE merchant = ?"
        products = set(_column(engine, query, [hash_merchant(target.value, key)]))
    name = target.value if target.kind == "merchant" and len(target.value) >= _SHORTEST else None
    before = -1
    while before != len(urls) + len(products):
        before = len(urls) + len(products)
        _name(engine, "addresses", urls)
        products |= set(_column(engine, "SELECT DISTINCT product_id FROM products WHERE url IN (FROM addresses)"))
        _name(engine, "own", products)
        urls |= set(_column(engine, "SELECT DISTINCT url FROM products WHERE product_id IN (FROM own)"))
        known = find_pages(state, urls, products, name)
        urls, products = urls | known.urls, products | known.products
    return tuple(sorted(urls)), tuple(sorted(products))


def _find_media(engine: duckdb.DuckDBPyConnection, target: Target) -> tuple[str, ...]:
    """Return the media addresses that only the target has; a medium that is the target itself, whoever has it."""
    query = """
        SELECT DISTINCT url FROM media WHERE url = ? OR (product_id IN (FROM own)
            AND url NOT IN (SELECT url FROM media WHERE product_id NOT IN (FROM own)))
    """
    return _column(engine, query, [target.value if target.kind == "url" else ""])


def _find_objects(
    engine: duckdb.DuckDBPyConnection, state: sqlite3.Connection, pages: Collection[str], media: Collection[str]
) -> tuple[str, ...]:
    found = set(_column(engine, _OWN_OBJECTS))
    found |= find_pages(state, pages, ()).objects | set(find_media(state, media).values())
    _name(engine, "wanted", found)
    found |= set(_column(engine, _DERIVED))
    return tuple(sorted(found - _users(engine, state, pages, found).keys()))


def _users(
    engine: duckdb.DuckDBPyConnection, state: sqlite3.Connection, pages: Collection[str], objects: Collection[str]
) -> dict[str, str | None]:
    _name(engine, "wanted", objects)
    wanted = set(objects)
    stored = state.execute(_STATE_USERS, {"own": _json(pages)}).fetchall()
    kept = {object_: url for object_, url in stored if object_ in wanted}
    return {**kept, **dict(engine.execute(_USERS).fetchall())}


def _own_texts(store: Store, products: Collection[str], texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts that no other product of the newest version has in its caption or brand."""
    query = """
        WITH others AS (
            SELECT lower(caption) AS caption, lower(brand) AS brand FROM products WHERE product_id NOT IN (FROM own)
        ), wanted AS (SELECT word, lower(word) AS folded FROM words WHERE length(word) >= ?)
        SELECT word FROM wanted WHERE NOT EXISTS (
            SELECT 1 FROM others WHERE contains(caption, folded)
                OR (strlen(brand) >= strlen(folded) AND contains(brand, folded)))
    """
    with store.snapshot().connection(("products",)) as engine:
        _name(engine, "own", products)
        _name(engine, "words", [" ".join(text.split()) for text in texts], "word")
        return _column(engine, query, [_SHORTEST])


def _stages(store: Store, plan: Plan) -> tuple[str, ...]:
    with history(store.root) as engine:
        register_words(engine, plan.words)
        return _column(engine, f"SELECT DISTINCT stage FROM rejects WHERE {gone_rejects(plan)}")  # noqa: S608


def _sound(store: Store, recipes: Collection[str]) -> tuple[tuple[int, str], ...]:
    if not recipes:
        return ()
    versions = (version.number for version in store.versions() if "recipes" in version.tables)
    return tuple(
        (number, recipe)
        for number in versions
        for recipe, (wanted, got) in recorded_digests(store.snapshot(number), recipes).items()
        if wanted == got
    )


def _name(engine: duckdb.DuckDBPyConnection, name: str, values: Iterable[str], column: str = "value") -> None:
    """Make a temporary table of values."""
    engine.register("given_values", pa.table({column: pa.array(sorted(set(values)), pa.string())}))
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM given_values")
    engine.unregister("given_values")


def _column(engine: duckdb.DuckDBPyConnection, query: str, values: list[object] | None = None) -> tuple[str, ...]:
    """Return the first column of a query, sorted, without NULL."""
    return tuple(sorted(row[0] for row in engine.execute(query, values or []).fetchall() if row[0] is not None))


def _json(values: Collection[str]) -> str:
    return json.dumps(sorted(values))
