"""Evidence that a page without a product of its own lists products."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice, pairwise
from urllib.parse import urlsplit

from lxml import html

from crawler.pages.evidence import Page, bucket
from crawler.pages.links import next_link

__all__ = ["listing_evidence"]

_MAX_LINKS = 3_000
_LEVELS = 6
"""Elements around a link, one of which may be a tile of a listing."""
_FRAMES = frozenset(("nav", "header", "footer"))
_PROSE = 120
"""Shortest text that is prose, characters."""


def listing_evidence(page: Page, known: set[str]) -> set[str]:
    """Return evidence that a page lists products, beside what is ``known`` of its kind: repeated tiles, a next page."""
    found = {*known, f"tiles:{bucket(len(page.tile_runs))}"}
    if next_link(page.document) is not None:
        found.add("next")
    repeated: dict[tuple[html.HtmlElement, str, str], set[html.HtmlElement]] = defaultdict(set)
    pictured: dict[tuple[html.HtmlElement, str, str], set[html.HtmlElement]] = defaultdict(set)
    for link, outer in _links(page):
        picture = next(link.iter("img", "picture"), None) is not None
        for inside, around in pairwise((link, *outer[:_LEVELS])):
            shape = (around, inside.tag, (inside.get("class") or "").partition(" ")[0])
            repeated[shape].add(inside)
            if picture:
                pictured[shape].add(inside)
    for name, shapes in (("blocks", repeated), ("pictures", pictured)):
        most = max(map(len, shapes.values()), default=0)
        found |= {f"{name}:{bucket(most)}", f"{name}:{'some' if most > 2 else 'few'}"}
    headings = Counter((one.tag, one.get("class")) for one in page.document.tree.iter("h2", "h3", "h4"))
    found.add(f"headings:{bucket(max(headings.values(), default=0))}")
    prose = sum(len(run.text) for run in page.seen.runs if len(run.text) > _PROSE)
    found.add(f"prose:{bucket(prose / 100)}")
    return found


def _links(page: Page) -> Iterator[tuple[html.HtmlElement, list[html.HtmlElement]]]:
    """Yield the links to other pages outside menus, each with the elements around it."""
    here = urlsplit(page.document.url)[1:3]
    for link in islice(page.document.tree.iter("a"), _MAX_LINKS):
        target = page.document.absolute(link.get("href") or "")
        if target and urlsplit(target)[1:3] != here:
            outer = list(islice(link.iterancestors(), 40))
            if _FRAMES.isdisjoint(one.tag for one in outer):
                yield link, outer
