"""Specifications in plain HTML: tables, definition lists, and lists of names and values, in any language."""

from collections.abc import Iterable, Iterator

from lxml import html

from crawler.pages.pairs import Group, Pair, alternating_pairs, labelled_pairs, paired_rows
from crawler.pages.spec_judge import judge, kept_pairs
from crawler.pages.spec_tables import definition_lists, tables
from crawler.pages.visible import Visible

__all__ = ["find_specs"]


def find_specs(seen: Visible) -> list[tuple[str, str]]:
    """Return the product's specifications, names and values as published, in page order, each pair once.

    Candidates are groups of pairs: rows of a table, a definition list, siblings of one shape, lines with a
    colon. Each group is judged as a whole (``spec_judge``), so that size charts, deliveries, prices and
    reviews, which come in the same shapes, stay out.
    """
    found: list[tuple[int, str, str]] = []
    for group in _candidates(seen):
        pairs = kept_pairs(group)
        if judge(seen, group, pairs) >= 1.0:
            found += [(pair.start, pair.name, pair.value) for pair in pairs]
    found.sort(key=lambda pair: pair[0])
    return list({(name.casefold(), value.casefold()): (name, value) for _, name, value in reversed(found)}.values())[
        ::-1
    ]


def _candidates(seen: Visible) -> Iterator[Group]:
    marked = [*tables(seen), *definition_lists(seen)]
    yield from marked
    taken = {index for group in marked for pair in group.pairs for index in range(pair.start, pair.end)}
    labelled = [(pair, row) for pair, row in labelled_pairs(seen) if pair.start not in taken]
    names = {pair.start for group in marked for pair in group.pairs} | {pair.start for pair, _ in labelled}
    yield from _gather(seen, [found for found in labelled if _is_innermost(found[0], names)], least=1)
    taken.update(index for pair, _ in labelled for index in range(pair.start, pair.end))
    plain = [*alternating_pairs(seen), *paired_rows(seen)]
    rest = [found for found in plain if found[0].start not in taken]
    names.update(pair.start for pair, _ in rest)
    yield from _gather(seen, [found for found in rest if _is_innermost(found[0], names)], least=3)


def _is_innermost(pair: Pair, names: set[int]) -> bool:
    """Tell whether no name stands inside a pair's value: it would be the title of a section."""
    return not any(index in names for index in range(pair.start + 1, pair.end))


def _gather(seen: Visible, rows: Iterable[tuple[Pair, html.HtmlElement]], least: int) -> Iterator[Group]:
    """Group pairs that stand together: in one element, else in siblings, wrappers with nothing else in them aside."""
    inside: dict[html.HtmlElement, list[Pair]] = {}
    for pair, row in rows:
        inside.setdefault(row, []).append(pair)
    groups: dict[html.HtmlElement, list[Pair]] = {}
    for row, pairs in inside.items():
        groups.setdefault(row if len(pairs) > 1 else _holder(seen, row), []).extend(pairs)
    for holder, pairs in groups.items():
        if len(pairs) >= least:
            yield Group(tuple(pairs), holder, "list")


def _holder(seen: Visible, row: html.HtmlElement) -> html.HtmlElement:
    """Return the smallest element that holds a row and something besides."""
    span = seen.spans[row]
    element = row
    while (parent := element.getparent()) is not None and parent in seen.spans:
        if seen.spans[parent] != span:
            return parent
        element = parent
    return element
