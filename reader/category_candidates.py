"""Candidates for the category path: breadcrumbs, rows of links, categories in markup and state."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from lxml import html

from reader.breadcrumbs import Crumb, crumbs_of, is_home, is_root, named_breadcrumbs, rows_after_home
from reader.document import Document
from reader.evidence import Page, bucket, key_of, keys_with
from reader.facts import breadcrumb, types_of
from reader.markup import Node
from reader.model import Candidate, Pool
from reader.refusals import is_command, is_software_type, is_template
from reader.text import plain

__all__ = ["categories"]


def _marked_breadcrumbs(document: Document, nodes: Iterable[Node]) -> Iterator[list[Crumb]]:
    """Yield the steps of each ``BreadcrumbList``."""
    for node in nodes:
        if "breadcrumblist" in types_of(node):
            yield [(name, document.absolute(url) or "") for name, url in breadcrumb(node)]


_PATH = re.compile(r"\s*[>›»|]\s*|\s+/\s+")
_SLASHES = re.compile(r"/(?=[^\W\d]{3})(?<=[^\W\d]{3}/)")
"""Slashes without spaces, between words: a path, or a name such as ``T-shirts/Tops``; ``g/m2`` is a name."""
_LONGEST = 200
_LONGEST_STEP = 100
"""Longest name of a category, in characters."""
_STEPS = 24
"""Maximum steps of a path that are read."""
_PLACES = 40
"""Maximum elements of each kind that are read as breadcrumbs: nested ones repeat each other's steps."""
_KEYS = keys_with(r"categor|(?:^|-)type$|(?:^|-)section$")


def categories(page: Page, nodes: list[tuple[str, list[Node]]]) -> list[Candidate]:
    """Return candidates for the path, outermost first, without the home page and the product."""
    pool = Pool()
    for origin, several in nodes:
        for place, crumbs in enumerate(_marked_breadcrumbs(page.document, several)):
            _add(page, pool, crumbs, origin, [f"m:{origin}", f"m:crumbs:{bucket(place)}"])
    for mark, places in (("named", named_breadcrumbs(page.document)), ("home", rows_after_home(page.document))):
        for element in islice(places, _PLACES):
            steps = crumbs_of(page.document, element)
            _add(page, pool, steps, "html:breadcrumb", [mark, *_place(page, element)])
    for element in _category_lists(page):
        links = [
            (" ".join(link.text_content().split()), page.document.absolute(link.get("href") or "") or "")
            for link in element.iter("a")
        ]
        _add(page, pool, links[:8], "html:links", ["posted", *_place(page, element)])
    for one in page.marked:
        if one.category and not any(map(is_software_type, one.category)):
            _add(page, pool, [(name, "") for name in one.category], one.origin, [f"m:{one.origin}", "m:category"])
    _from_state(page, pool)
    return _related(pool.candidates())


def _from_state(page: Page, pool: Pool) -> None:
    """Add the categories in the page's state, whole and cut at slashes, without types of the shop software."""
    for said, key, value in page.properties(_KEYS):
        ours = page.match(said) not in ("", "other")
        if not ours or not isinstance(value, str) or len(value) >= _LONGEST:
            continue
        for pattern in (_PATH, _SLASHES):
            names = [(plain(part), "") for part in pattern.split(value) if part]
            if not any(is_software_type(name) for name, _ in names):
                _add(page, pool, names, "state", [*page.of_object(said, key), f"cut:{pattern is _SLASHES}"])


def _related(found: list[Candidate]) -> list[Candidate]:
    """Add evidence of which paths end in another one, and which are the end of a longer one."""
    paths = [tuple(map(key_of, one.value)) if isinstance(one.value, tuple) else () for one in found]
    for one, path in zip(found, paths, strict=True):
        others = [other for other in paths if other != path]
        one.evidence.add(f"extends:{any(path[-len(other) :] == other for other in others)}")
        one.evidence.add(f"extended:{any(other[-len(path) :] == path for other in others)}")
    return found


def _category_lists(page: Page) -> Iterator[html.HtmlElement]:
    """Yield the parents of links with ``rel="tag"``, which mostly lead to categories."""
    found: dict[html.HtmlElement, int] = {}
    for link in page.document.tree.iter("a"):
        if "tag" in (link.get("rel") or "") and (parent := link.getparent()) is not None:
            found[parent] = found.get(parent, 0) + 1
    yield from list(found)[:10]


def _place(page: Page, element: html.HtmlElement) -> list[str]:
    return [*page.around(element), page.from_title(element)]


def _is_named(page: Page, step: str) -> bool:
    """Return whether a step has the product's name. A category of the same name may precede it."""
    return page.named(step) == "is" or key_of(step) == page.heading


def _may_be_step(name: str) -> bool:
    return bool(key_of(name)) and len(name) <= _LONGEST_STEP and not is_template(name) and not is_command(name)


def _add(page: Page, pool: Pool, crumbs: Iterable[Crumb], origin: str, evidence: list[str]) -> None:
    """Add a path without home page and product, and the same without its last and without its first step.

    The last step of a row of links that is no link itself is the page: the product, under whatever name. Where the home
    page alone is a link, nothing is known of the steps after it.
    """
    home = (page.document.absolute("/") or "").rstrip("/")
    here = page.document.url.partition("?")[0]
    kept = [(name, url) for name, url in islice(crumbs, _STEPS) if _may_be_step(name)][:12]
    found: list[str] = [f"steps:{bucket(len(kept))}"]
    homes = 0
    while kept and (is_home(kept[0][0]) or is_root(kept[0][1]) or kept[0][1].rstrip("/") == home):
        kept.pop(0)
        homes += 1
    linked = any(url for _, url in kept)
    if not linked and _is_named(page, " ".join(name for name, _ in kept)):
        kept.clear()  # the product's name, cut at a sign within it
    found.append(f"homes:{homes}")
    last = "none"
    if origin.startswith("html") and len(kept) > 1 and linked and not kept[-1][1]:
        kept.pop()
        last = "self"
    while kept and (
        kept[-1][1].partition("?")[0] == here or (_is_named(page, kept[-1][0]) and not (last != "none" and kept[-1][1]))
    ):
        kept.pop()
        last = "product"
    if kept and last == "none" and page.named(kept[-1][0]) in ("starts", "begins", "url", "part"):
        last = page.named(kept[-1][0])
    found.append(f"last:{last}")
    if kept:
        found.append(f"last-link:{bool(kept[-1][1])}")
    if not kept:
        return
    for mark, path in (("whole", kept), ("but-last", kept[:-1]), ("but-first", kept[1:])):
        if path:
            names = tuple(name for name, _ in path)
            more = [f"{mark}:{one}" for one in found]
            more += [f"{mark}:{origin}", f"length:{bucket(len(path))}", f"{mark}:linked:{all(url for _, url in path)}"]
            more.append("repeats" if len({key_of(name) for name in names}) < len(names) else "distinct")
            key = tuple(map(key_of, names))
            pool.add(key, names, origin, [*more, *(f"{mark}:{one}" if mark != "whole" else one for one in evidence)])
