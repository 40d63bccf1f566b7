"""Subject feeds: fields of the first item of a feed, read as ``m5data ingest`` reads it."""

import base64
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from bench.suites.cases import Case, Result, judge, read_cases
from crawler.feeds.cleaning import MACROS
from crawler.feeds.formats import FeedFormat, open_feed

_FIRST = """
    SELECT error, fold(id) AS id, fold(title) AS title, trim(url) AS url, texts(category) AS category,
        fold(brand) AS brand, amount(price) AS price, currency_of(currency, price) AS currency,
        stock(availability) AS availability, fold(gtin) AS gtin, fold(mpn) AS mpn,
        each_once(texts(image_urls)) AS image_urls, pairs(specs) AS specs
    FROM feed ORDER BY line LIMIT 1
"""


def _first_item(path: Path, form: FeedFormat) -> dict[str, Any]:
    """Return the fields of a feed's first item, cleaned; ``error`` if it was rejected."""
    with duckdb.connect() as connection:
        for statement in MACROS:
            connection.execute(statement)
        open_feed(connection, path, form)
        rows: list[dict[str, Any]] = connection.sql(_FIRST).to_arrow_table().to_pylist()
    return rows[0] if rows else {}


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        given = base64.b64decode(case["body_base64"])
        yield judge(case["kind"], case, given, _judged, case, given)


def _judged(case: Case, body: bytes) -> tuple[object, object, bool]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed"
        path.write_bytes(body)
        item = _first_item(path, case["format"])
    if item.get("error"):
        return "an item", item["error"], False
    wrong = {}
    for name, right in case["want"].items():
        got, is_same = _compare(item, name, right)
        if not is_same:
            wrong[name] = got
    return {name: case["want"][name] for name in wrong}, wrong, not wrong


def _compare(item: dict[str, Any], name: str, right: Any) -> tuple[object, bool]:  # noqa: ANN401  a value of JSON
    pairs = [[spec["property"], spec["value"]] for spec in item.get("specs") or ()]
    match name:
        case "specs":
            return pairs, all(pair in pairs for pair in right)
        case "spec_values":
            return pairs, all(value in [got for _, got in pairs] for value in right)
        case "price":
            price = item.get("price")
            return price, price is not None and price == Decimal(right)
        case _:
            got = item.get(name)
            return got, got == right
