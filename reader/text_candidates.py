"""Candidates for short texts: caption, the shop's id, brand, GTIN and part number."""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from lxml import html

from core.gtin import read_gtin
from reader.evidence import (
    BRAND_HINTS,
    GTIN_HINTS,
    ID_HINTS,
    MPN_HINTS,
    Page,
    bucket,
    key_of,
    keys_with,
    name_words,
)
from reader.model import Candidate, Pool
from reader.refusals import is_command, is_date, is_interface, is_missing, is_shop_name, is_template
from reader.slots import is_unfilled
from reader.state import key_words
from reader.text import anywhere, as_a_whole, at_start, plain, squash
from reader.url_ids import id_from_url, is_no_id
from reader.visible import Run

__all__ = ["brands", "captions", "gtins", "is_far", "is_part_number", "own_ids", "part_numbers", "sellers"]

_STATES = ("json-ld", "microdata")
"""Origins that state a value; what they state is refused only where it is no value at all."""
_MAX_CAPTION = 500
"""Longest caption, in characters; captions of M5Product have 20 to 40 words."""
_MAX_TEXT = 80
"""Longest brand or id, in characters. Longer texts are descriptions in the wrong place."""
_SEPARATOR = re.compile(r"\s+[|\-–—:·•»«/~]+\s+|\s*[|｜_]\s*|(?<=[\u3000-\u9fff】」])-(?=\S)")
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "strong", "b"))
_GOODS = frozenset(("price", "sku", "vendor", "variants", "product-id", "brand", "price-amount", "handle"))
"""Properties that distinguish product objects from other objects with a name."""
_NAME_KEYS = keys_with(r"(?:title|name)$")
_NAMED = frozenset(("is", "url", "starts", "begins", "slug"))


def captions(page: Page) -> list[Candidate]:
    """Return candidates for the product's name."""
    pool = Pool()
    for one in page.marked:
        if one.caption:
            _add_caption(page, pool, one.caption, one.origin, [f"m:{one.origin}"])
    for text, origin in page.titles:
        _add_caption(page, pool, text, origin, [f"title:{origin}"])
    _pieces_of_title(page, pool)
    for index, run in _title_runs(page):
        text = page.seen.text_of(run.element) or run.text
        evidence = [*page.around(run.element), *page.distance(index), page.from_title(run.element)]
        _add_caption(page, pool, text, f"html:{run.element.tag}", evidence)
    for holder, key, content in page.properties(_NAME_KEYS):
        ours = page.match(holder) in _NAMED or not _GOODS.isdisjoint(map(key_words, holder.values))
        if ours and isinstance(content, str) and len(content) < _MAX_CAPTION:
            _add_caption(page, pool, plain(content), "state", page.of_object(holder, key))
    return pool.candidates()


def _pieces_of_title(page: Page, pool: Pool) -> None:
    pieces = [piece for piece in _SEPARATOR.split(page.document.title) if piece]
    for place, piece in enumerate(pieces[:6]):
        _add_caption(page, pool, piece, "html:title", [f"piece:{place}/{len(pieces)}", f"piece:{place - len(pieces)}"])
    if len(pieces) > 2:
        _add_caption(
            page,
            pool,
            page.document.title.rpartition(pieces[-1])[0].rstrip(" |-–—:·•»«/~_"),
            "html:title",
            ["but-last"],
        )


def _title_runs(page: Page) -> Iterator[tuple[int, Run]]:
    count = 0
    for index, run in enumerate(page.seen.runs):
        tag = run.element.tag
        words = name_words(page.document.attributes[run.element].get("class", ""))
        if count < 40 and (
            tag in _HEADINGS or "title" in words or "name" in words or page.named(run.text) in ("is", "url")
        ):
            count += 1
            yield index, run


