"""Breadcrumbs in a page's HTML: the elements that hold one, and its steps.

A step is what an element of the page delimits: a link, an item of a list, or the text between two links. A text is
split at separators only where the row has no elements for its steps, so that ``1/8 inch`` and ``Lamps, red - large``
stay whole.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from urllib.parse import urlsplit

from lxml import html

from reader.document import Document
from reader.text import as_a_whole, fold, squash
from reader.visible import words

__all__ = ["Crumb", "crumbs_of", "is_home", "is_root", "named_breadcrumbs", "rows_after_home"]

Crumb = tuple[str, str]
"""Name and absolute URL of one step; the URL may be empty."""

_NAMED = re.compile(r"brea[dk]?-?crumbs?|(?:^|[\s_/-])crumbs?(?:$|[\s_-])", re.IGNORECASE)
_MARKS = r">›»→⟩＞❯❱▶►▸"
"""Signs that separate steps wherever they stand."""
_SIGNS = rf"{_MARKS}/|·•\\~:–—‹«-"
"""Signs that separate steps where nothing else stands between two of them."""
_SEPARATOR = re.compile(rf"[\s{_SIGNS}]+")
_FIRST_SIGN = re.compile(rf"\s*(?:[{_MARKS}]|(?:/|::|->|[\\–—-])(?:\s|$))")
"""What follows the link to the home page in a breadcrumb; bars and dots separate the entries of menus, too."""
_BETWEEN = re.compile(rf"\s*[{_MARKS}]\s*|\s+[/|·•]\s+|\s+[-–—]\s+|\s{{3,}}")
"""Separators in a row that is one text."""
_LEAD = re.compile(
    r"^(?:您的位置|当前位置|您现在的位置|目前位置|you are here|you're here|navigate|sie sind hier|vous êtes ici"
    r"|usted está aquí|está(?:s)? (?:en|aquí)|você está (?:aqui|em)|sei qui|ti trovi in|jesteś tutaj"
    r"|u bevindt zich hier|je bent hier|wo bin ich\?|вы здесь|вы находитесь)\s*[:：]?\s*",
    re.IGNORECASE,
)
_ROOT = re.compile(r"/?(?:[a-z]{2}(?:[-_][a-z]{2})?/?)?(?:(?:index|default|home)(?:\.\w{2,5})?)?", re.IGNORECASE)
_LONGEST_HOME = 25
_FEW_PARTS = 3
"""Elements in a link from which it is no step but a picture or a tile."""
_MAX_STEPS = 24
_MAX_TEXT = 3_000
"""Longest text of a row that is read, in characters; longer elements are no breadcrumbs."""
_LEVELS = 4
"""Elements around a link or a step, one of which may be the row."""
_ONE_STEP = frozenset(("a", "li", "span", "i", "svg", "td", "dd", "strong", "b", "em"))
"""Elements whose name may say that they are one step of a breadcrumb."""
_SILENT = frozenset(("script", "style", "svg", "select", "button", "template", "noscript", "form"))
_KEYS = ("class", "id", "aria-label", "itemtype", "itemprop", "typeof")


@lru_cache(maxsize=4096)
def is_home(name: str) -> bool:
    """Return whether a step is the home page, or the root of all categories, by its name."""
    return as_a_whole("homes").fullmatch(squash(name)) is not None


def is_root(url: str) -> bool:
    """Return whether a URL is that of a home page: it has no path, or only a language or ``index.php``."""
    parts = urlsplit(url)
    if not parts.netloc:
        return False
    return (_ROOT.fullmatch(parts.path) is not None and not parts.query) or parts.query == "route=common/home"


def named_breadcrumbs(document: Document) -> Iterator[html.HtmlElement]:
    """Yield the elements that are named as breadcrumbs, nested ones included, and those around steps named so."""
    rows: dict[html.HtmlElement, None] = {}
    for element, attributes in document.attributes.items() if b"rumb" in document.utf8 else ():
        if not any("rumb" in attributes[key] for key in _KEYS if key in attributes):
            continue
        called = " ".join(filter(None, map(attributes.get, _KEYS)))
        if element.tag in ("script", "style", "svg", "i"):
            continue
        if not _NAMED.search(words(called)):
            continue
        if element.tag in _ONE_STEP or "data-vocabulary" in called or "v:Breadcrumb" in called:
            row = _row_of_steps(element)
            if row is not None:
                rows.setdefault(row)
        rows.setdefault(element)
    yield from rows


def _row_of_steps(step: html.HtmlElement) -> html.HtmlElement | None:
    """Return the nearest element around a step that contains more links."""
    own = _links(step)
    for outer in islice(step.iterancestors(), _LEVELS):
        if outer.tag in ("body", "html"):
            return None
        if _links(outer) > own:
            return outer
    return None


def _links(element: html.HtmlElement) -> int:
    return sum(1 for _ in islice(element.iter("a"), _MAX_STEPS))


def rows_after_home(document: Document) -> Iterator[html.HtmlElement]:
    """Yield the elements in which a separator follows a link to the home page, or "you are here" precedes it."""
    for link in document.tree.iter("a"):
        text = fold((link.text_content() if len(link) < _FEW_PARTS else "") if len(link) else link.text or "")
        if not text or len(text) > _LONGEST_HOME or not (is_home(text) or _is_named_home(document, link)):
            continue
        if (row := _row_after(link)) is not None:
            yield row


def _is_named_home(document: Document, link: html.HtmlElement) -> bool:
    """Return whether a link leads to the home page and its element is called so."""
    near = (link, link.getparent())
    called = " ".join(one.get("class") or "" for one in near if one is not None).lower().split()
    return "home" in called and is_root(document.absolute(link.get("href") or "") or "")


def _row_after(link: html.HtmlElement) -> html.HtmlElement | None:
    """Return the element in which a separator follows a link, or a list whose last item is the page itself."""
    element = link
    for outer in islice(link.iterancestors(), _LEVELS):
        if outer.tag in ("body", "html", "nav", "header") and outer.tag != "nav":
            return None
        before = fold(outer.text or "")
        if before and _LEAD.match(before):
            return outer
        following = _text_after(element)
        if following:
            return _whole_row(outer) if _FIRST_SIGN.match(following) else None
        if outer.tag in ("ul", "ol") and _ends_in_page(outer):
            return outer
        element = outer
    return None


def _whole_row(outer: html.HtmlElement) -> html.HtmlElement:
    """Return the list around an item that holds only one step and its separator."""
    parent = outer.getparent()
    alone = _links(outer) == 1 and parent is not None and parent.tag not in ("body", "html")
    return parent if alone and parent is not None else outer


def _text_after(element: html.HtmlElement) -> str:
    """Return the text after an element up to the next link, up to the end of the element around it."""
    found = element.tail or ""
    for sibling in element.itersiblings():
        if found.strip() or sibling.tag == "a" or next(sibling.iter("a"), None) is not None:
            break
        found += f"{sibling.text_content()[:100]}{sibling.tail or ''}"
    return found if found.strip() else ""


def _ends_in_page(row: html.HtmlElement) -> bool:
    """Return whether the items of a list are links but for the last one: the page itself."""
    items = list(islice(row.iterchildren("li"), _MAX_STEPS))
    if len(items) < 2 or next(row.iter("ul", "ol"), row) is not row:
        return False
    linked = [next(item.iter("a"), None) is not None for item in items]
    return all(linked[:-1]) and not linked[-1] and bool(items[-1].text_content().strip())


def crumbs_of(document: Document, place: html.HtmlElement) -> list[Crumb]:
    """Return the steps of a breadcrumb: its list items, else its links and the texts between them."""
    if len(place.text_content()) > _MAX_TEXT:
        return []
    items = _items(place)
    parts = [_step(item) for item in items] if items else list(_parts(place))
    linked = [place for place, (_, link) in enumerate(parts) if link is not None]
    whole = len(items) > 1 or len(linked) > 1
    found: list[Crumb] = []
    for number, (text, link) in enumerate(parts):
        url = (document.absolute(link.get("href") or "") or "") if link is not None else ""
        split = link is None and not (whole and (items or number > linked[-1] or number < linked[0]))
        for piece in _BETWEEN.split(text.strip()) if split else [text]:
            name = _trimmed(piece)
            if name:
                found.append((name, url))
    return found[:_MAX_STEPS]


def _trimmed(text: str) -> str:
    """Return the name of a step without separators around it and words such as "you are here"."""
    name = fold(text)
    if _SEPARATOR.fullmatch(name):
        return ""
    name = re.sub(
        rf"^(?:[\s{_MARKS}]|(?:[/|·•\\:~–—-]|::|->)+(?=\s))+|(?:[\s{_MARKS}]|(?<=\s)(?:[/|·•\\~–—-]|::|->)+|:)+$",
        "",
        name,
    )
    return _LEAD.sub("", name).strip()


def _items(place: html.HtmlElement) -> list[html.HtmlElement]:
    """Return the outermost list items, if all links of the row are inside them; ``li`` of menus in a step are none."""
    if place.tag == "li":
        return []
    outermost = [item for item in place.iter("li") if not _between(item, place, "li")]
    if not outermost:
        return []
    inside = set(outermost)
    if not all(any(outer in inside for outer in link.iterancestors()) for link in place.iter("a")):
        return []
    return outermost[:_MAX_STEPS] if len(outermost) > 1 else []


def _between(element: html.HtmlElement, root: html.HtmlElement, tag: str) -> bool:
    for outer in element.iterancestors():
        if outer is root:
            return False
        if outer.tag == tag:
            return True
    return False


def _step(item: html.HtmlElement) -> tuple[str, html.HtmlElement | None]:
    """Return the text and the link of a list item; that of a menu inside it is none of the step's."""
    parts = [(text, link) for text, link in _parts(item) if not _SEPARATOR.fullmatch(text)]
    link = next((link for _, link in parts if link is not None), None)
    if link is not None:
        return next(text for text, one in parts if one is link), link
    return " ".join(text for text, _ in parts), None


