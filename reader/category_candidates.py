"""Candidates for the category path: breadcrumbs, rows of links, categories in markup and state."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from lxml import html

from reader.document import Document
from reader.evidence import Page, bucket, key_of, keys_with
from reader.facts import breadcrumb, types_of
from reader.markup import Node
from reader.model import Candidate, Pool
from reader.text import as_a_whole, fold, plain, squash
from reader.visible import words

__all__ = ["Crumb", "categories", "crumbs_of", "is_home", "marked_breadcrumbs", "named_breadcrumbs", "rows_after_home"]

Crumb = tuple[str, str]
"""Name and absolute URL of one step; the URL may be empty."""

_NAMED = re.compile(r"bread-?crumbs?|(?:^|[\s_-])crumbs?(?:$|[\s_-])", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[>›»/→⟩＞]\s*|\s+[-–·]\s+|\s{3,}")
_LEAD = re.compile(
    r"^(?:您的位置|当前位置|您现在的位置|目前位置|you are here|sie sind hier|vous êtes ici|вы здесь)\s*[:：]?\s*",
    re.IGNORECASE,
)
_LONGEST_HOME = 20
_MAX = 12
_START = 1_000
"""Characters of an element searched for a separator after its first link."""


def marked_breadcrumbs(document: Document, nodes: Iterable[Node]) -> Iterator[list[Crumb]]:
    """Yield the steps of each ``BreadcrumbList``."""
    for node in nodes:
        if "breadcrumblist" in types_of(node):
            yield [(name, document.absolute(url) or "") for name, url in breadcrumb(node)]


def named_breadcrumbs(document: Document) -> Iterator[html.HtmlElement]:
    """Yield the elements that are named as breadcrumbs, nested ones included."""
    for element, attributes in document.attributes.items() if b"rumb" in document.utf8 else ():
        get = attributes.get
        called = f"{get('class', '')} {get('id', '')} {get('aria-label', '')}" if attributes else ""
        if (
            "rumb" in called
            and element.tag not in ("a", "li", "i", "svg", "script", "style")
            and _NAMED.search(words(called))
        ):
            yield element


def rows_after_home(document: Document) -> Iterator[html.HtmlElement]:
    """Yield the elements in which a separator follows a link to the home page, or "you are here" precedes it."""
    texts: dict[html.HtmlElement, str] = {}
    for link in document.tree.iter("a"):
        text = fold(link.text or "")
        parent = link.getparent()
        if not text or len(text) > _LONGEST_HOME or parent is None or not is_home(text):
            continue
        if parent not in texts:
            texts[parent] = fold(parent.text_content()[:_START])
        rest = (link.tail or "").strip() or texts[parent][len(text) :].strip()
        if _BETWEEN.match(rest) or _LEAD.match(fold(parent.text or "")):
            yield parent


def crumbs_of(document: Document, place: html.HtmlElement) -> Iterator[Crumb]:
    """Yield the steps of a breadcrumb: its list items, else its links and the text around them."""
    items = [item for item in place.iter("li") if not any(True for _ in item.iterdescendants("li"))]
    if items and all(any(True for _ in link.iterancestors("li")) for link in place.iter("a")):
        for item in items[:_MAX]:
            link = next(item.iter("a"), None)
            yield from _split(item.text_content(), document, link, whole=len(items) > 1)
        return
    yield from _split(place.text or "", document, None)
    for element in place.iterdescendants():
        if not isinstance(element.tag, str) or element.tag in ("script", "style", "svg"):
            continue
        link = element if element.tag == "a" else next(element.iterancestors("a"), None)
        yield from _split(element.text or "", document, link)
        yield from _split(element.tail or "", document, None)


def _split(text: str, document: Document, link: html.HtmlElement | None, *, whole: bool = False) -> Iterator[Crumb]:
    """Yield the steps of a text; a link, or an item of a list of several, is one step."""
    url = document.absolute(link.get("href") or "") if link is not None else None
    for piece in _BETWEEN.split(text.strip()) if link is None and not whole else [text]:
        name = _LEAD.sub("", fold(piece)).strip(">›»/→＞· ")
        if name:
            yield name, url or ""


@lru_cache(maxsize=4096)
def is_home(name: str) -> bool:
    """Return whether a step is the home page, or the root of all categories."""
    return as_a_whole("homes").fullmatch(squash(name)) is not None


_PATH = re.compile(r"\s*[>›»|]\s*|\s+/\s+|(?<=\w)/(?=[^\W\d])")
_LONGEST = 200
_STEPS = 24
"""Maximum steps of a path that are read."""
_PLACES = 40
"""Maximum elements of each kind that are read as breadcrumbs: nested ones repeat each other's steps."""
_KEYS = keys_with(r"categor|(?:^|-)type$|(?:^|-)section$")


def categories(page: Page, nodes: list[tuple[str, list[Node]]]) -> list[Candidate]:
    """Return candidates for the path, outermost first, without the home page and the product."""
    pool = Pool()
    for origin, several in nodes:
        for place, crumbs in enumerate(marked_breadcrumbs(page.document, several)):
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
        if one.category:
            _add(page, pool, [(name, "") for name in one.category], one.origin, [f"m:{one.origin}", "m:category"])
    for said, key, value in page.properties(_KEYS):
        ours = page.match(said) not in ("", "other")
        if ours and isinstance(value, str) and len(value) < _LONGEST:
            names = [(plain(part), "") for part in _PATH.split(value) if part]
            _add(page, pool, names, "state", page.of_object(said, key))
    return _related(pool.candidates())


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


def _add(page: Page, pool: Pool, crumbs: Iterable[Crumb], origin: str, evidence: list[str]) -> None:
    """Add a path without home page and product, and the same without its last and without its first step."""
    home = (page.document.absolute("/") or "").rstrip("/")
    here = page.document.url.partition("?")[0]
    kept = [(name, url) for name, url in islice(crumbs, _STEPS) if key_of(name) and len(name) <= 100][:12]
    found: list[str] = [f"steps:{bucket(len(kept))}"]
    homes = 0
    while kept and (is_home(kept[0][0]) or kept[0][1].rstrip("/") == home):
        kept.pop(0)
        homes += 1
    found.append(f"homes:{homes}")
    last = "none"
    while kept and (
        kept[-1][1].partition("?")[0] == here
        or (_is_named(page, kept[-1][0]) and not (last == "product" and kept[-1][1]))
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
