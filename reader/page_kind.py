"""The page as a whole: its kind (product, listing, error page with status 200 or other) and its stock."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from urllib.parse import parse_qsl, unquote, urlsplit

from lxml import html

from core.records import ProductRecord
from reader.evidence import Page, bucket, key_of, keys_with, name_words
from reader.links import next_link
from reader.model import kinds_model
from reader.opengraph import says_product
from reader.state import key_words
from reader.text import anywhere, squash
from reader.visible import MONEY, pictured_links

__all__ = [
    "Verdict",
    "claims_product",
    "is_product",
    "kind_evidence",
    "listing_evidence",
    "page_kind",
    "says_in_stock",
    "stock_evidence",
]

_TYPE_KEYS = keys_with(
    r"(?:page|resource|template)-?(?:type|name|category)?$|^(?:template|event|action|controller|route|type|rid|rtyp)$"
)
_PRODUCT_KEYS = ("price", "sku", "variants", "vendor", "product-id", "available")
_MAX_RUNS = 300
_HOMES = ("", "/", "/index.html", "/index.htm", "/index.php")
"""Paths of a site's front page."""
_CART = re.compile(r"cart|basket|bag|buy|checkout|warenkorb|panier|carrito|carrinho|carrello")


_SPOKEN = ("own_ids", "in_stock", "out_of_stock")
_MANY = 4
"""Number of amounts of money in similar elements from which a page may be a listing."""


def kind_evidence(page: Page, listed: int) -> set[str]:
    """Return evidence of the kind of a page. ``listed`` is the number of products listed in its markup."""
    document, seen = page.document, page.seen
    found = {"bias", f"listed:{bucket(listed)}"}
    claimed = claims_product(page)
    for one in page.marked if claimed else [one for one in page.marked if one.origin == "opengraph"]:
        said = [name for name in ("caption", "price", "sku") if getattr(one, name)]
        found.update(f"m:{one.origin}:{name}" for name in said)
    if says_product(document):
        found.add("og:product")
    body = document.tree.find("body")
    for name, element in (("html", document.tree), ("body", body)):
        if element is not None:
            found.update(f"{name}:{word}" for word in name_words(element.get("class") or ""))
            found.update(f"{name}-id:{word}" for word in name_words(element.get("id") or ""))
    parts = urlsplit(document.url)
    path = _folders(unquote(parts.path))
    found.update(f"url:{word}" for part in path[:-1] for word in name_words(part))
    found.update(f"url-last:{word}" for part in path[-1:] for word in name_words(part)[:6])
    found |= {f"depth:{bucket(len(path))}", f"query:{bool(parts.query)}"}
    if parts.path.lower() in _HOMES and not parts.query:
        found.add("home")
    found.update(f"has:{word}" for word in {word for called in document.classes for word in name_words(called)})
    _from_state(page, found)
    _from_cart(page, found)
    _from_offer(page, found)
    found.update(f"query:{word}" for name, _ in _query(parts.query) for word in name_words(name))
    found.add(f"numbered:{_is_later_page(document.url)}")
    amounts = [run for run in seen.runs if len(run.text) < 40 and MONEY.search(run.text)]
    shapes = Counter((run.element.tag, run.element.get("class")) for run in amounts)
    found |= {f"amounts:{bucket(len(amounts))}", f"alike:{bucket(max(shapes.values(), default=0))}"}
    if max(shapes.values(), default=0) >= _MANY or listed > 2:
        found.add("many")
    if listed > 2:
        found.add("m:list")
    heading = seen.text_of(seen.title) if seen.title is not None else ""
    key = key_of(heading)
    found.add(f"heading:{'none' if not key else seen.title.tag if seen.title is not None else ''}")
    if page.slug:
        slug = key_of(squash(heading))
        found.add(
            f"slug:{'is' if slug == page.slug else 'in' if slug and (slug in page.slug or page.slug in slug) else 'no'}"
        )
    if any(
        0 < len(text) <= 80 and anywhere("missing_pages").search(squash(text)) for text in (heading, document.title)
    ):
        found.add("missing")
    found |= {f"groups:{bucket(len(page.groups))}", f"runs:{bucket(len(seen.runs))}"}
    spoken = Counter(name for text in page.squashed[:_MAX_RUNS] for name in _spoken(text))
    found.update(f"says:{name}:{bucket(spoken[name])}" for name in _SPOKEN)
    return found


