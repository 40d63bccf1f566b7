"""Evidence of places on a page, and the view of the page that all candidate finders share.

Evidence of a place is the tag and the words of classes and ids around it, the key and the path in a script, the label
before it, and its distance to the heading. It is a set of short strings, so that a model is a table of weights
(``reader.model``) and a person can read the evidence for a value.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from urllib.parse import urlsplit

from lxml import html

from reader.amounts import Amount, find_amounts
from reader.document import Document
from reader.facts import Facts
from reader.markup import Node
from reader.specs import SpecGroup, SpecPair, spec_groups
from reader.state import Scalar, StateObject, key_words, state_objects
from reader.text import anywhere, key_of, squash
from reader.visible import MONEY, Visible, is_aside, other_pages, squashed_slug, tiles

__all__ = [
    "BRAND_HINTS",
    "GTIN_HINTS",
    "ID_HINTS",
    "MPN_HINTS",
    "OF_SHOP",
    "Page",
    "bucket",
    "key_of",
    "keys_with",
    "name_words",
]

OF_SHOP = ("here:", "c-here:", "but-last:here:", "but-first:here:")
"""Prefixes of evidence of a place in the template of one shop, from which nothing is learned for others."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTER = re.compile(r"[^a-z]+")
_LEVELS = 4
"""Enclosing elements whose words count with their level; farther ones count without."""
_FAR = 9
_FARTHEST = 40
"""Enclosing elements that are searched for landmarks and for the heading."""
_LANDMARKS = frozenset(
    ("header", "nav", "footer", "main", "aside", "article", "section", "form", "noscript", "table", "ul", "picture")
)

_CONTROLS = frozenset(("button", "select", "option", "textarea"))
_ROLES = frozenset(("button", "tab", "tablist", "dialog", "alertdialog", "menu", "menuitem", "option"))


def bucket(number: float) -> str:
    """Return the size class of a number: 0, 1, 2, 3, then powers of two; negative ones with a minus."""
    sign, size = ("-" if number < 0 else ""), abs(int(number))
    return f"{sign}{size if size < 4 else 1 << (size.bit_length() - 1)}"


_OF_STOCK = re.compile("stock|sold|avail", re.IGNORECASE)
_MAX_STOCK = 200
_SHORT_TEXT = 50
"""Longest text that may be only a name, in characters."""
_MAX_SHOWN = 4_000
"""Maximum runs whose words count as shown."""
_FACET = re.compile(r"\(\d+\)")
"""Number of products after the name of a filter."""
_MANY_TILES = 4
"""Number of other products from which a page without a product of its own is a listing."""
_LONGEST_LABEL = 120
"""Longest text that may begin with a label, in characters."""
_LABELS = ("own_ids", "part_numbers", "gtins", "brands", "makers", "sellers")
ID_HINTS = frozenset(
    ("sku", "reference", "ref", "model", "mpn", "art", "artikelnummer", "isbn", "ean", "gtin", "upc", "cod", "codigo")
)
BRAND_HINTS = frozenset(
    (
        *("brand", "brands", "brend", "vendor", "vendors", "manufacturer", "manufacturers", "maker", "makers"),
        *("designer", "designers", "marca", "marcas", "marque", "marques", "marke", "marken", "merk", "merken"),
        *("hersteller", "fabricant", "fabricante", "fabrikant", "produttore", "producent", "byline", "artist"),
        *("thuong-hieu", "hang-san-xuat"),
    )
)
GTIN_HINTS = frozenset(("gtin", "ean", "upc", "barcode", "isbn"))
MPN_HINTS = frozenset(("mpn", "part", "model"))
"""Words of classes and links that identify such a text."""
_HINTS = ID_HINTS | BRAND_HINTS | GTIN_HINTS | MPN_HINTS
_PLACES = (
    *("price_places", "current_price_places", "other_price_places", "gallery_places", "thumb_places", "aside_places"),
    *("decoy_places", "spec_places"),
)
"""Vocabularies of place names."""


@lru_cache(maxsize=16_384)
def _begins_with_label(text: str) -> bool:
    return anywhere(*_LABELS).match(text) is not None


