"""Pages that look like products, in shops whose product pages have markup.

Shop software puts markup on all of its product pages. In a shop where nearly every certain product page has it, a page
without it is more often a listing, an article or a form than a product.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from crawler.records.page_outcome import PageOutcome

__all__ = ["MarkedShare", "doubt_about", "marked_shares"]

_MIN_MARKED = 5
"""Product pages with markup from which a source is known to use it."""
_NEARLY_ALL = 0.9
_CERTAIN = 0.95
"""Probability from which a page is a product page whatever its markup; some 5 % of those without are below it."""


class MarkedShare(NamedTuple):
    """How many of the certain product pages of a source have markup of their product."""

    marked: int
    certain: int


def marked_shares(outcomes: Iterable[tuple[str, PageOutcome]]) -> Mapping[str, MarkedShare]:
    """Return the sources whose product pages have markup, each with their number.

    Args:
        outcomes: Source and outcome of each page.
    """
    count: dict[str, Counter[bool]] = defaultdict(Counter)
    for source, outcome in outcomes:
        claims = outcome.claims
        if outcome.kind == "product" and claims and (claims.marked or claims.likely >= _CERTAIN):
            count[source][claims.marked] += 1
    shares = {source: MarkedShare(found[True], found.total()) for source, found in count.items()}
    return {source: one for source, one in shares.items() if one.marked >= max(_MIN_MARKED, _NEARLY_ALL * one.certain)}


def doubt_about(outcome: PageOutcome, share: MarkedShare | None) -> str:
    """Return why a page that looks like a product is taken for none; empty if it is one.

    Args:
        outcome: Outcome of a page with a product.
        share: That of its source in :func:`marked_shares`.
    """
    claims = outcome.claims
    if share is None or claims is None or claims.marked or claims.likely >= _CERTAIN:
        return ""
    return (
        f"it looks like a product (probability {claims.likely:.2f}), but has no product markup, which {share.marked:,} "
        f"of {share.certain:,} product pages of this shop have; if it is one, add its URL to the source's product_urls"
    )