def _add_caption(page: Page, pool: Pool, text: str, origin: str, evidence: list[str]) -> None:
    key = key_of(text)
    if not len(key) > 0 or len(text) > _MAX_CAPTION or not (any(c.isalpha() for c in text) or key == page.heading):
        return
    if (
        _is_section(text)
        or is_template(text)
        or (key != page.slug and not origin.startswith(_STATES) and is_interface(text))
    ):
        return
    title, slug = key_of(page.document.title), page.slug
    folded = key_of(squash(text))
    found = [f"words:{bucket(len(text.split()))}"]
    found.append(
        "title:is"
        if key == title
        else "title:starts"
        if title.startswith(key)
        else "title:in"
        if key in title
        else "title:no"
    )
    if slug:
        same = "is" if folded == slug else "in" if folded in slug else "holds" if slug in folded else "no"
        found += [f"slug:{same}", f"slug-title:{same}:{found[-1]}"]
        found.append(f"slug-share:{round(4 * min(len(slug), len(folded)) / max(len(slug), len(folded), 1))}")
    if key in page.shop_keys:
        found.append("shop")
    relation = found[1]
    found += [f"{one}|{relation}" for one in evidence if one.startswith(("tag:", "0:", "title:", "piece:"))]
    pool.add(key, text, origin, [*evidence, *found])


@lru_cache(maxsize=4096)
def _is_section(text: str) -> bool:
    """Return whether a text is the title of a section of the page."""
    return not key_of(anywhere("spec_places", "decoy_places").sub("", squash(text)))


def _is_label(text: str) -> bool:
    return any(as_a_whole(name).fullmatch(squash(text.strip(_AROUND))) for name in ("own_ids", "part_numbers", "gtins"))


_ID_KEYS = keys_with(
    r"sku|reference|\bref\b|(?:^|^p|product-|item-|article-|offer-|goods-|style-|master-)id$|(?:product|item|article|style)-(?:code|number|no)"
    r"|^(?:code|model|mpn|item|product)$|artic(?:le|olo)$"
)


def own_ids(page: Page) -> list[Candidate]:
    """Return candidates for the shop's own id."""
    pool = Pool()
    for one in page.marked:
        if one.sku:
            _add_id(page, pool, one.sku, one.origin, [f"m:{one.origin}", "m:sku"])
        if one.mpn:
            _add_id(page, pool, one.mpn, one.origin, ["m:mpn"])
    for value, origin, evidence in _labelled(page, ("own_ids", "part_numbers"), ID_HINTS):
        # A word below a label without a colon is the next heading or filter.
        worded = " " not in value.strip() and "how:under" not in evidence
        if worded or any(c.isdigit() for c in value):
            _add_id(page, pool, value, origin, evidence)
    for holder, key, content in page.properties(_ID_KEYS):
        called = "sku" in key_words(key)
        ours = called or page.match(holder) not in ("", "other") or holder.kind in ("form", "meta")
        # Ids of widgets are words without digits.
        if ours and not isinstance(content, bool) and (called or any(c.isdigit() for c in str(content))):
            _add_id(page, pool, str(content), "state", page.of_object(holder, key))
    _ids_in_url(page, pool)
    return pool.candidates()


_PART = frozenset(("label:part_numbers", "behind:part_numbers", "said:part_numbers", "hint:mpn", "hint:part", "m:mpn"))
_OWN = frozenset(("label:own_ids", "behind:own_ids", "said:own_ids", "hint:sku", "m:sku", "url"))


def is_part_number(candidate: Candidate) -> bool:
    """Return whether an id is called the manufacturer's wherever it stands, and never the shop's."""
    return candidate.has(*_PART) and not candidate.has(*_OWN)


_FAR = frozenset(f"far:{1 << power}" for power in range(5, 14))


def is_far(candidate: Candidate) -> bool:
    """Return whether a value stands only in texts that are 32 runs and more from the heading."""
    return all(not place.isdisjoint(_FAR) for place in candidate.places)


def _ids_in_url(page: Page, pool: Pool) -> None:
    if found := id_from_url(page.document.url):
        _add_id(page, pool, found, "url", ["url"])
    parts = [part for part in unquote(urlsplit(page.document.url).path).split("/") if part]
    for place, part in enumerate(reversed(parts[-3:])):
        name = re.sub(r"\.\w{2,5}$", "", part)
        if any(c.isdigit() for c in name) and len(name) <= 30:
            _add_id(page, pool, name, "url", [f"url-part:{place}"])


