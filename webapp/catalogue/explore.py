"""Results and facets of a selection, from the catalogue's index."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb

from core.engine import text as quoted
from core.modalities import modalities
from storage.query import query_errors
from webapp.catalogue.product_card import plain
from webapp.catalogue.sampling import ENOUGH, among_first, in_sample
from webapp.catalogue.selection import LIST_FACETS, RANGES, SORTS, Selection, facet_columns

__all__ = [
    "LAST_PAGE",
    "PAGE",
    "Bar",
    "Facet",
    "FacetValue",
    "Histogram",
    "Overview",
    "ResultCard",
    "SelectedRows",
    "explore",
    "rounded",
    "selected_products",
    "selected_rows",
]

PAGE = 24
"""Products per page."""
LAST_PAGE = 400
"""Last page shown; to see more, the selection must be narrowed."""
_VALUES = 12
_PROPERTIES = 300
_BARS = 16
_QUANTILE_OF = 65_536
"""Number of rows that suffices to estimate the 99th percentile."""
_LONGEST = 300
"""Maximum length of a listed value; longer ones cannot be chosen."""
_SEARCH = "n IN ("
"""Prefix of conditions that search a table other than the catalogue."""
_WIDE = "product_id, url, caption, category, currency, main_image, group_id"
"""Columns of the catalogue that neither facets nor sorting need."""
_CAPTION = 160
_NAME = 120


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet; an empty one stands for no value."""

    value: str
    count: int
    """Number of selected products that have the value, ignoring the conditions on its facet."""
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """Values of a facet: the chosen and the most frequent ones."""

    name: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram."""

    least: float
    most: float
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Histogram of a column of the selection, ignoring its own range; the last bar includes the highest percentile."""

    name: str
    bars: tuple[Bar, ...]

    @property
    def highest(self) -> int:
        """Count of the highest bar."""
        return max((bar.count for bar in self.bars), default=0)


