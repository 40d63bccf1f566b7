"""Specification candidates that the markup itself pairs: tables and definition lists."""

from collections.abc import Iterator

from lxml import html

from crawler.pages.pairs import MAX_NAME, MAX_VALUE, Group, Pair
from crawler.pages.visible import Visible

__all__ = ["definition_lists", "tables"]

Span = tuple[int, int]


def tables(seen: Visible) -> Iterator[Group]:
    """Yield each table of pairs: most of its rows hold a name and a value, or several of both.

    Tables that hold tables are layout; tables of several columns are charts. A row of one cell is
    the title of a group and is left out.
    """
    for table in seen.spans:
        if table.tag == "table" and not any(inner in seen.spans for inner in table.iterdescendants("table")):
            pairs = _read_table(seen, table)
            if pairs:
                yield Group(tuple(pairs), table, "table")


def _read_table(seen: Visible, table: html.HtmlElement) -> list[Pair]:
    pairs: list[Pair] = []
    wide = 0
    for row in table.iter("tr"):
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        if row not in seen.spans or sum(cell in seen.spans for cell in cells) < 2:
            continue
        found = _read_row(seen, cells)
        if found:
            pairs += found
        else:
            wide += 1
    return pairs if wide * 2 <= len(pairs) else []


def _read_row(seen: Visible, cells: list[html.HtmlElement]) -> list[Pair]:
    """Read ``name value``, or ``name value name value`` where the names are marked as such."""
    filled = [cell for cell in cells if cell in seen.spans]
    if len(filled) == 2:
        found = _pair(seen, seen.spans[filled[0]], seen.spans[filled[1]])
        return [found] if found else []
    if len(filled) % 2 or not all(_is_label(seen, cell) for cell in filled[::2]):
        return []
    if any(_is_label(seen, cell) for cell in filled[1::2]):
        return []
    spans = [seen.spans[cell] for cell in filled]
    return [pair for name, value in zip(spans[::2], spans[1::2], strict=True) if (pair := _pair(seen, name, value))]


def _is_label(seen: Visible, cell: html.HtmlElement) -> bool:
    names = (cell.get("class") or "").lower()
    return cell.tag == "th" or "label" in names or "name" in names or seen.text_of(cell)[-1] in ":："


def _pair(seen: Visible, name: Span, value: Span) -> Pair | None:
    said = seen.text(*name)
    label, content = said.rstrip(":： "), seen.text(*value).lstrip(":： ")
    if not label or not content or len(label) > MAX_NAME * 2 or len(content) > MAX_VALUE:
        return None
    return Pair(label, content, name[0], value[1], colon=said[-1] in ":：")


def definition_lists(seen: Visible) -> Iterator[Group]:
    """Yield the pairs of definition lists; lists under one parent, one pair each, are one group."""
    together: dict[html.HtmlElement, list[Pair]] = {}
    holders: dict[html.HtmlElement, html.HtmlElement] = {}
    for element in seen.spans:
        if element.tag != "dl":
            continue
        pairs = _read_list(seen, element)
        parent = element.getparent()
        alone = len(pairs) == 1 and parent is not None and sum(1 for _ in parent.iterchildren("dl")) > 1
        key = parent if alone and parent is not None else element
        together.setdefault(key, []).extend(pairs)
        holders[key] = key
    for key, pairs in together.items():
        if pairs:
            yield Group(tuple(pairs), holders[key], "dl")


def _read_list(seen: Visible, element: html.HtmlElement) -> list[Pair]:
    """Pair each ``dt`` with the ``dd`` elements behind it; ``div`` wrappers inside a list are allowed in HTML."""
    pairs: list[Pair] = []
    name: Span | None = None
    values: list[Span] = []
    for item in [*element.iterdescendants("dt", "dd"), None]:
        if item is not None and item.tag == "dd":
            if item in seen.spans:
                values.append(seen.spans[item])
            continue
        if name and values and (pair := _pair(seen, name, (values[0][0], values[-1][1]))):
            pairs.append(pair)
        name, values = (seen.spans.get(item) if item is not None else None), []
    return pairs