_NEXT_LABEL = re.compile(r"[\s,;|(/]+[^\W\d_]{2,}\.?(?:\s[^\W\d_]+)?\s*[:：].*$", re.DOTALL)
"""A second label with its value, on the line of the first: ``209 SKU: 210``."""


def _is_no_code(value: str, origin: str) -> bool:
    """Return whether a text cannot be an id, a part number or a brand, whatever stands around it."""
    if is_template(value) or is_missing(value) or is_date(value):
        return True
    return origin not in _STATES and (is_interface(value) or is_command(value))


def _add_id(page: Page, pool: Pool, text: str, origin: str, evidence: list[str]) -> None:
    value = _code_in(text)
    if not value or len(value) > 60 or value.count(" ") > 3 or is_no_id(value) or _is_no_code(value, origin):
        return
    key = key_of(value)
    if key and (any(c.isdigit() for c in value) or not _is_label(value)):
        pool.add(key, value, origin, [*evidence, *_of_id(page, value, key)])


def _code_in(text: str) -> str:
    """Return a text without the label before an id and without a second label behind it."""
    value = text.strip().lstrip("#")
    if value.lower().startswith(("sku:", "mpn:", "id:")):
        value = value.partition(":")[2].strip()
    value = _NEXT_LABEL.sub("", value)
    label = at_start("own_ids", "part_numbers").match(squash(value)) if " " in value else None
    return value[label.end() :].strip(_AROUND) if label else value


def _of_id(page: Page, value: str, key: str) -> Iterator[str]:
    """Yield evidence of the form of an id and of where else on the page it occurs."""
    digits = sum(c.isdigit() for c in value)
    form = "digits" if digits == len(value) else "mixed" if digits else "letters"
    yield from (f"form:{form}", f"size:{bucket(len(value))}", f"form:{form}:{bucket(len(value))}")
    if page.slug == key:
        yield "slug"
    if digits and len(key) > 3 and key in page.image_names:
        yield "in-image"
    if len(key) > 2:
        if key in page.shown:
            yield "shown"
        if key in key_of(page.document.url):
            yield "in-url"
        if any(key in title for title in page.title_keys):
            yield "in-title"
    if " " in value:
        yield "spaces"


_BRAND_KEYS = keys_with(
    r"brand|vendor|manufactur|maker|designer|marca|marque|marke$|hersteller|fabri[ck]ant|thuong-hieu"
)
_VENDOR_KEYS = keys_with("vendor")
_BRAND_KEY = re.compile(r"(?:product-|item-)?(?:brand|vendor|manufacturer|maker|marca)(?:-?(?:name|title|label))?")
"""Keys that hold only a brand."""
_AROUND_BRAND = re.compile(r"^(?:by|von|par|de|da|visit the|brand:?|marca:?|vendor:?)\s+|\s+store$", re.IGNORECASE)
_LEADING = 3
"""Maximum words at the start of a title that may be the brand."""


def brands(page: Page) -> list[Candidate]:
    """Return candidates for the brand."""
    pool = Pool()
    for one in page.marked:
        if one.brand:
            _add_brand(page, pool, one.brand, one.origin, "markup", [f"m:{one.origin}"])
    for value, origin, evidence in _labelled(page, ("brands", "makers"), BRAND_HINTS):
        # "De Boon" may be the brand's whole name; the title decides.
        name = value if page.named(value) == "begins" else _AROUND_BRAND.sub("", value)
        _add_brand(page, pool, name, origin, "label", evidence)
    defaults = _default_vendors(page)
    for holder, key, content in page.properties(_BRAND_KEYS):
        if isinstance(content, str) and not content.isdigit() and key_of(content) not in defaults:
            kind = "key" if _BRAND_KEY.fullmatch(key_words(key)) else "other-key"
            _add_brand(page, pool, plain(content), "state", f"{kind}:{page.match(holder)}", page.of_object(holder, key))
    _linked_brands(page, pool)
    _brands_in_names(page, pool)
    # Few shops show brands: too few to learn which kinds of places hold one.
    return _supported(page, pool.candidates(kinds=False))


