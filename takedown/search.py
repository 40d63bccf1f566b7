"""Search for everything that belongs to the target of a take-down."""

from collections.abc import Collection, Iterable
from dataclasses import replace

import duckdb
import pyarrow as pa

from core.errors import UsageError
from storage import Store
from storage.erasure import WarcRecord, find_records, history
from takedown.plan import PageCleaner, Plan, Target, hooks, page_hook
from takedown.register import Mark, open_register
from takedown.remains import find_remains
from takedown.spelling import bare_url, common_part, id_as_stored, is_url, url_key
from takedown.tables import count_rows, gone_rejects, register_words

__all__ = ["as_stored", "column", "find_near", "find_target", "search_segments", "users_of"]

_MAX_NEAR = 3
SHORTEST = 4
"""Shortest caption or name that is searched for in unparsed bytes: "cup" is everywhere."""

_OWN_OBJECTS = """
    SELECT page_sha256 FROM products WHERE product_id IN (FROM own)
    UNION SELECT sha256 FROM media WHERE product_id IN (FROM own) OR url IN (FROM urls)
    UNION SELECT object FROM frames WHERE product_id IN (FROM own)
    UNION SELECT mp3 FROM audio WHERE product_id IN (FROM own)
    UNION SELECT mfcc FROM audio WHERE product_id IN (FROM own)
"""
_DERIVED = """
    SELECT object FROM frames WHERE video_sha256 IN (FROM asked)
    UNION SELECT mp3 FROM audio WHERE video_sha256 IN (FROM asked)
    UNION SELECT mfcc FROM audio WHERE video_sha256 IN (FROM asked)
    UNION SELECT feature FROM regions WHERE image_sha256 IN (FROM asked)
"""
_USERS = """
    WITH others AS (SELECT * FROM media WHERE product_id NOT IN (FROM own) AND url NOT IN (FROM urls)),
    uses AS (
        SELECT page_sha256 AS object, url FROM products WHERE product_id NOT IN (FROM own)
        UNION ALL SELECT sha256, url FROM others
        UNION ALL SELECT object, NULL FROM frames WHERE video_sha256 IN (SELECT sha256 FROM others)
        UNION ALL SELECT mp3, NULL FROM audio WHERE video_sha256 IN (SELECT sha256 FROM others)
        UNION ALL SELECT mfcc, NULL FROM audio WHERE video_sha256 IN (SELECT sha256 FROM others)
        UNION ALL SELECT feature, NULL FROM regions WHERE image_sha256 IN (SELECT sha256 FROM others)
    )
    SELECT object, min(url) FROM uses WHERE object IN (FROM asked) GROUP BY object
"""
_MEDIA = """
    SELECT DISTINCT url FROM media WHERE url IN (FROM spelt) OR (product_id IN (FROM own)
        AND url NOT IN (SELECT url FROM media WHERE product_id NOT IN (FROM own)))
"""
_EXCLUSIVE = """
    WITH named AS ({named}), asked AS (SELECT DISTINCT source, name FROM named WHERE product_id IN (FROM own))
    SELECT source, name FROM asked WHERE name IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM named WHERE named.source = asked.source AND named.name = asked.name
            AND product_id NOT IN (FROM own)) ORDER BY ALL
"""
_KNOWN = "SELECT DISTINCT product_id FROM products WHERE product_id IN ($1, $2)"
_PROPERTIES = "SELECT product_id, split_part(product_id, ':', 1) AS source, property AS name FROM specs"
_PATHS = """
    SELECT product_id, source, array_to_string(category[:level], ' > ') AS name
    FROM (SELECT product_id, source, category, unnest(range(1, len(category) + 1)) AS level FROM products)
"""
_NEAR = {
    "product": """SELECT product_id FROM products WHERE lower(native_id) = lower($1) OR lower(product_id) = lower($1)
        OR lower(native_id) = lower(split_part($1, ':', 2)) OR url = $1 OR damerau_levenshtein(product_id, $1) <= 2
        GROUP BY 1 ORDER BY damerau_levenshtein(product_id, $1), 1 LIMIT 3""",
    "url": """SELECT url FROM products
        WHERE damerau_levenshtein(lower(url), lower($1)) <= 3 OR (length($2) >= 4 AND contains(url, $2))
            OR product_id = $1 OR native_id = $1
            OR damerau_levenshtein(lower(url), lower(regexp_replace($1, '[?#;].*', ''))) <= 3
        GROUP BY 1 ORDER BY damerau_levenshtein(url, $1), 1 LIMIT 3""",
}
"""Kind of target -> query of what it may have meant; $2 is the part that all spellings of a URL have."""
_OWN_TEXTS = """
    WITH others AS (
        SELECT lower(caption) AS caption, lower(brand) AS brand FROM products WHERE product_id NOT IN (FROM own)
    ), asked AS (SELECT value AS word, lower(value) AS folded FROM words WHERE length(value) >= ?)
    SELECT word FROM asked WHERE NOT EXISTS (
        SELECT 1 FROM others WHERE contains(caption, folded)
            OR (strlen(brand) >= strlen(folded) AND contains(brand, folded)))
"""