@dataclass(frozen=True, slots=True)
class ResultCard:
    """A product as shown in the grid."""

    product_id: str
    caption: str | None
    brand: str | None
    price: str | None
    image: str | None
    """Object of the main image."""
    states: tuple[tuple[str, str], ...]
    """Modality -> present, or the reason why it is not, in the order of the ledger."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of a selection, with the facets that can narrow it."""

    count: int
    cards: tuple[ResultCard, ...]
    facets: tuple[Facet, ...]
    histograms: tuple[Histogram, ...]
    property_facets: tuple[Facet, ...]
    """Values of the properties that the selection names."""
    properties: tuple[tuple[str, int], ...]
    """The most frequent properties, each with the number of its products in the whole dataset."""
    step: int = 1
    """Counts are estimates from every ``step``-th product; 1: they are exact."""

    @property
    def pages(self) -> int:
        """Number of pages."""
        return min(LAST_PAGE, max(1, -(-self.count // PAGE)))


def explore(engine: duckdb.DuckDBPyConnection, selection: Selection) -> Overview:
    """Return a page of the selection with its facets; counts are estimates if a search has many matches.

    Args:
        engine: A connection to a catalogue's index, for temporary tables too.
        selection: The selection to show.

    Raises:
        QueryError: DuckDB was stopped, or ran out of memory.
    """
    with query_errors():
        with in_sample(engine) as step:
            estimate = _estimate(engine, selection, step) if step > 1 and _is_searched(selection) else None
        if estimate is not None:
            return replace(estimate, cards=_first_cards(engine, selection, estimate.count))
        with selected_rows(engine, selection) as every:
            return replace(_overview(engine, every, selection), cards=_cards(engine, every(None), selection))


def _overview(
    engine: duckdb.DuckDBPyConnection, every: "SelectedRows", selection: Selection, step: int = 1
) -> Overview:
    """Return the counts, without cards; those of a sample are estimates."""
    count = _count(engine, every(None))
    return Overview(
        count=rounded(count, step),
        cards=(),
        facets=tuple(_facet(engine, every(name), name, selection, step) for name in facet_columns()),
        histograms=tuple(_histogram(engine, every(name), name, step, count) for name in RANGES),
        property_facets=tuple(
            _property_facet(engine, every(f"p.{name}"), name, values, step)
            for name, values in selection.properties.items()
        ),
        properties=tuple(engine.execute("SELECT * FROM properties LIMIT ?", [_PROPERTIES]).fetchall()),
        step=step,
    )


def _estimate(engine: duckdb.DuckDBPyConnection, selection: Selection, step: int) -> Overview | None:
    with selected_rows(engine, selection) as every:
        return _overview(engine, every, selection, step) if _count(engine, every(None)) >= ENOUGH else None


def rounded(count: int, step: int) -> int:
    """Return the estimate from a count in a sample, to three digits; the count itself if the step is 1."""
    estimate = count * step
    return round(estimate, min(0, 3 - len(str(estimate)))) if step > 1 else count


def _first_cards(engine: duckdb.DuckDBPyConnection, selection: Selection, found: int) -> tuple[ResultCard, ...]:
    """Return the page of a selection of about ``found`` products.

    If few are likely to be enough, texts are searched only in the first products that meet the other conditions.
    """
    others = [sql for sql in selection.conditions("n").values() if not sql.startswith(_SEARCH)]
    rows = "FROM catalogue" + (f" WHERE {' AND '.join(others)}" if others else "")
    total = _count(engine, rows)
    reach = 2 * min(selection.page, LAST_PAGE) * PAGE * total // found
    if reach < total // 8:
        with (
            among_first(engine, f"{rows} ORDER BY {_order(selection)} LIMIT {reach}"),
            selected_rows(engine, selection) as every,
        ):
            cards = _cards(engine, every(None), selection)
        if len(cards) == PAGE:
            return cards
    with selected_rows(engine, selection) as every:
        return _cards(engine, every(None), selection)


def selected_products(engine: duckdb.DuckDBPyConnection, selection: Selection, most: int) -> list[str]:
    """Return the ids of at most ``most`` of the selected products, sorted."""
    with query_errors(), selected_rows(engine, selection) as every:
        query = f"SELECT product_id FROM catalogue WHERE n IN (SELECT n {every(None)}) ORDER BY n LIMIT {most}"  # noqa: S608
        return [product for (product,) in engine.execute(query).fetchall()]


class SelectedRows:
    """Query of the selected rows, optionally without one of the conditions."""

    def __init__(self, conditions: Mapping[str, str], found: str | None) -> None:
        self._conditions = conditions
        self._found = found
        """Table of the rows that meet every condition; None: each query evaluates the conditions."""

    def __call__(self, aside: str | None) -> str:
        """Return ``FROM … WHERE …``, without the condition named ``aside``."""
        if self._found and aside not in self._conditions:
            return f"FROM {self._found}"
        others = [sql for name, sql in self._conditions.items() if name != aside]
        return "FROM catalogue" + (f" WHERE {' AND '.join(others)}" if others else "")


@contextmanager
def selected_rows(engine: duckdb.DuckDBPyConnection, selection: Selection) -> Iterator[SelectedRows]:
    """Search texts and specifications once, however many facets are counted."""
    conditions = selection.conditions("n")
    searched = {name: sql.removeprefix(_SEARCH) for name, sql in conditions.items() if sql.startswith(_SEARCH)}
    tables = {name: f"hits_{n}" for n, name in enumerate(searched)}
    for name, table in tables.items():
        engine.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {searched[name].removesuffix(')')}")
    named = {name: f"n IN (SELECT n FROM {table})" for name, table in tables.items()}  # noqa: S608
    if tables:
        rows = SelectedRows({**conditions, **named}, None)(None)
        engine.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT * EXCLUDE ({_WIDE}) {rows}")
    yield SelectedRows({**conditions, **named}, "found" if tables else None)
    for table in (*tables.values(), *(["found"] if tables else [])):
        engine.execute(f"DROP TABLE {table}")


def _is_searched(selection: Selection) -> bool:
    return any(sql.startswith(_SEARCH) for sql in selection.conditions("n").values())


def _order(selection: Selection) -> str:
    return SORTS[selection.sort].replace("product_id", "n")  # numbers are in the order of ids


def _count(engine: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(engine.execute(f"SELECT count(*) {rows}").fetchall()[0][0])


def _cards(engine: duckdb.DuckDBPyConnection, rows: str, selection: Selection) -> tuple[ResultCard, ...]:
    order = _order(selection)
    skipped = (min(selection.page, LAST_PAGE) - 1) * PAGE
    states = ", ".join(f"{modality.ledger.column}_state" for modality in modalities())
    query = f"""
        SELECT product_id, left(caption, {_CAPTION + 1}), left(brand, {_NAME + 1}), price, currency, main_image,
            {states}
        FROM catalogue WHERE n IN (SELECT n {rows} ORDER BY {order} LIMIT {PAGE} OFFSET {skipped}) ORDER BY {order}
    """  # noqa: S608 - constants, quoted
    return tuple(_card(row) for row in engine.execute(query).fetchall())


def _card(row: Sequence[object]) -> ResultCard:
    product_id, caption, brand, price, currency, image, *states = row
    return ResultCard(
        str(product_id),
        None if caption is None else plain(str(caption), _CAPTION),
        None if brand is None else plain(str(brand), _NAME),
        None if price is None else plain(f"{price:,.2f} {currency or ''}".strip(), _NAME),
        None if image is None else str(image),
        tuple((modality.ledger.column, str(state)) for modality, state in zip(modalities(), states, strict=True)),
    )


def _facet(engine: duckdb.DuckDBPyConnection, rows: str, name: str, selection: Selection, step: int) -> Facet:
    column = facet_columns()[name]
    if column == "tags":
        tagged = f"SELECT tag AS value FROM tags WHERE n IN (SELECT n {rows})"  # noqa: S608 - quoted
        return _listed(engine, name, tagged, selection.facets.get(name, ()), step)
    value = (
        f"unnest(CASE WHEN len({column}) = 0 THEN [''] ELSE {column} END)"
        if name in LIST_FACETS
        else f"coalesce({column}, '')"
    )
    return _listed(engine, name, f"SELECT {value} AS value {rows}", selection.facets.get(name, ()), step)


def _property_facet(engine: duckdb.DuckDBPyConnection, rows: str, name: str, chosen: Sequence[str], step: int) -> Facet:
    query = f"""
        SELECT DISTINCT value, n FROM spec_values WHERE property = {quoted(name)} AND n IN (SELECT n {rows})
    """  # noqa: S608 - quoted
    return _listed(engine, name, query, chosen, step)


def _listed(engine: duckdb.DuckDBPyConnection, name: str, values: str, chosen: Sequence[str], step: int) -> Facet:
    """Return the most frequent values and all chosen ones."""
    named = f"value IN ({', '.join(map(quoted, chosen))})" if chosen else "false"
    query = f"""
        SELECT value, count(*) AS n, {named} AS chosen FROM ({values}) WHERE length(value) <= {_LONGEST} GROUP BY value
        ORDER BY chosen DESC, n DESC, value LIMIT {_VALUES + len(chosen)}
    """  # noqa: S608 - quoted
    counted = engine.execute(query).fetchall()
    found = {str(value): rounded(int(count), step) for value, count, _ in counted}
    for value in chosen:
        found.setdefault(value, 0)
    return Facet(name, tuple(FacetValue(value, count, value in chosen) for value, count in found.items()))


def _histogram(engine: duckdb.DuckDBPyConnection, rows: str, name: str, step: int, count: int) -> Histogram:
    """Return the histogram of ``count`` rows or more; if many, the last bar's start is estimated from a part."""
    column, part = RANGES[name], 1 + count // _QUANTILE_OF
    bounds = engine.execute(
        f"SELECT min({column})::DOUBLE, "
        f"coalesce(approx_quantile({column}::DOUBLE, 0.99) FILTER (n % {part} = 0), max({column})::DOUBLE), "
        f"max({column})::DOUBLE {rows}"
    ).fetchall()[0]
    if bounds[0] is None:
        return Histogram(name, ())
    least, high, most = (float(one) for one in bounds)
    width = (max(high, least) - least) / _BARS or 1.0
    counted = engine.execute(
        f"SELECT least({_BARS - 1}, floor(({column}::DOUBLE - {least!r}) / {width!r}))::INTEGER AS bar, count(*) "
        f"{rows} {'AND' if 'WHERE' in rows else 'WHERE'} {column} IS NOT NULL GROUP BY 1"
    ).fetchall()
    counts = {int(bar): rounded(int(count), step) for bar, count in counted}
    ends = [least + width * n for n in range(1, _BARS)]
    starts = [least, *ends]
    return Histogram(
        name,
        tuple(
            Bar(start, end, counts.get(n, 0))
            for n, (start, end) in enumerate(zip(starts, [*ends, most], strict=True))
            if start <= most
        ),
    )