def _default_vendors(page: Page) -> set[str]:
    """Return the names that shop software fills in as the vendor of everything: the shop's, not in the heading."""
    names = (key_of(name) for _, _, name in page.properties(_VENDOR_KEYS) if isinstance(name, str))
    return {name for name in names if is_shop_name(name, page.shop_keys) and name not in page.heading}


def _linked_brands(page: Page, pool: Pool) -> None:
    """Add the texts of links to a brand, and the descriptions of images in elements named as a brand."""
    known = page.document.attributes
    for element in page.document.tree.iter("a", "img"):
        if element.tag == "a":
            leads = _leads_to_brand(known[element].get("href", ""))
            text = " ".join(element.text_content().split()) if leads and not page.is_control(element) else ""
        else:
            text = known[element].get("alt", "") if _near_brand(page, element) else ""
        if text:
            evidence = [*page.around(element), page.from_title(element), f"{element.tag}:brand"]
            _add_brand(page, pool, text, f"html:{element.tag}", element.tag, evidence)


def _brands_in_names(page: Page, pool: Pool) -> None:
    """Add the first words of the heading and the title, the texts next to the heading, and the names of the shop."""
    heading = page.seen.text_of(page.seen.title) if page.seen.title is not None else ""
    for kind, title in (("heading", heading), ("title", page.document.title)):
        first = title.split()[:_LEADING]
        for count in range(1, len(first) + 1):
            text = " ".join(first[:count])
            evidence = [f"leads:{count}", *(["leads:capital"] if text.istitle() or text.isupper() else [])]
            _add_brand(page, pool, text, "html:title", f"{kind}:{count}", evidence)
    for mark, text in _beside_heading(page).items():
        _add_brand(page, pool, text, "html:heading", mark, [])
    for name in page.shop_keys:
        _add_brand(page, pool, name, "shop", "shop", ["shop-name"])
    for name in page.document.meta.get("og:site_name", ())[:1]:
        _add_brand(page, pool, name, "shop", "shop", ["site-name"])


_MAX_BESIDE = 40
"""Longest text next to the heading that may be a brand, in characters."""


def _beside_heading(page: Page) -> dict[str, str]:
    """Return the short texts just ``above`` and ``below`` the heading."""
    start, end = page.seen.title_span
    near = {"above": start - 1, "below": end} if end else {}
    texts = {mark: page.seen.runs[index].text for mark, index in near.items() if 0 <= index < len(page.seen.runs)}
    return {mark: text for mark, text in texts.items() if len(text) <= _MAX_BESIDE and any(map(str.isalpha, text))}


def _supported(page: Page, found: list[Candidate]) -> list[Candidate]:
    """Add evidence of where else on the page each candidate occurs alone, and of which begin a longer one."""
    keywords = {key_of(word) for text in page.document.meta.get("keywords", ()) for word in text.split(",")}
    address = key_of(squash(unquote(urlsplit(page.document.url).path)))
    keys = [key_of(str(one.value)) for one in found]
    beside = {key_of(text): mark for mark, text in _beside_heading(page).items()}
    *others, last = map(key_of, _SEPARATOR.split(page.document.title))
    for one, key in zip(found, keys, strict=True):
        one.evidence |= {f"alone:{bucket(page.texts[key])}", f"linked:{bucket(page.link_texts[key])}"}
        if mark := beside.get(key):
            one.evidence |= {mark, f"{mark}:{page.named(str(one.value)) or 'no'}"}
        if key == last and others and page.heading != key and page.heading.startswith(key):
            one.evidence.add("title-end")  # a shop that names its products after itself
        if key in keywords:
            one.evidence.add("keyword")
        if len(key) > 2 and key_of(squash(str(one.value))) in address:
            one.evidence.add("address")
        if any(other != key and other.startswith(key) and len(key) > 2 for other in keys):
            one.evidence.add("shorter")
        if str(one.value)[:1].isupper() and str(one.value).lower() in page.small_words:
            one.evidence.add("common word")
    return found


