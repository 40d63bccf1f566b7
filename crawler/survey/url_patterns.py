"""Shapes of URLs, and a pattern that tells products from other pages, derived from examples."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from crawler.crawl.languages import language_tag

__all__ = ["family_of", "group_by_shape", "product_patterns", "shape_of"]

_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W\d_]+(?:[-_.+%][^\W\d_]+)*")
_INDEX = re.compile(r"(?:index|default)(?:[-_.]?\w+)?\.(?:html?|php|aspx?)", re.IGNORECASE)
_ENDS = (
    (re.compile(r"()\d+(\.\w+)?"), r"{}\d+{}"),
    (re.compile(r".*?([-_.,~])\d+(\.\w+)?"), r"[^/?#]*{}\d+{}"),
    (re.compile(r"\d+([-_.,~]).*?(\.\w+)?"), r"\d+{}[^/?#]*{}"),
)
"""Forms of a last segment with a number, and their patterns: a sign beside the number, an extension."""
_FEWEST = 3
"""Fewest examples of products from which a pattern is derived."""
_CACHED = 200_000
"""URLs whose shape is remembered: those of the sitemaps and listings of one survey."""


@lru_cache(maxsize=_CACHED)
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


@lru_cache(maxsize=_CACHED)
def family_of(url: str) -> tuple[object, ...]:
    """Return the features that sibling shapes share: number of segments, the first of several, parameters."""
    shape = shape_of(url)
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    literal = tuple(one for one, segment in zip(shape, segments, strict=False) if one == segment)[:2]
    return (len(segments), literal if len(segments) > 1 else (), *(one for one in shape if one.startswith("?")))


def group_by_shape(urls: Iterable[str]) -> list[list[str]]:
    """Return URLs grouped by shape, the largest group first."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for url in urls:
        groups[shape_of(url)].append(url)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def product_patterns(products: Sequence[str], others: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return regular expressions that match every product and no other page; empty if the URLs have none in common.

    A pattern names what sets products apart wherever it stands: a folder such as ``/product/`` at any depth, parameters
    such as ``product_id``, or the form of the end of the path, such as ``-123.html``. Of several, the one that matches
    most of the known URLs is taken. Where no single one is enough, several folders may be together.

    Args:
        products: Pages that show a product.
        others: Pages that show none.
        known: All known URLs of the shop.
    """
    wrong, urls = tuple(others), tuple(known)
    if len(products) < _FEWEST:
        return ()
    features = [_features(one) for one in products]
    shared = [one for one in set.intersection(*features) if not _finds(one, wrong)]
    if shared:
        counts = {one: sum(bool(re.search(one, url)) for url in urls) for one in shared}
        return (max(sorted(shared), key=lambda one: (counts[one], -len(one))),)
    right = {one for found in features for one in found if not _finds(one, wrong)}
    chosen: list[str] = []
    left = list(products)
    while left:
        found = {one: sum(bool(re.search(one, url)) for url in left) for one in sorted(right)}
        best = max(found, key=lambda one: (found[one], -len(one)), default=None)
        if best is None or found[best] < min(2, len(left)):
            return ()
        chosen.append(best)
        left = [url for url in left if not re.search(best, url)]
    return tuple(chosen)


def _finds(pattern: str, urls: Iterable[str]) -> bool:
    return any(re.search(pattern, url) for url in urls)


def _features(url: str) -> set[str]:
    """Return the patterns that one URL suggests."""
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    if segments and _INDEX.fullmatch(segments[-1]):
        segments = segments[:-1]
    folders = {segment for segment in segments[:-1] if not language_tag(segment) and not segment.isdigit()}
    found = {rf"//[^/]+/(?:[^?#]*/)?{_escape(folder)}/[^/?#]" for folder in folders}
    found |= {rf"//[^/]+/[^?#]*\?(?:.*&)?{_escape(name)}=." for name in _names(parts.query)}
    form = _form(segments[-1]) if segments else None
    if form:
        slash = "/" if parts.path.endswith(f"{segments[-1]}/") else ""
        end = rf"{form}{slash}(?:[?#]|$)"
        found.add(rf"//[^/]+/(?:[^?#]*/)?{end}")
        found |= {rf"//[^/]+/(?:[^?#]*/)?{_escape(folder)}/(?:[^?#]*/)?{end}" for folder in folders}
    if len(segments) > 1 and segments[-2] in folders:
        within = rf"//[^/]+/(?:[^?#]*/)?{_escape(segments[-2])}/"
        found.add(rf"{within}[^/?#]+/?(?:[?#]|$)")
        if form:
            found.add(within + end)
    return found


def _names(query: str) -> set[str]:
    return {name for pair in query.split("&") if (name := pair.partition("=")[0]) and "=" in pair}


def _form(segment: str) -> str | None:
    """Return the pattern of a segment with a number at its start or end; None if it has none."""
    for rule, form in _ENDS:
        if found := rule.fullmatch(segment):
            return form.format(_escape(found[1]), _escape(found[2] or ""))
    return None


def _escape(text: str) -> str:
    """Escape a text for a regular expression, except hyphens."""
    return re.escape(text).replace(r"\-", "-")
