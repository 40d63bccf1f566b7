"""Patterns of URLs, derived from examples."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from crawler.crawl.languages import language_tag

__all__ = [
    "family_of",
    "group_by_shape",
    "kin_of",
    "listing_patterns",
    "path_pattern",
    "product_pattern",
    "shape_of",
]

_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W\d_]+(?:[-_.+%][^\W\d_]+)*")
_EXTENSION = re.compile(r"(?:\.(?:html?|php|aspx?|jsp|do))$", re.IGNORECASE)
_MOST_FOLDERS = 40
"""Most folders that a pattern names."""
_ENDS = (re.compile(r".*?([-_.,~]?)\d+"), re.compile(r"\d+([-_.,~]).*"))


def shape_of(url: str) -> tuple[str, ...]:
    """Return the form that URLs of one kind of page share: their segments without numbers and words.

    A language and the first segment of several stay as they are, because shops put the kind of a page there.
    """
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    first = 1 if segments and language_tag(segments[0]) else 0
    kept = first + (len(segments) > first + 1)
    forms = [_WORDS.sub("a", _DIGITS.sub("0", segment)) for segment in segments[kept:]]
    names = sorted(pair.partition("=")[0] for pair in parts.query.split("&") if pair)
    return (*segments[:kept], *forms, *(f"?{name}" for name in names))


def family_of(url: str) -> tuple[object, ...]:
    """Return the features that sibling shapes share: number of segments, the first of several, parameters."""
    shape = shape_of(url)
    place = shape_of(url.partition("?")[0])
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    literal = tuple(one for one, segment in zip(place, segments, strict=True) if one == segment)[:2]
    return (len(segments), literal if len(segments) > 1 else (), *(one for one in shape if one.startswith("?")))


def kin_of(url: str) -> tuple[object, ...]:
    """Return the features shared by families that differ only in the names of their folders."""
    size, _, *parameters = family_of(url)
    return (size, *parameters)


def group_by_shape(urls: Iterable[str]) -> list[list[str]]:
    """Return URLs grouped by shape, the largest group first."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for url in urls:
        groups[shape_of(url)].append(url)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def path_pattern(urls: Sequence[str], folders: Sequence[str] = ()) -> str:
    """Return a regular expression that matches URLs of as many path segments as the examples have.

    Segments in which the examples agree stay as they are. If all end or begin with a number, so does the pattern.

    Args:
        urls: The examples.
        folders: URLs in folders of the same depth; only these folders match, unless they are too many to name.
    """
    columns = _columns(urls)
    slash = "/" if all(urlsplit(url).path.endswith("/") for url in urls) else ""
    segments = [_segment(column, last=n == len(columns) - 1, alone=len(urls) == 1) for n, column in enumerate(columns)]
    for n, names in enumerate(sorted(set(column)) for column in _columns(folders)[:-1]):
        if 1 < len(names) <= _MOST_FOLDERS and len(set(columns[n])) > 1:
            segments[n] = f"(?:{'|'.join(map(_escape, names))})"
    return rf"//[^/]+/{'/'.join(segments)}{slash}{_query(urls)}$"


def _columns(urls: Iterable[str]) -> list[tuple[str, ...]]:
    return list(zip(*(urlsplit(url).path.strip("/").split("/") for url in urls), strict=True))


def product_pattern(
    products: Sequence[str], listed: Mapping[str, str], others: Iterable[str], known: Iterable[str]
) -> str:
    """Return a regular expression for the URLs of products, which may be in many folders.

    If other pages have URLs of that form, the pattern names the folders: those of the products, and those that the
    same sitemaps list, unless a page there shows no product.

    Args:
        products: Pages that show a product, all of one kin (:func:`kin_of`).
        listed: Page that a sitemap names -> that sitemap.
        others: Pages that show none.
        known: All known URLs of the shop.
    """
    ours, kin, barren = {family_of(one) for one in products}, kin_of(products[0]), {family_of(one) for one in others}
    pattern = path_pattern(products)
    if len(ours) == 1:
        return pattern
    files = {listed[one] for one in products if one in listed}
    beside = [one for one, file in listed.items() if file in files and kin_of(one) == kin]
    folders = [one for one in (*products, *beside) if family_of(one) in ours or family_of(one) not in barren]
    inside = {family_of(one) for one in folders}
    if all(family_of(one) in inside for one in known if re.search(pattern, one)):
        return pattern
    return path_pattern(products, folders)


def _segment(values: Sequence[str], *, last: bool, alone: bool) -> str:
    if len(set(values)) == 1 and not (last and alone):
        return _escape(values[0])
    extensions = {found[0] if (found := _EXTENSION.search(value)) else "" for value in values}
    extension = _escape(extensions.pop()) if len(extensions) == 1 else ""
    stems = [_EXTENSION.sub("", value) for value in values]
    if all(stem.isdigit() for stem in stems):
        return rf"\d+{extension}"
    for rule, form in zip(_ENDS, (r"[^/?]*{}\d+", r"\d+{}[^/?]+"), strict=True):
        signs = {found[1] if (found := rule.fullmatch(stem)) else None for stem in stems}
        if len(signs) == 1 and (sign := signs.pop()):
            return form.format(_escape(sign)) + extension
    return rf"[^/?]+{extension}"


def _query(urls: Sequence[str]) -> str:
    queries = [dict(pair.partition("=")[::2] for pair in urlsplit(url).query.split("&") if pair) for url in urls]
    names = set.intersection(*(set(query) for query in queries))
    if not names:
        return ""
    values = {name: {query[name] for query in queries} for name in names}
    pairs = (
        f"{_escape(name)}={_escape(next(iter(said))) if len(said) == 1 and len(urls) > 1 else '[^&]+'}"
        for name, said in sorted(values.items())
    )
    return r"\?" + "&".join(pairs)


def listing_patterns(
    listings: Sequence[str], products: re.Pattern[str], known: Iterable[str], page_names: Iterable[str]
) -> tuple[str, ...]:
    """Return regular expressions for listings, with their further pages, but without filters.

    Args:
        listings: Pages that were seen to list products.
        products: Pattern of products.
        known: All known URLs of the shop, which show where listings and products share a folder.
        page_names: Parameters that number the pages of a listing.
    """
    found: dict[str, None] = {}
    urls = tuple(known)
    names = sorted({_escape(name) for name in page_names})
    page = (rf"(?:{'|'.join(names)})" if len(names) > 1 else names[0]) + r"=\d+"
    for listing in sorted(listings, key=len):
        path = urlsplit(listing).path
        if any(re.search(pattern, listing) for pattern in found):
            continue
        folder = _folder(path, [urlsplit(url).path for url in urls if products.search(url)])
        place = f"{_escape(folder)}[^?]*" if folder else _escape(path)
        query = urlsplit(listing).query
        fixed = rf"\?{_escape(query)}(&{page})?" if query else rf"(\?{page})?"
        found[rf"//[^/]+{place}{fixed}$"] = None
    return tuple(found)


def _folder(path: str, products: Sequence[str]) -> str | None:
    """Return the outermost folder of a listing that contains no product; None if there is none.

    A folder that is only a language is the whole shop.
    """
    segments = path.rstrip("/").split("/")[1:-1]
    for depth in range(1, len(segments) + 1):
        folder = f"/{'/'.join(segments[:depth])}/"
        if not language_tag(segments[depth - 1]) and not any(one.startswith(folder) for one in products):
            return folder
    return None


def _escape(text: str) -> str:
    """Escape a text for a regular expression, except hyphens."""
    return re.escape(text).replace(r"\-", "-")
