"""Search for products."""

from dataclasses import dataclass

import duckdb

from storage.query import query_errors
from webapp.catalogue.product_card import ProductCard, read_cards

__all__ = ["PAGE", "Filters", "ResultPage", "Search", "find_products", "list_filters"]

PAGE = 24
"""Products a page."""
_LONGEST = 200

_FIND = """
select p.product_id from products p
where p.product_id > $after
  and ($text = '' or contains(lower(p.caption), $text) or contains(lower(p.brand), $text) or p.product_id = $exact)
  and ($source = '' or p.source = $source)
  and ($sub_class = '' or p.product_id in (select product_id from labels where sub_class_name = $sub_class))
  and ($split = '' or p.product_id in (select product_id from splits where split = $split))
order by p.product_id limit $limit
"""
_SOURCES = "select distinct source from products order by 1 limit 500"
_SPLITS = "select distinct split from splits order by 1 limit 100"
_CLASSES = "select sub_class_name from labels where sub_class_name != '' group by 1 order by count(*) desc, 1 limit 500"


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; empty texts ask for nothing."""

    text: str = ""
    """Part of the caption or brand, or a whole product id."""
    source: str = ""
    sub_class: str = ""
    split: str = ""
    after: str = ""
    """Product id that the page before ended with."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """One page of products, by product id."""

    cards: tuple[ProductCard, ...]
    next: str | None
    """``after`` of the next page; None: this is the last."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What can be chosen from."""

    sources: tuple[str, ...]
    splits: tuple[str, ...]
    sub_classes: tuple[str, ...]
    """The largest first."""


def find_products(engine: duckdb.DuckDBPyConnection, search: Search) -> ResultPage:
    """Return one page of what is looked for; equally fast on the first page and the last.

    Raises:
        QueryError: DuckDB was stopped, or ran out of memory.
    """
    text = search.text.strip()[:_LONGEST]
    given = {
        "text": text.lower(), "exact": text, "source": search.source, "sub_class": search.sub_class,
        "split": search.split, "after": search.after, "limit": PAGE + 1,
    }  # fmt: skip
    with query_errors():
        ids = [str(row[0]) for row in engine.execute(_FIND, given).fetchall()]
        cards = read_cards(engine, ids[:PAGE])
    found = tuple(cards[one] for one in ids[:PAGE] if one in cards)
    return ResultPage(found, ids[PAGE - 1] if len(ids) > PAGE else None)


def list_filters(engine: duckdb.DuckDBPyConnection) -> Filters:
    """Return the sources, splits and sub-classes that there are."""

    def names(query: str) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in engine.execute(query).fetchall())

    return Filters(names(_SOURCES), names(_SPLITS), names(_CLASSES))
