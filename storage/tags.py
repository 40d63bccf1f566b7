"""Tags that people put on products: kept in the state, shown as the view ``tags`` of every dataset version."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime

import pyarrow as pa

from core.errors import UsageError
from core.table_spec import Column
from storage.state import State

__all__ = [
    "TAGS_COLUMNS",
    "TAGS_MEANING",
    "TAGS_SCHEMA",
    "put_tag",
    "read_tags",
    "remove_tag",
    "tags_digest",
    "tags_of",
]

TAGS_MEANING = "One row per product and tag, as people put them now, whatever the dataset version."
TAGS_COLUMNS = (Column("product_id", pa.string(), "product"), Column("tag", pa.string(), "tag"))
TAGS_SCHEMA = pa.schema([(column.name, column.type) for column in TAGS_COLUMNS])
_LONGEST = 60
_DDL = (
    """create table if not exists product_tags (
        tag text not null, product_id text not null, person text not null, put_at text not null,
        primary key (tag, product_id)
    ) without rowid, strict""",
    "create index if not exists product_tags_of on product_tags (product_id)",
    "create table if not exists product_tag_changes (number integer primary key) strict",
)
_PUT = "insert into product_tags values (?, ?, ?, ?) on conflict do nothing"
_DIGEST = "select (select max(number) from product_tag_changes), (select count(*) from product_tags)"


def put_tag(state: State, tag: str, products: Iterable[str], person: str, now: datetime) -> int:
    """Put a tag on products and return how many did not have it.

    Raises:
        UsageError: The tag is empty, longer than 60 characters, or has control characters.
    """
    name = tag.strip()
    if not 0 < len(name) <= _LONGEST or not name.isprintable():
        raise UsageError(f"tag: {name[:_LONGEST]!r} is not a valid tag. Use 1 to {_LONGEST} printable characters.")
    return _change(state, _PUT, ((name, product, person, now.isoformat()) for product in products))


def remove_tag(state: State, tag: str, products: Iterable[str]) -> int:
    """Remove a tag from products and return how many had it."""
    rows = ((tag.strip(), product) for product in products)
    return _change(state, "delete from product_tags where tag = ? and product_id = ?", rows)


def read_tags(state: State) -> pa.Table:
    """Return product_id and tag, sorted; empty if the state has none."""
    with closing(state.connect_reading()) as connection:
        known = connection.execute("select 1 from sqlite_schema where name = 'product_tags'").fetchone()
        query = "select product_id, tag from product_tags order by 1, 2"
        rows = connection.execute(query).fetchall() if known else []
    if not rows:
        return TAGS_SCHEMA.empty_table()  # pa.array() imports pandas, which takes as long as the rest of a command
    products, tags = zip(*rows, strict=True)
    return pa.table([pa.array(products, pa.string()), pa.array(tags, pa.string())], schema=TAGS_SCHEMA)


def tags_of(state: State, product: str) -> list[str]:
    """Return a product's tags, sorted."""
    with closing(_connect(state)) as connection:
        query = "select tag from product_tags where product_id = ? order by tag"
        return [tag for (tag,) in connection.execute(query, (product,))]


def tags_digest(state: State) -> str:
    """Return a text that changes whenever a tag is added or removed."""
    with closing(_connect(state)) as connection:
        return str(connection.execute(_DIGEST).fetchone())


def _change(state: State, statement: str, rows: Iterable[tuple[str, ...]]) -> int:
    with closing(_connect(state)) as connection:
        connection.execute("begin immediate")
        before = connection.total_changes
        connection.executemany(statement, rows)
        changed = connection.total_changes - before
        if changed:
            connection.execute("insert into product_tag_changes default values")
        connection.execute("commit")
    return changed


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("storage.tags", _DDL)
    return state.connect()