_MAY_LEAD_TO_BRAND = re.compile("|".join(sorted({hint.partition("-")[0] for hint in BRAND_HINTS})), re.IGNORECASE)


@lru_cache(maxsize=4096)
def _leads_to_brand(reference: str) -> bool:
    """Return whether the path of a link has a word for brand but does not end in it: ``/brands`` lists all."""
    if not _MAY_LEAD_TO_BRAND.search(reference):
        return False
    try:
        parts = urlsplit(reference[:500])
    except ValueError:
        return False
    last = re.sub(r"\.\w{2,5}$", "", parts.path.rstrip("/").rpartition("/")[2]).lower()
    lists = last in BRAND_HINTS and not parts.query
    return not lists and not BRAND_HINTS.isdisjoint(name_words(parts.path.replace("/", " ")))


def _near_brand(page: Page, element: html.HtmlElement) -> bool:
    near = (page.document.attributes[one] for one in (element, element.getparent()) if one is not None)
    return any(
        not BRAND_HINTS.isdisjoint(name_words(f"{one.get('class', '')} {one.get('id', '')}")) for one in near if one
    )


_ADDRESS = re.compile(
    r"https?:|www\.|[\w.+-]+@\w|(?:[\w-]+\.)+(?:com|net|org|co|shop|store|[a-z]{2})(?:\.[a-z]{2})?/?$", re.IGNORECASE
)
"""The address of a site or a mailbox."""


def _add_brand(page: Page, pool: Pool, text: str, origin: str, kind: str, evidence: list[str]) -> None:
    """Add a brand; ``kind`` is the kind of its place, whose meaning depends on whether the title has the brand."""
    value = text.split(" | ", maxsplit=1)[0].strip(" :：-,")
    key = key_of(value)
    if not 1 < len(key) <= 50 or _ADDRESS.match(value) or _is_no_code(value, origin):
        return
    named = page.named(value) or "no"
    found = [f"words:{bucket(len(value.split()))}", f"named:{named}", f"by:{kind}", f"by:{kind}:{named}"]
    if is_shop_name(key, page.shop_keys):
        found += ["shop", f"shop:{kind}"]
    if key in page.shown:
        found.append("shown")
    if any(key in title for title in page.title_keys):
        found.append("in-title")
    pool.add(key, value, origin, [*evidence, *found])


_GTIN_KEYS = keys_with(r"gtin|ean|upc|barcode|isbn")


def gtins(page: Page) -> list[Candidate]:
    """Return candidates for the GTIN."""
    pool = Pool()

    def add(text: str, origin: str, evidence: list[str]) -> None:
        if digits := read_gtin(text):
            shown = "shown" if digits in page.shown else "unshown"
            pool.add(digits, digits, origin, [*evidence, "valid", f"digits:{len(digits)}", shown])

    for one in page.marked:
        if one.gtin:
            add(one.gtin, one.origin, [f"m:{one.origin}"])
    for value, origin, evidence in _labelled(page, ("gtins",), GTIN_HINTS):
        add(value, origin, evidence)
    for holder, key, content in page.properties(_GTIN_KEYS):
        add(str(content), "state", page.of_object(holder, key))
    return pool.candidates()


_MPN_KEYS = keys_with(r"mpn|part|model|manufacturer-(?:code|number|sku)")


def part_numbers(page: Page) -> list[Candidate]:
    """Return candidates for the manufacturer's part number."""
    pool = Pool()
    for one in page.marked:
        if one.mpn:
            _add_id(page, pool, one.mpn, one.origin, [f"m:{one.origin}"])
    for value, origin, evidence in _labelled(page, ("part_numbers",), MPN_HINTS):
        _add_id(page, pool, value, origin, evidence)
    for holder, key, content in page.properties(_MPN_KEYS):
        if page.match(holder) and not isinstance(content, bool):
            _add_id(page, pool, str(content), "state", page.of_object(holder, key))
    return pool.candidates()