def as_stored(store: Store, target: Target) -> Target:
    """Return a target as the workspace has it: a URL or an id without what copying and typing added to it.

    Raises:
        UsageError: A URL is none.
    """
    if target.kind == "merchant":
        return replace(target, value=target.value.strip())
    with history(store.root) as engine:
        if target.kind == "product":
            known = column(engine, _KNOWN, [target.value, spelt := id_as_stored(target.value)])
            return replace(target, value=target.value if target.value in known else spelt)
        plain, bare = target.value.strip(), bare_url(target.value)
        if not is_url(bare):
            raise UsageError(
                f"forget: {target.value!r} is no URL. Write it as the shop does: https://shop.example/p/1."
            )
        is_stored = plain != bare and bool(_stored_spellings(engine, replace(target, value=plain)))
        return replace(target, value=plain if is_stored else bare)


def find_target(store: Store, target: Target) -> Plan:
    """Return a plan with everything known of a target.

    Args:
        store: The workspace's storage, locked.
        target: What to find; a URL may be that of a product's page, an image or a video.
    """
    pages = page_hook()
    before, plan = None, pages.search(store, target, Plan(kind=target.kind))
    with history(store.root) as engine:
        _name(engine, "spelt", _stored_spellings(engine, target))
        while plan != before:
            before, plan = plan, pages.search(store, target, _in_tables(engine, target, plan))
        known = column(engine, "SELECT DISTINCT product_id FROM products WHERE product_id IN (FROM own)")
        captions = column(engine, "SELECT DISTINCT caption FROM products WHERE product_id IN (FROM own)")
        objects = _find_objects(engine, store, plan)
        _name_target(engine, plan)
        properties, paths = (_exclusive(engine, named) for named in (_PROPERTIES, _PATHS))
        remains = find_remains(store, engine, frozenset({*plan.products, *objects}))
    named = [*captions, target.value] if target.kind == "merchant" else captions
    named_by = {"merchant": plan.merchants[:1], "url": (url_key(target.value),)}.get(target.kind, (target.value,))
    mark = Mark(target.kind, named_by[0])
    texts = _own_texts(store, plan, named)
    found: dict[str, object] = {"known": known, "objects": objects, "texts": texts}
    found |= {"properties": properties, "paths": paths, "remains": remains}
    plan = plan.model_copy(update={"digest": open_register(store).digest(mark), **found})
    for hook in hooks()[1:]:
        plan = hook.search(store, target, plan)
    return plan.model_copy(update={"rows": count_rows(store.snapshot(), plan), "stages": _stages(store, plan)})


def find_near(store: Store, target: Target) -> tuple[str, ...]:
    """Return at most three products, URLs or merchants that a target which is not here may have meant."""
    with history(store.root) as engine:
        if target.kind == "merchant":
            known = column(engine, "SELECT DISTINCT merchant FROM products")
            return tuple(page_hook().near_merchants(store, target.value.strip(), known)[:_MAX_NEAR])
        value = target.value.strip()
        query, part = _NEAR[target.kind], common_part(value)
        values = [value, part] if "$2" in query else [value]
        return tuple(row[0] for row in engine.execute(query, values).fetchall() if row[0] != target.value)


def search_segments(store: Store, plan: Plan, cleaner: PageCleaner) -> tuple[list[WarcRecord], list[WarcRecord]]:
    """Return the records of the target, and the other stored pages that name it."""
    objects = frozenset(plan.objects)
    return find_records(
        store.root,
        store.objects,
        lambda place: place.sha256 in objects or cleaner.is_item(place.url),
        cleaner.names_it,
    )