def _folders(path: str) -> list[str]:
    """Return the parts of a URL's path without file endings and ``index.html``, which copies of sites add."""
    parts = [_FILE_ENDING.sub("", part) for part in path.split("/") if part]
    return parts[:-1] if parts and parts[-1].lower() == "index" else parts


_FILE_ENDING = re.compile(r"\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)


@lru_cache(maxsize=16_384)
def _spoken(text: str) -> tuple[str, ...]:
    """Return the vocabularies with a word in a text; cached, as texts such as menu entries recur."""
    return tuple(name for name in _SPOKEN if text and anywhere(name).search(text))


def _from_state(page: Page, found: set[str]) -> None:
    for _, key, value in page.properties(_TYPE_KEYS):
        if isinstance(value, str) and len(value) < 60:
            found.update(f"s:{key_words(key)}={word}" for word in name_words(value)[:4])
    matched = 0
    for words in _PRODUCT_KEYS:
        for one, _, _ in page.by_key.get(words, ()):
            if (match := page.match(one)) not in ("", "other"):
                found.add(f"matched:{words}:{match}")
                matched += 1
    found.add(f"matched:{bucket(matched)}")


def _from_cart(page: Page, found: set[str]) -> None:
    carts = 0
    for form in page.document.tree.iter("form"):
        words = name_words(
            f"{form.get('class') or ''} {form.get('id') or ''} {(form.get('action') or '')[-60:].replace('/', ' ')}"
        )
        found.update(f"form:{word}" for word in words)
        carts += any(_CART.search(word) for word in words)
    for button in page.document.tree.iter("button", "input"):
        if button.tag == "button" or button.get("type") in ("submit", "button", "hidden"):
            found.update(
                f"button:{word}" for word in name_words(f"{button.get('name') or ''} {button.get('id') or ''}")
            )
    found.add(f"carts:{bucket(carts)}")


_NEAR_PRICE, _NEAR_BUTTON = 60, 120
"""Runs after the heading within which the product's price and its button stand."""
_PAGE_NUMBER = re.compile(r"(?:^|/)(?:page|pagina|seite|strana|sayfa)[/_-]?(\d+)(?:/|\.\w+$|$)", re.IGNORECASE)
_PAGE_NAMES = frozenset(("page", "pg", "paged", "pagina", "seite", "pagen", "pagenumber"))


def _query(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=40)
    except ValueError:
        return []


@lru_cache(maxsize=1024)
def _is_later_page(url: str) -> bool:
    """Return whether a URL names the second or a later page of a listing."""
    parts = urlsplit(url)
    numbers = [value for name, value in _query(parts.query) if name.lower().split("_")[0] in _PAGE_NAMES]
    numbers += _PAGE_NUMBER.findall(parts.path)
    return any(number.isdigit() and int(number[:9]) > 1 for number in numbers)


def _from_offer(page: Page, found: set[str]) -> None:
    """Add evidence of the price in or after the heading, of the button after it, and of other products on the page."""
    start, end = page.seen.title_span
    own = [index for index in range(start, min(len(page.seen.runs), end + _NEAR_BUTTON)) if index not in page.tile_runs]
    runs = page.seen.runs
    price = next(
        (one for one in own if one < end + _NEAR_PRICE and len(runs[one].text) < 40 and MONEY.search(runs[one].text)),
        None,
    )
    button = next((index for index in own if "in_stock" in _spoken(page.squashed[index])), None)
    tile = min((one.start for one in page.tiles if one.start >= end), default=len(runs))
    found |= {
        f"price-after:{'none' if price is None else bucket(max(0, price - end))}",
        f"button-after:{'none' if button is None else bucket(max(0, button - end))}",
        f"offer:{end > 0}:{price is not None}:{button is not None}",
        f"tile-before:{price is not None and tile < price}:{button is not None and tile < button}",
        f"tiles:{bucket(len(page.tiles))}",
        f"pictured:{bucket(len({page.links[link] for link in pictured_links(page.links)}))}",
    }


_STOCK_KEYS = keys_with(r"avail|stock|sold|inventory|quantity|purchas|saleable|orderable")
_STOCK_NAMES = re.compile(r"stock|sold|avail|backorder|disabled|notify")
_REACH = 200


def stock_evidence(page: Page) -> set[str]:
    """Return evidence of whether the product can be bought now."""
    found = {"bias"}
    for one in page.marked:
        if one.availability:
            found |= {f"m:{one.origin}:{one.availability}", f"m:{one.availability}"}
    for vocabulary, mark in (("out_of_stock", "out"), ("in_stock", "in")):
        count = 0
        for index in _stock_runs(page, vocabulary):
            run = page.seen.runs[index]
            count += 1
            where = "option" if run.element.tag in ("li", "option", "label") else "text"
            where = "button" if run.element.tag in ("button", "a") or _inside(run.element, "button") else where
            hidden = ":hidden" if run.hidden else ""
            found |= {
                f"says:{mark}:{where}{hidden}",
                f"says:{mark}:{page.from_title(run.element)}",
                f"says:{mark}:{page.distance(index)[0]}",
            }
            if count == 1:
                found |= {f"first:{mark}:{name}" for name in page.own_names(run.element)}
                found.add(f"first:{mark}:{where}{hidden}:{page.from_title(run.element)}")
        found.add(f"says:{mark}:{bucket(count)}")
    for element in page.stock_elements:
        if page.seen.spans.get(element, (-1, 0))[0] in page.tile_runs:
            continue
        joint = page.from_title(element)
        words = [word for word in name_words(element.get("class") or "") if _STOCK_NAMES.search(word)]
        found.update(f"class:{element.tag}:{word}:{joint}" for word in words)
        found.update(f"class:{word}:{'near' if joint in _NEAR else 'far'}" for word in words)
        if element.get("disabled") is not None:
            found.add(f"disabled:{joint}")
            found.update(
                f"disabled:{word}" for word in name_words(f"{element.get('class') or ''} {element.get('name') or ''}")
            )
    _stock_state(page, found)
    return found


def _stock_runs(page: Page, vocabulary: str) -> Iterator[int]:
    """Yield the runs after the heading that mention the product's stock."""
    start, end = page.seen.title_span
    for index in range(max(start, end), min(len(page.seen.runs), end + _REACH)):
        spoken = () if index in page.tile_runs else _spoken(page.squashed[index])
        # "We write when it is back in stock" says that it is not.
        if vocabulary in spoken and (vocabulary == "out_of_stock" or "out_of_stock" not in spoken):
            yield index


def says_in_stock(evidence: set[str]) -> bool:
    """Return whether evidence includes a statement that the product can be bought."""
    return not evidence.isdisjoint(("m:InStock", "says:in:1", "says:in:2", "says:in:3", "says:in:4"))


def says_out_of_stock(evidence: set[str]) -> bool:
    """Return whether evidence includes a statement, or a class near the heading, that the product is sold out."""
    return "says:out:0" not in evidence or not evidence.isdisjoint(_OUT_NEAR)


_OUT_NEAR = frozenset(f"class:{name}:near" for name in ("out-of-stock", "outofstock", "sold-out", "soldout"))
_NEAR = frozenset(("joint:in", *(f"joint:{level}" for level in (0, 1, 2, 3, 4))))


def _inside(element: object, tag: str) -> bool:
    parent = element.getparent()  # type: ignore[attr-defined]
    return parent is not None and parent.tag == tag


def _stock_state(page: Page, found: set[str]) -> None:
    truths: dict[str, set[bool]] = {}
    for one, key, value in page.properties(_STOCK_KEYS):
        match, said = page.match(one), _in_stock(value)
        if match not in ("", "other") and said is not None:
            words = key_words(key)
            truths.setdefault(words, set()).add(said)
            found.add(f"s:{words}={said}:{match}")
    for words, every in truths.items():
        found |= {f"any:{words}={any(every)}", f"all:{words}={all(every)}"}


def _in_stock(value: str | float) -> bool | None:
    """Return whether a property such as ``available`` means in stock; None if unclear."""
    if not isinstance(value, str):
        return value > 0
    if value.lower() in ("true", "false", "0", "1", "yes", "no"):
        return value.lower() in ("true", "1", "yes")
    text = squash(value[:80]).replace("_", " ")
    if "outofstock" in text or "out_of_stock" in _spoken(text):
        return False
    return True if "instock" in text or "in_stock" in _spoken(text) else None


_MAX_LINKS = 3_000
_LEVELS = 6
"""Number of elements around a link, one of which may be a tile of a listing."""
_FRAMES = frozenset(("nav", "header", "footer"))
_PROSE = 120
"""Length above which a text is prose, in characters."""


def listing_evidence(page: Page, known: set[str]) -> set[str]:
    """Return evidence that a page lists products: ``known`` evidence of its kind, repeated tiles, a next page."""
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on whether a record is a product; true in a condition if it is."""

    product: bool
    reason: str = ""
    """Reason against it: ``soft_404``, ``listing``, ``no_product_evidence`` or ``no_content``; empty for a product."""

    def __bool__(self) -> bool:
        """Return ``product``."""
        return self.product


def is_product(record: ProductRecord) -> Verdict:
    """Return whether a record is a product: it comes from a product page and has content.

    A product page has a product in its markup, or enough evidence of one for the model. Listings and error pages with
    status 200 are not product pages. A record without caption, image and specification has no content. A record from
    a feed has no page and is judged by its content alone.
    """
    kind = record.origins.get("page", "product").partition(" ")[0]
    if kind == "not-found":
        return Verdict(product=False, reason="soft_404")
    if kind == "listing":
        return Verdict(product=False, reason="listing")
    if not kind.startswith("product"):
        return Verdict(product=False, reason="no_product_evidence")
    if not (record.caption or record.image_urls or record.specs):
        return Verdict(product=False, reason="no_content")
    return Verdict(product=True)


def claims_product(page: Page) -> bool:
    """Return whether markup states that the page is that of one product.

    Widgets for ratings put a product without a name, or with that of the shop, on every page. A listing's second page
    is a listing, whatever product it names.
    """
    if _is_later_page(page.document.url):
        return False
    stated = (one for one in page.marked if one.origin != "opengraph")
    return any(
        key_of(one.caption) not in page.shop_keys if one.caption else bool(one.sku and one.prices) for one in stated
    )


def page_kind(page: Page, evidence: set[str], product: float, least: float) -> tuple[str, float]:
    """Return the kind of a page and its probability: ``product:<origin>``, ``listing``, ``not-found`` or ``other``.

    Args:
        page: The page.
        evidence: Evidence of its kind.
        product: Probability that it shows one product.
        least: Probability from which it does.
    """
    if product >= least:
        marked = [one.origin for one in page.marked if one.caption or one.price is not None or one.sku]
        return f"product:{marked[0] if marked else 'html'}", product
    if "missing" in evidence:
        return "not-found", 1.0 - product
    if "m:list" in evidence or page.only_lists:
        return "listing", 1.0 - product
    listing = kinds_model().probability("listing", listing_evidence(page, evidence))
    kind, probability = ("listing", listing) if listing >= _EVEN else ("other", 1.0 - listing)
    return kind, (1.0 - product) * probability


_EVEN = 0.5