@lru_cache(maxsize=16_384)
def _places_of(names: str) -> tuple[str, ...]:
    called = squash(_CAMEL.sub("-", names[:200]))
    return tuple(name for name in _PLACES if anywhere(name).search(called))


@lru_cache(maxsize=16_384)
def _at_level(level: int, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return evidence of the words of an element at a level above."""
    if level >= _LEVELS:
        return tuple(f"far:{name}" for name in words)
    return tuple(f"{mark}:{name}" for mark in (str(level), "in") for name in words)


_NO_NAME = re.compile(r"\d+|[^\w-]+")


@lru_cache(maxsize=16_384)
def _step(tag: str, classes: str) -> str:
    """Return a tag with its first classes, without digits, as a step of the path to an element."""
    return ".".join([tag, *_NO_NAME.sub(" ", classes.lower()).split()[:3]])


@lru_cache(maxsize=16_384)
def name_words(names: str) -> tuple[str, ...]:
    """Return the words of class and id names: each whole name, and its parts."""
    return tuple(dict.fromkeys(word for name in names[:300].split()[:10] for word in _words_of(name)))


@lru_cache(maxsize=16_384)
def _words_of(name: str) -> tuple[str, ...]:
    whole = _NO_LETTER.sub("-", _CAMEL.sub("-", name).lower()).strip("-")[:40]
    return tuple(word for word in (whole, *whole.split("-")) if len(word) > 1)


def keys_with(pattern: str) -> Callable[[str], bool]:
    """Return a function that tests keys of state objects for a pattern; cached, as distinct keys are few."""
    search = re.compile(pattern).search
    return lru_cache(maxsize=4096)(lambda words: search(words) is not None)


class Page:
    """Data about one page that all candidate finders share."""

    def __init__(self, document: Document, seen: Visible, titles: Sequence[tuple[str, str]]) -> None:
        self.document = document
        self.seen = seen
        self.titles = titles
        self.marked: Sequence[Facts] = ()
        self._places: dict[html.HtmlElement, tuple[str, ...]] = {}
        self._words: dict[html.HtmlElement, tuple[str, ...]] = {}
        self._matches: dict[int, str] = {}
        self._named: dict[str, str] = {}
        self._own: dict[html.HtmlElement, frozenset[str]] = {}
        self._rows: dict[html.HtmlElement, Counter[tuple[str, str | None]]] = {}
        self._joints: dict[html.HtmlElement | None, str] = {}
        self._inside: dict[html.HtmlElement | None, tuple[str, ...]] = {}

    @property
    def objects(self) -> list[StateObject]:
        """Objects in scripts, attributes, forms and meta elements."""
        return self.state[0]

    @cached_property
    def state(self) -> tuple[list[StateObject], list[Node]]:
        """Objects in scripts, attributes, forms and meta elements, and the schema.org nodes among them."""
        return state_objects(self.document)

    def properties(self, wanted: Callable[[str], bool]) -> Iterator[tuple[StateObject, str, str | int | float]]:
        """Yield the properties of state objects whose key, as ``key_words`` spells it, is ``wanted``."""
        for words, found in self.by_key.items():
            if wanted(words):
                for one, key, value in found:
                    if value is not None and value != "":
                        yield one, key, value

    @cached_property
    def by_key(self) -> dict[str, list[tuple[StateObject, str, Scalar]]]:
        """Properties of state objects, empty ones included, by their keys as ``key_words`` spells them."""
        found: dict[str, list[tuple[StateObject, str, Scalar]]] = {}
        for one in self.objects:
            for key, value in one.values.items():
                found.setdefault(key_words(key), []).append((one, key, value))
        return found

    @cached_property
    def squashed(self) -> list[str]:
        """Texts of the runs in the form of the vocabularies; long ones are empty."""
        return [squash(run.text) if len(run.text) <= _LONGEST_LABEL else "" for run in self.seen.runs]

    @cached_property
    def labelled_runs(self) -> list[int]:
        """Indices of runs that start with a label of any vocabulary, or are in an element named like one."""
        return [
            index
            for index, (run, text) in enumerate(zip(self.seen.runs, self.squashed, strict=True))
            if text and (_begins_with_label(text) or not _HINTS.isdisjoint(self.own_names(run.element)))
        ]

    @cached_property
    def title_keys(self) -> list[str]:
        """Keys of the page's titles, without short ones."""
        return [key for text, _ in self.titles if len(key := key_of(text)) > 2]

    @cached_property
    def heading(self) -> str:
        """Key of the heading."""
        return key_of(self.seen.text_of(self.seen.title)) if self.seen.title is not None else ""

    @cached_property
    def slug(self) -> str:
        """Key of the last part of the URL's path that has letters."""
        return squashed_slug(self.document.url)

    @cached_property
    def shown(self) -> str:
        """Key of the whole text of the main part."""
        return key_of(" ".join(run.text for run in self.seen.runs[:_MAX_SHOWN]))

    @cached_property
    def texts(self) -> Counter[str]:
        """Keys of the short texts of the main part, with the number of runs that consist of each."""
        return Counter(key_of(run.text) for run in self.seen.runs if len(run.text) <= _SHORT_TEXT)

    @cached_property
    def link_texts(self) -> Counter[str]:
        """Keys of the texts of links and the descriptions of images anywhere on the page."""
        texts = ((one.text if one.tag == "a" else one.get("alt")) for one in self.document.tree.iter("a", "img"))
        return Counter(key_of(text) for text in texts if text and len(text) <= _SHORT_TEXT)

    @cached_property
    def image_names(self) -> str:
        """Key of the file names of all images."""
        sources = (one.get("data-src") or one.get("src") or "" for one in self.document.tree.iter("img"))
        return " ".join(key_of(source[-200:].partition("?")[0].rpartition("/")[2]) for source in sources)

    @cached_property
    def small_words(self) -> frozenset[str]:
        """Words of the main part that are in lower case."""
        words = (word for run in self.seen.runs[:_MAX_SHOWN] for word in run.text.split())
        return frozenset(word for word in words if word.islower())

    @cached_property
    def around_title(self) -> dict[html.HtmlElement, int]:
        """The heading and the elements around it -> levels above the heading."""
        title = self.seen.title
        if title is None:
            return {}
        return {element: level for level, element in enumerate((title, *title.iterancestors()))}

    def named(self, text: str) -> str:
        """Return a text's relation to titles and URL, such as ``is``, ``url`` or ``part``; empty if there is none."""
        found = self._named.get(text)
        if found is None:
            found = self._named[text] = self._name(text)
        return found

    def _name(self, text: str) -> str:
        key = key_of(text)
        if len(key) < 3:
            return ""
        plain = key_of(squash(text)) if self.slug else ""
        titles = self.title_keys
        ways = (
            ("is", key in titles),
            ("url", plain != "" and plain == self.slug),
            ("starts", any(key.startswith(title) for title in titles)),
            ("begins", any(title.startswith(key) for title in titles)),
            ("part", any(key in title for title in titles)),
            ("slug", len(self.slug) > 3 and (plain.startswith(self.slug) or (len(plain) > 7 and plain in self.slug))),
        )
        return next((name for name, true in ways if true), "")

    def around(self, element: html.HtmlElement) -> tuple[str, ...]:
        """Return evidence of the tag, classes and ids of an element and of those around it."""
        found = self._places.get(element)
        if found is None:
            words = {f"tag:{element.tag}", self._at(element)}
            parent = element.getparent()
            if parent is not None:
                words.add(f"tags:{parent.tag}>{element.tag}")
            words.update(*(_at_level(level, names) for level, names in enumerate(self._names(element))))
            words.update(self._landmarks(element), self._called(element))
            found = self._places[element] = tuple(words)
        return found

    def _at(self, element: html.HtmlElement) -> str:
        """Return evidence of the path to an element: its place in the shop's template."""
        known = self.document.attributes
        near = (element, *islice(element.iterancestors(), 2))
        path = [_step(one.tag, known[one].get("class", "")) for one in near]
        return f"here:{'<'.join(path)} {self.from_title(element)}"

    def _called(self, element: html.HtmlElement) -> Iterator[str]:
        """Yield evidence of the place vocabularies that match names of an element and of the three around it."""
        one: html.HtmlElement | None = element
        for level in range(_LEVELS):
            if one is None or one.tag in ("body", "html"):
                return
            if attributes := self.document.attributes[one]:
                for place in _places_of(f"{attributes.get('class', '')} {attributes.get('id', '')}"):
                    yield f"called:{place}"
                    if level < 2:
                        yield f"called:{place}:near"
            one = one.getparent()

    def _landmarks(self, element: html.HtmlElement) -> tuple[str, ...]:
        """Return evidence of the landmarks that an element is in."""
        parent = element.getparent()
        found = self._inside.get(parent)
        if found is None:
            tags = (outer.tag for outer in islice(element.iterancestors(), _FARTHEST))
            found = self._inside[parent] = tuple(f"inside:{tag}" for tag in tags if tag in _LANDMARKS)
        return found

    def _names(self, element: html.HtmlElement) -> list[tuple[str, ...]]:
        """Return the words of an element and of its nearest ancestors, innermost first."""
        found = []
        for one in (element, *islice(element.iterancestors(), _FAR - 1)):
            if one.tag in ("body", "html"):
                break
            words = self._words.get(one)
            if words is None:
                get = self.document.attributes[one].get
                names = f"{get('class', '')} {get('id', '')} {get('itemprop', '')} {get('data-testid', '')}"
                words = self._words[one] = name_words(names)
            found.append(words)
        return found

    def from_title(self, element: html.HtmlElement) -> str:
        """Return evidence of how many levels above the heading its closest common ancestor with an element is."""
        if element in self.around_title:
            return "joint:in"
        parent = element.getparent()
        found = self._joints.get(parent)
        if found is None:
            levels = (self.around_title.get(outer) for outer in islice(element.iterancestors(), _FARTHEST))
            level = next((level for level in levels if level is not None), None)
            found = self._joints[parent] = "joint:none" if level is None else f"joint:{bucket(level)}"
        return found

    def distance(self, index: int) -> tuple[str, ...]:
        """Return evidence of the distance between a run of text and the heading."""
        start, end = self.seen.title_span
        if end == 0:
            return ("far:unknown",)
        apart = index - end + 1 if index >= end else index - start
        return (f"far:{bucket(apart)}", "after" if index >= end else "before")

    def of_object(self, one: StateObject, key: str) -> list[str]:
        """Return evidence of one property of a state object."""
        words, match = key_words(key), self.match(one)
        found = [f"here:{one.kind} {'/'.join((*one.path[-2:], words))} {bool(one.position)} {match}"]
        found += [f"s:{words}", f"s:{one.kind}:{words}", f"match:{match}", f"match:{match}:{words}"]
        found += [f"path:{name}" for name in one.path if name]
        found.append(f"s:{one.path[-1] if one.path else ''}/{words}")
        found.append(f"item:{bucket(one.position)}")
        if one.element is not None:
            found += self.around(one.element)
            found.append(self.from_title(one.element))
        return found

    def match(self, one: StateObject) -> str:
        """Return how a state object relates to the product of the page, by its own or its parents' name or URL."""
        found = self._matches.get(id(one))
        if found is None:
            found = self._match(one)
            if not found and one.parent is not None:
                outer = self.match(one.parent)
                found = outer if outer.startswith("in-") or not outer else f"in-{outer}"
            self._matches[id(one)] = found
        return found

    def _match(self, one: StateObject) -> str:
        other = ""
        for key, value in list(one.values.items()):
            if not isinstance(value, str) or not 2 < len(value) < 400:
                continue
            words = key_words(key)
            if words.endswith(("title", "name", "label")):
                if named := self.named(value):
                    return named
                other = other or ("other" if words in ("title", "name", "product-name", "product-title") else "")
            elif words.endswith(("handle", "url", "slug", "link", "href", "canonical")) and self.slug:
                last = re.sub(r"\.\w{2,5}$", "", value.split("?")[0].rstrip("/").rpartition("/")[2])
                if key_of(squash(last)) == self.slug:
                    return "url"
        return other

    @cached_property
    def shop_keys(self) -> tuple[str, ...]:
        """Keys of the names of the shop: ``og:site_name``, then the labels of the host."""
        names = [*self.document.meta.get("og:site_name", ())]
        labels = (urlsplit(self.document.url).hostname or "").split(".")
        names += [label for label in labels[:-1] if label not in ("www", "shop", "store", "com", "co", "m")]
        return tuple(dict.fromkeys(key for name in names if len(key := key_of(name)) > 2))

    def own_names(self, element: html.HtmlElement) -> frozenset[str]:
        """Return the words of the names of an element and of the one around it."""
        found = self._own.get(element)
        if found is None:
            found = self._own[element] = frozenset(word for names in self._names(element)[:2] for word in names)
        return found

    def is_control(self, element: html.HtmlElement) -> bool:
        """Return whether an element is in a button, a tab, a dialog or a notice about consent: no text of a product."""
        for one in (element, *islice(element.iterancestors(), _LEVELS)):
            get = self.document.attributes[one].get
            if one.tag in _CONTROLS or get("role") in _ROLES or is_aside(f"{get('class', '')} {get('id', '')}"):
                return one not in self.around_title
        return False

    @cached_property
    def pairs(self) -> list[tuple[SpecPair, html.HtmlElement, str]]:
        """Names and values in tables, lists and lines, each with the element and the kind of its group."""
        return [(pair, group.container, group.kind) for group in self.groups for pair in group.pairs]

    @cached_property
    def groups(self) -> list[SpecGroup]:
        """Tables and lists of names and values, without those of other products."""
        return [group for group in spec_groups(self.seen) if group.pairs[0].start not in self.tile_runs]

    @cached_property
    def amounts(self) -> list[Amount]:
        """Amounts of money in the text."""
        return find_amounts(self)

    @cached_property
    def links(self) -> dict[html.HtmlElement, str]:
        """Links to other pages of the shop, each with its page."""
        return other_pages(self.document)

    @cached_property
    def tile_elements(self) -> dict[html.HtmlElement, range]:
        """Elements that show other products, each with its runs of text."""
        return tiles(self.seen, self.links)

    @cached_property
    def tiles(self) -> list[range]:
        """Runs of text of each other product."""
        return list(self.tile_elements.values())

    @cached_property
    def tile_runs(self) -> frozenset[int]:
        """Runs of text that belong to other products."""
        return frozenset(index for tile in self.tiles for index in tile)

    @cached_property
    def only_lists(self) -> bool:
        """Whether there are several other products, and no price or table of properties outside them."""
        return (
            len(self.tiles) >= _MANY_TILES
            and not any(MONEY.search(run.text) for n, run in enumerate(self.seen.runs) if n not in self.tile_runs)
            and not any(sum(not _FACET.search(one.value) for one in group.pairs) > 1 for group in self.groups)
        )

    @cached_property
    def after_title(self) -> frozenset[html.HtmlElement]:
        """Images after the heading."""
        title, found, behind = self.seen.title, [], False
        for element in self.document.elements:
            if element is title:
                behind = True
            elif behind and element.tag in ("img", "source"):
                found.append(element)
        return frozenset(found)

    def row_of(self, element: html.HtmlElement) -> int:
        """Return the most siblings of the same tag and class, itself included, of an element or the three around it."""
        most = 0
        for _ in range(4):
            parent = element.getparent()
            if parent is None:
                break
            known = self.document.attributes
            shape = (element.tag, known[element].get("class"))
            if parent not in self._rows:
                self._rows[parent] = Counter((one.tag, known[one].get("class")) for one in parent)
            alone = element.getnext() is None and element.getprevious() is None  # len(parent) would count all children
            if not (alone and element.tag in ("img", "source", "a")):
                most = max(most, self._rows[parent][shape])
            element = parent
        return most

    @cached_property
    def stock_elements(self) -> list[html.HtmlElement]:
        """Elements whose classes mention stock, and disabled buttons."""
        speaking = {called for called in self.document.classes if _OF_STOCK.search(called)}
        known = self.document.attributes.items()
        named = [element for element, names in known if names.get("class") in speaking][:_MAX_STOCK] if speaking else ()
        disabled = [element for element, names in known if "disabled" in names and element.tag == "button"]
        return list(dict.fromkeys((*named, *disabled)))