def users_of(store: Store, plan: Plan, objects: Collection[str]) -> dict[str, str | None]:
    """Return object -> URL for the objects that anything except the target uses; None if the user has no URL."""
    with history(store.root) as engine:
        _name_target(engine, plan)
        return _users(engine, store, plan, objects)


def column(engine: duckdb.DuckDBPyConnection, query: str, values: list[object] | None = None) -> tuple[str, ...]:
    """Return the first column of a query, sorted, without NULL."""
    return tuple(sorted(row[0] for row in engine.execute(query, values or []).fetchall() if row[0] is not None))


def _in_tables(engine: duckdb.DuckDBPyConnection, target: Target, plan: Plan) -> Plan:
    """Return the plan extended by the products, URLs and media that tables link to it."""
    _name_target(engine, plan)
    _name(engine, "pages", plan.pages)
    _name(engine, "merchants", plan.merchants)
    products = {*plan.products, *([target.value] if target.kind == "product" else [])}
    products |= set(
        column(
            engine,
            "SELECT product_id FROM products "
            "WHERE url IN (FROM pages) OR url IN (FROM spelt) OR merchant IN (FROM merchants)",
        )
    )
    _name(engine, "own", products)
    pages = {
        *plan.pages,
        *column(engine, "SELECT url FROM products WHERE url IN (FROM spelt) OR product_id IN (FROM own)"),
    }
    media = column(engine, _MEDIA)
    return plan.model_copy(update={"products": tuple(sorted(products)), "pages": tuple(sorted(pages)), "media": media})


def _stored_spellings(engine: duckdb.DuckDBPyConnection, target: Target) -> set[str]:
    """Return the URLs of products and media that are the target, spelt in any way; none for other kinds."""
    if target.kind != "url":
        return set()
    key, query = url_key(target.value), "SELECT url FROM products WHERE contains(url, $1) UNION SELECT url FROM media "
    for part in (common_part(target.value), ""):
        urls = column(engine, f"{query} WHERE contains(url, $1)", [part])
        if found := {url for url in urls if url_key(url) == key}:
            return found
    return set()


def _exclusive(engine: duckdb.DuckDBPyConnection, named: str) -> tuple[tuple[str, str], ...]:
    """Return source and name of what only the products in ``own`` have."""
    return tuple((row[0], row[1]) for row in engine.execute(_EXCLUSIVE.format(named=named)).fetchall())


def _find_objects(engine: duckdb.DuckDBPyConnection, store: Store, plan: Plan) -> tuple[str, ...]:
    found = {*plan.objects, *column(engine, _OWN_OBJECTS)}
    _name(engine, "asked", found)
    found |= set(column(engine, _DERIVED))
    return tuple(sorted(found - _users(engine, store, plan, found).keys()))


def _users(
    engine: duckdb.DuckDBPyConnection, store: Store, plan: Plan, objects: Collection[str]
) -> dict[str, str | None]:
    _name(engine, "asked", objects)
    return {**page_hook().users_of(store, plan, objects), **dict(engine.execute(_USERS).fetchall())}


def _own_texts(store: Store, plan: Plan, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts that no other product of the newest version has in its caption or brand."""
    with store.snapshot().connection(("products",)) as engine:
        _name(engine, "own", plan.products)
        _name(engine, "words", [" ".join(text.split()) for text in texts])
        return column(engine, _OWN_TEXTS, [SHORTEST])


def _stages(store: Store, plan: Plan) -> tuple[str, ...]:
    with history(store.root) as engine:
        register_words(engine, plan.words)
        return column(engine, f"SELECT DISTINCT stage FROM rejects WHERE {gone_rejects(plan)}")  # noqa: S608


def _name_target(engine: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    _name(engine, "own", plan.products)
    _name(engine, "urls", plan.urls)


def _name(engine: duckdb.DuckDBPyConnection, name: str, values: Iterable[str]) -> None:
    """Make a temporary table of values."""
    engine.register("given_values", pa.table({"value": pa.array(sorted(set(values)), pa.string())}))
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM given_values")
    engine.unregister("given_values")
