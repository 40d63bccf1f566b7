"""Removal of contact details, merchants' names and taken-down items from a feed before they reach a table."""

from collections.abc import Callable, Iterator
from contextlib import closing

import duckdb
import pyarrow as pa

from core.contacts import hash_merchant
from crawler.feeds.tables import masked_texts
from storage.erasure import among
from takedown.register import Register

__all__ = ["SUSPECT", "drop_taken_down_media", "taken_down_rows", "write_hashes", "write_masks"]

_BATCH = 20_000

_MERCHANT_NAMES = """
    CREATE TABLE merchants AS SELECT DISTINCT fold(merchant) AS name FROM good WHERE name IS NOT NULL
"""

# Python's \s, \d and [a-z] follow Unicode, and the rules read full-width characters as half-width ones.
_S = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]"
_D = r"\p{Nd}"
_I = "[iİı]"
_DOT, _PLUS, _AT = "[.．]", "[+＋]", "[@＠]"
_LABELS = (
    rf"电话|電話|联系方式|联络|热线|熱線|致电|tel|hotl{_I}ne|call|whats{_S}?app|v{_I}ber|fax|тел|هاتف|טלפון|☎|📞|📱"
    rf"|手机|手機|专线|客服|座机|phone|mob{_I}le|cell"
)

SUSPECT = "(?i)" + "|".join(
    (
        rf"{_AT}{_S}?[\pL\pN_－-]+{_DOT}",
        rf"(?:[微薇徽威v]{_S}?信|we{_I}{_S}?x{_I}n|we{_S}?chat)(?:[号號idİı:：=]|{_S})*[a-zİı{_D}]",
        rf"[vw]{_S}?x{_S}?(?:号{_S}*)?[:：=号]",
        rf"(?:qq|扣扣|企鹅)(?:[号码群空间:：=]|{_S})*{_D}{{5}}",
        rf"(?:路|街|道|巷|弄|胡同){_S}?{_D}{{1,5}}{_S}?号",
        rf"(?:[地住厂]址|address|adresse|d{_I}recc{_I}ón|{_I}nd{_I}r{_I}zzo|endereço|адрес){_S}*[:：]",
        rf"(?:{_LABELS})(?:[a-zéефонİı.．:：号码]|{_S})*{_PLUS}?\(?{_D}(?:[{_D}()./．－-]|{_S}){{5}}",
        rf"{_PLUS}{_D}(?:[{_D}().．－-]|{_S})",
        rf"{_D}{{3}}(?:(?:{_S}|[－-])?{_D}{{4}}){{2}}",
        rf"\({_D}{{3,4}}\){_S}?{_D}{{3}}",
        rf"{_D}{{3}}[－-](?:{_D}{{7}}|{_D}{{3}}[－-]?{_D}{{4}}|{_D}{{4}}[－-])",
    )
)
"""RE2 pattern that every text with a contact detail matches and few others do: the rules of ``mask_contacts`` without
the features that RE2 lacks. Matching texts are masked one by one."""

_TEXTS = """
    CREATE OR REPLACE TABLE suspects AS
    SELECT * FROM (
        SELECT product_id, -1 AS position, '' AS label, caption AS text FROM part_rows
        UNION ALL SELECT product_id, -3, '', description FROM part_rows
        UNION ALL SELECT product_id, -3, '', array_to_string(features, chr(10)) FROM part_rows
        UNION ALL SELECT product_id, position, pair.property AS label, pair.value AS text FROM part_specs
        {further}
    ) WHERE regexp_matches(text, $pattern)
"""

_MASKS = pa.schema([("label", pa.string()), ("text", pa.string()), ("masked", pa.string()), ("found", pa.int32())])
_HASHES = pa.schema([("name", pa.string()), ("hash", pa.string())])


def write_masks(connection: duckdb.DuckDBPyConnection, mask: Callable[[str, str], tuple[str, int]]) -> None:
    """Create the table ``masks`` (label, text, masked, found) of all texts with contact details.

    The table ``suspects`` (product_id, position, label, text) has every text that was checked; the position of a
    caption is -1, that of a further modality's text -2, that of a description or list of features -3. Both replace
    those of an earlier call.

    Args:
        connection: A connection with the views ``part_rows`` and those of ``crawler.feeds.tables.part_views``.
        mask: Function of a text and its label (the property of a value, "" for a caption). It returns the masked text
            and the number of contact details.
    """
    _create(connection, "masks", _MASKS)
    further = (f"UNION ALL SELECT product_id, -2 AS position, '' AS label, text FROM ({q})" for q in masked_texts())  # noqa: S608
    connection.execute(_TEXTS.replace("{further}", " ".join(further)), {"pattern": SUSPECT})
    for rows in _read(connection, "SELECT DISTINCT label, text FROM suspects"):
        looked = [(label, text, *mask(text, label)) for label, text in rows]
        _insert(connection, "masks", _MASKS, [row for row in looked if row[-1]])


def write_hashes(connection: duckdb.DuckDBPyConnection, hash_name: Callable[[str], str]) -> None:
    """Create the table ``hashes`` (name, hash) of all merchants.

    Args:
        connection: A connection with the view ``good``.
        hash_name: Returns the keyed hash of a name.
    """
    _create(connection, "hashes", _HASHES)
    connection.execute(_MERCHANT_NAMES)
    for rows in _read(connection, "SELECT name FROM merchants"):
        _insert(connection, "hashes", _HASHES, [(name, hash_name(name)) for (name,) in rows])


def _create(connection: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema) -> None:
    connection.register("arriving", schema.empty_table())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM arriving")  # noqa: S608


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, rows: list[tuple[object, ...]]
) -> None:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    connection.register("arriving", pa.Table.from_arrays(arrays, schema=schema))
    connection.execute(f"INSERT INTO {table} SELECT * FROM arriving")  # noqa: S608


def _read(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[tuple[str, ...]]]:
    """Yield the rows of a query in batches, on a separate cursor, which does not see temporary tables."""
    with closing(connection.cursor()) as cursor:
        found = cursor.execute(query)
        while rows := found.fetchmany(_BATCH):
            yield rows


_PRODUCT = "getvariable('source') || ':' || fold(id)"


def taken_down_rows(connection: duckdb.DuckDBPyConnection, register: Register, key: bytes) -> str:
    """Return the SQL condition for rows of the relation ``feed`` that were taken down.

    Args:
        connection: A connection with the relation ``feed``.
        register: Register of taken-down items.
        key: Key of the workspace for the hashes of merchant names.
    """
    merchants = among("fold(merchant)", _merchants(connection, register, key))
    product, url = register.sql("product", _PRODUCT), register.sql("url", "trim(url)")
    return f"{product} OR {url} OR coalesce({merchants}, false)"


def drop_taken_down_media(connection: duckdb.DuckDBPyConnection, register: Register) -> None:
    """Create the view ``kept_media`` of the media that were not taken down."""
    taken_down = register.sql("url", "url")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW kept_media AS SELECT * FROM part_media WHERE NOT {taken_down}")  # noqa: S608


def _merchants(connection: duckdb.DuckDBPyConnection, register: Register, key: bytes) -> list[str]:
    """Return the names of merchants in the feed that were taken down, in the spelling of the feed."""
    if not register.has("merchant"):
        return []
    found: list[str] = []
    names = connection.execute("SELECT DISTINCT fold(merchant) FROM feed WHERE fold(merchant) IS NOT NULL")
    while rows := names.fetchmany(_BATCH):
        found += [name for (name,) in rows if register.holds("merchant", hash_merchant(name, key))]
    return found
