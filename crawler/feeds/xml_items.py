"""Items of RSS (0.9 to 2.0) and Atom feeds with Google's attributes. Names are read with their namespace."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, cast
from urllib.parse import urljoin

from lxml import etree

from core.errors import FeedError
from crawler.feeds.attributes import Detail, read_attributes
from crawler.feeds.files import as_file, utf8_chunks
from crawler.feeds.rows import FeedItem, FeedRow, FeedRowError
from crawler.feeds.xml_repair import repaired

__all__ = ["read_xml"]

_ITEMS = ("item", "entry")
_MAX_ELEMENTS = 100_000
"""Most elements of an item; more are an error in the feed."""

Vocabulary = Literal["google", "plain", "atom", "media", "dc", ""]
"""Whose names they are: Google's; RSS's or none's; Atom's; Media RSS's; Dublin Core's; others, which are not read."""

_VOCABULARIES: tuple[tuple[Vocabulary, re.Pattern[str]], ...] = (
    ("google", re.compile(r"https?://base\.google\.com/ns/1\.0/?")),
    ("atom", re.compile(r"https?://(?:www\.w3\.org/2005/Atom|purl\.org/atom/ns#?.*)/?")),
    ("media", re.compile(r"https?://search\.yahoo\.com/mrss/?.*")),
    ("dc", re.compile(r"https?://purl\.org/dc/(?:elements/1\.[01]|terms)/?")),
    (
        "plain",
        re.compile(
            r"|https?://(?:purl\.org/(?:rss/1\.0|net/rss1\.1#?)|my\.netscape\.com/rdf/simple/0\.9"
            r"|channel\.netscape\.com/rdf/simple/0\.9|backend\.userland\.com/rss\d*|blogs\.law\.harvard\.edu/tech/rss)/?"
        ),
    ),
)
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_RELATION = "http://www.iana.org/assignments/relation/"
_PAGE_TYPES = ("text/html", "application/xhtml+xml", "")
_HTTP = re.compile(r"https?://", re.IGNORECASE)


def read_xml(path: Path) -> Iterator[FeedItem]:
    """Yield the items of an XML file with their lines.

    Entities that the file itself declares are expanded within libxml2's limits; nothing else is loaded.

    Raises:
        FeedError: The file is not well-formed XML, or has no items.
    """
    count = 0
    events = _parser(path)
    try:
        for element, line, is_whole in _elements(events):
            count += 1
            yield FeedItem(_read(element) if is_whole else _too_large(), line)
    except etree.XMLSyntaxError as error:
        first = next(iter(events.error_log), None)  # later faults follow from it
        reason = f"line {first.line}, column {first.column}: {first.message}" if first else error.msg
        raise FeedError(f"{path}: the XML is not well-formed after item {count}: {reason}") from error
    if not count:
        raise FeedError(f"{path}: the file has no RSS items or Atom entries")


def _parser(path: Path) -> "etree.iterparse[tuple[str, etree._Element]]":
    return etree.iterparse(
        as_file(repaired(utf8_chunks(path))),
        events=("start", "end"),
        encoding="utf-8",
        # With other options, the file could include other files or expand endlessly.
        resolve_entities="internal",
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _too_large() -> FeedRowError:
    return FeedRowError(f"item: more than {_MAX_ELEMENTS} elements")


def _elements(
    events: "etree.iterparse[tuple[str, etree._Element]]",
) -> Iterator[tuple[etree._Element, int | None, bool]]:
    """Yield each item, its line, and whether all its elements were kept; nothing else of the file stays in memory."""
    item: etree._Element | None = None
    elements = 0
    for event, element in events:
        if event == "start":
            if item is None and _name(element)[1] in _ITEMS:
                item, elements = element, 0
            elements += 1
            continue
        if item is not None and element is item:
            line = cast("int | None", item.sourceline)  # lxml's stubs have no type for it
            yield item, line, elements <= _MAX_ELEMENTS
            item = None
        if item is None or elements > _MAX_ELEMENTS:
            _forget(element)


def _forget(item: etree._Element) -> None:
    """Free an element that was read; the parser would keep the whole tree."""
    item.clear()
    while item.getprevious() is not None and (parent := item.getparent()) is not None:
        del parent[0]


def _name(element: etree._Element) -> tuple[Vocabulary, str]:
    """Return the vocabulary of an element and its name there."""
    uri, _, name = str(element.tag).rpartition("}")
    uri = uri.removeprefix("{")
    for vocabulary, pattern in _VOCABULARIES:
        if pattern.fullmatch(uri):
            return vocabulary, name
    if element.prefix == "g":  # bound to a URL with a slip
        return "google", name
    return "" if element.prefix else "plain", name


class _Link(NamedTuple):
    """A link of Atom, RFC 4287, 4.2.7."""

    relation: str
    mime: str
    url: str


class _Item:
    """The elements of an item."""

    def __init__(self, element: etree._Element) -> None:
        self.texts: dict[tuple[Vocabulary, str], list[str]] = defaultdict(list)
        self.details: list[Detail] = []
        self.links: list[_Link] = []
        self.media: list[_Link] = []
        self.about = str(element.get(_ABOUT, ""))
        self.permalinks: list[str] = []
        for child in element.iterchildren(tag=etree.Element):
            self._add(child)

    def _add(self, element: etree._Element) -> None:
        match _name(element):
            case ("google" | "plain", "product_detail"):
                self.details.append(_detail(element))
            case ("atom" | "plain", "link") if element.get("href") or element.get("rel"):
                self.links.append(_link(element))
            case ("media", "group"):
                for child in element.iterchildren(tag=etree.Element):
                    self._add(child)
            case ("media", "content" | "thumbnail" as name):
                mime = element.get("medium") or element.get("type") or "image"
                self.media.append(_Link(name, str(mime), str(element.get("url", ""))))
            case ("plain", "enclosure"):
                self.media.append(_Link("content", str(element.get("type", "")), str(element.get("url", ""))))
            case ("", _):
                return
            case name:
                if text := _text(element):
                    self.texts[name].append(text)
                    if name == ("plain", "guid") and element.get("isPermaLink", "true").strip().lower() != "false":
                        self.permalinks.append(text)

    def first(self, *names: tuple[Vocabulary, str]) -> str:
        """Return the first text of the first of some elements that has one."""
        return next((self.texts[name][0] for name in names if name in self.texts), "")

    def url(self) -> str:
        """Return the URL of the page: Google's, RSS's, Atom's ``alternate``, a permanent link, or that of RDF."""
        alternate = [link for link in self.links if link.relation == "alternate" and link.url]
        alternate.sort(key=lambda link: link.mime not in _PAGE_TYPES)
        others = [*(link.url for link in alternate[:1]), *self.permalinks, self.about]
        found = self.first(("google", "link"), ("plain", "link"), ("atom", "link"))
        return found or next((url for url in others if _HTTP.match(url)), "")

    def id(self) -> str:
        """Return the id: Google's, or what RSS, Atom, Dublin Core or RDF identify the item by."""
        names: tuple[tuple[Vocabulary, str], ...] = (
            *(("google", "id"), ("plain", "id"), ("plain", "guid"), ("atom", "id"), ("dc", "identifier")),
        )
        return self.first(*names) or self.about

    def media_urls(self, kind: str) -> list[str]:
        """Return the URLs of attached files of a kind, thumbnails only where there is nothing else."""
        links = [link for link in (*self.media, *self.links) if link.relation != "alternate" and link.url]
        found = [link.url for link in links if link.mime.startswith(kind) and link.relation in {"content", "enclosure"}]
        return found or [link.url for link in links if link.relation == "thumbnail" and kind == "image"]