_MAX_SELLER = 80


def sellers(page: Page) -> Iterator[tuple[str, str]]:
    """Yield texts after labels of a seller (``店铺：``, ``Sold by``) with their origin; only hashes may be kept."""
    for value, origin, _ in _labelled(page, ("sellers",), frozenset()):
        if len(value) <= _MAX_SELLER and any(c.isalpha() for c in value):
            yield value, origin


_AROUND = " \t:：#№.•*-|()"
_COLON = re.compile(r"\s*[:：]\s*")


def _labelled(page: Page, vocabularies: tuple[str, ...], hints: frozenset[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield values after labels, and texts of elements named like one, with origin and evidence."""
    runs = page.seen.runs
    for pair, element, kind in page.pairs:
        label = squash(pair.name.strip(_AROUND))
        said = [name for name in vocabularies if as_a_whole(name).fullmatch(label)]
        if said and len(pair.value) <= _MAX_TEXT:
            evidence = [*(f"label:{name}" for name in said), f"pair:{kind}", f"name:{label[:20]}"]
            evidence += [*page.around(element), *page.distance(pair.start), page.from_title(element)]
            yield pair.value, "html:specs", evidence
    start = anywhere(*vocabularies)
    for index in page.labelled_runs:
        run, text = runs[index], page.squashed[index]
        hinted = frozenset() if page.is_control(run.element) else hints & page.own_names(run.element)
        spoken = start.match(text) if len(text) < 60 else None
        if not hinted and not spoken:
            continue
        before = runs[index - 1].text if index else ""
        evidence = [*page.around(run.element), *page.distance(index), page.from_title(run.element)]
        evidence += [f"hint:{name}" for name in hinted]
        if hinted and len(run.text) <= _MAX_TEXT:
            label = squash(before.strip(_AROUND))[:20]
            said = [f"behind:{name}" for name in vocabularies if as_a_whole(name).fullmatch(label)]
            yield run.text.strip(_AROUND), "html:class", [*evidence, f"name:{label}", *said]
        if spoken:
            said = [f"said:{name}" for name in vocabularies if at_start(name).match(text)]
            for value, how in _behind(page, index, vocabularies):
                yield value, "html:label", [*evidence, *said, f"how:{how}", f"name:{spoken[0][:20]}"]


def _behind(page: Page, index: int, vocabularies: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the value after the label at the start of a run, in the run or the next, and how it was found."""
    runs, text = page.seen.runs, page.seen.runs[index].text
    label, *rest = _COLON.split(text, maxsplit=1)
    if rest and rest[0]:
        if any(as_a_whole(name).fullmatch(squash(label.strip(_AROUND))) for name in vocabularies):
            yield rest[0].strip(_AROUND), "colon"
        return
    whole = squash(text.strip(_AROUND))
    if any(as_a_whole(name).fullmatch(whole) for name in vocabularies):
        following = index + 2 if index + 2 < len(runs) and runs[index + 1].text.strip() in ":：#" else index + 1
        # Two links in a row are a menu.
        menu = following < len(runs) and runs[index].element.tag == runs[following].element.tag == "a"
        filled = following < len(runs) and not is_unfilled(runs[index].element, runs[following].element)
        if filled and not menu and len(runs[following].text) <= _MAX_TEXT:
            how = "next" if rest or following > index + 1 else "under"
            yield runs[following].text.strip(_AROUND), how
    elif len(text.split()) <= 5:
        words = text.split()
        for count in range(1, len(words)):
            if any(as_a_whole(name).fullmatch(squash(" ".join(words[:count]).strip(_AROUND))) for name in vocabularies):
                value = " ".join(words[count:]).strip(_AROUND)
                # One word before another ("Store hours") is not a label; "sold by" and one word before a number are.
                if count > 1 or (len(words) == 2 and any(c.isdigit() for c in value)):
                    yield value, "words"
                return