def _parts(place: html.HtmlElement) -> Iterator[tuple[str, html.HtmlElement | None]]:
    """Yield the links of a row, each with its text, and the texts between them, without menus that open from a step."""
    if place.text and place.text.strip():
        yield fold_keeping_gaps(place.text), None
    for child in place:
        if isinstance(child.tag, str) and child.tag not in _SILENT:
            if child.tag == "a":
                if text := fold(child.text_content()) or _label(child):
                    yield text, child if child.get("href") else None
            elif child.tag in ("ul", "ol") and place.tag != "nav" and _is_menu(child, place):
                pass
            else:
                yield from _parts(child)
        if child.tail and child.tail.strip():
            yield fold_keeping_gaps(child.tail), None


def _is_menu(child: html.HtmlElement, place: html.HtmlElement) -> bool:
    """Return whether a list opens from a step before it."""
    return place.tag == "li" or (child.getprevious() is not None and next(place.iter("a"), None) is not None)


def fold_keeping_gaps(text: str) -> str:
    """Return text on one line; a gap of three and more spaces stays, as it may separate steps."""
    return re.sub(r"[\t\r\n ]*[\r\n][\t\r\n ]*", " ", text)


def _label(link: html.HtmlElement) -> str:
    """Return what a link without text is called: its title, or the description of its image."""
    image = next(link.iter("img"), None)
    return fold(link.get("title") or link.get("aria-label") or (image.get("alt") if image is not None else "") or "")
