"""The proposal of a survey: settings that leave out nothing that may be a product."""

import re
from collections import Counter

from crawler.crawl.languages import Languages
from crawler.survey.findings import Seen, Survey
from crawler.survey.url_patterns import product_patterns, shape_of

__all__ = ["propose"]

_RECORDS = 10
_SHOWN = 3
_LISTED = 3
"""Links to products that make a page a listing."""


def propose(survey: Survey, seen: Seen, languages: Languages) -> None:
    """Fill in the patterns and languages, the expected numbers and the records."""
    known = seen.known()
    survey.pages = len(known)
    survey.unread = sum(seen.is_new(one) for one in known)
    survey.records = tuple(seen.products.values())[:_RECORDS]
    survey.product_examples = tuple(seen.products)[:_SHOWN]
    survey.opt_outs += tuple(seen.opt_outs)
    _propose_language(survey, seen, languages)
    if seen.products:
        _propose_patterns(survey, seen)
    else:
        seen.notes.append("no page that was looked at shows a product")
    survey.notes = tuple(seen.notes)


def _propose_language(survey: Survey, seen: Seen, languages: Languages) -> None:
    """Propose the language of most pages read, if all products and the start page agree and the shop has others."""
    spoken = sorted(seen.spoken | {tag for tag in seen.languages.values() if tag})
    survey.other_languages = tuple(spoken)
    counts = Counter(tag for tag in seen.languages.values() if tag)
    if not counts:
        return
    tag, pages = max(counts.items(), key=lambda item: (item[1], item[0]))
    chosen = Languages((tag,), chosen=True)
    agreed = all((said := seen.languages[one]) and chosen.takes(said) for one in seen.products)
    others = tuple(one for one in spoken if not chosen.takes(one))
    if agreed and others and languages.takes(tag) and pages * 2 > len(seen.languages):
        survey.languages, survey.other_languages = (tag,), others


def _propose_patterns(survey: Survey, seen: Seen) -> None:
    """Propose patterns of products if nothing that they leave out may be one."""
    known = seen.known()
    patterns = product_patterns(tuple(seen.products), seen.others, known)
    survey.listing_examples = _listings(seen)
    if not patterns:
        seen.notes.append(
            "no pattern: nothing in the URLs of products sets them apart, so the reader looks at every page"
        )
        return
    products = re.compile("|".join(patterns))
    outside = [one for one in known if one not in seen.failed and not products.search(one)]
    alike = {shape_of(one) for one in seen.products}
    read = {shape_of(one) for one in seen.others}
    doubtful = [
        one for one in outside if one not in seen.others and (shape_of(one) in alike or shape_of(one) not in read)
    ]
    doubtful += [one for one, product in seen.beside_listings().items() if not products.search(product)]
    if doubtful:
        seen.notes.append(
            f"no pattern: {len(doubtful):,} pages that {' '.join(patterns)} leaves out may be products, such as "
            f"{doubtful[0]}, so the reader looks at every page"
        )
        return
    survey.product_urls = patterns
    survey.left_out = len(outside)
    survey.left_out_read = sum(one in seen.others for one in outside)
    survey.left_out_examples = tuple(outside[:_SHOWN])
    if seen.listed:
        survey.products = sum(bool(products.search(one)) for one in seen.listed)
    else:
        seen.notes.append("no sitemap names the products; their number shows as the crawl finds them")


def _listings(seen: Seen) -> tuple[str, ...]:
    """Return pages that list several of the products."""
    found = [one for one, links in seen.others.items() if sum(link in seen.products for link in links) >= _LISTED]
    return tuple(found[:_SHOWN])