def _read(element: etree._Element) -> FeedRow | FeedRowError:
    item = _Item(element)
    values: dict[str, list[str]] = defaultdict(list)
    for vocabulary in ("google", "plain"):
        for (one, name), texts in item.texts.items():
            if one == vocabulary:
                values[name] += texts
    values["id"], values["link"] = [item.id()], [item.url()]
    values["title"] = [item.first(("google", "title"), ("plain", "title"), ("atom", "title"), ("dc", "title"))]
    values["title"] = values["title"] if values["title"][0] else item.texts["media", "title"]
    for name, kind in (("image_link", "image"), ("video_link", "video")):
        values[name] = values[name] or item.media_urls(kind)
    try:
        return read_attributes({name: [t for t in texts if t] for name, texts in values.items()}, item.details)
    except FeedRowError as error:
        return error


def _text(element: etree._Element) -> str:
    """Return the text of an element with that of its children."""
    return "".join(map(str, element.itertext())).strip()


def _link(element: etree._Element) -> _Link:
    relation = str(element.get("rel", "alternate")).strip().lower().removeprefix(_RELATION)
    mime = str(element.get("type", "")).partition(";")[0].strip().lower()
    url = str(element.get("href") or _text(element)).strip()
    base = str(element.base or "")  # xml:base
    return _Link(relation, mime, urljoin(base, url) if url and _HTTP.match(base) else url)


def _detail(element: etree._Element) -> Detail:
    parts = {_name(part)[1]: _text(part) for part in element.iterchildren(tag=etree.Element)}
    return Detail(*(parts.get(name, "") for name in ("section_name", "attribute_name", "attribute_value")))
