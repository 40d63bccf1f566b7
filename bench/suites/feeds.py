"""Subject feeds: fields of the first item of a feed, read as ``m5data ingest`` reads it."""

import base64
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.suites.cases import Case, Result, judge, read_cases
from core.engine import open_engine
from crawler.feeds import FeedFormat, open_feed
from crawler.feeds.cleaning import add_functions, clean_sql
from crawler.feeds.irregular import read_irregular


def _first_item(path: Path, form: FeedFormat) -> Mapping[str, Any]:
    """Return the fields of a feed's first item, cleaned; ``error`` if it was rejected."""
    with open_engine() as connection:
        add_functions(connection)
        open_feed(connection, path, form)
        read_irregular(connection, datetime.now(UTC))
        found = connection.sql(f"FROM ({clean_sql('feed')}) ORDER BY item LIMIT 1").to_arrow_table().to_pylist()
    return {**found[0], "id": found[0]["native_id"], "title": found[0]["caption"]} if found else {}


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


def _compare(item: Mapping[str, Any], name: str, right: Any) -> tuple[object, bool]:  # noqa: ANN401  a value of JSON
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
