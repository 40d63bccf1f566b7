"""Subject breadcrumbs: a breadcrumb as a shop published it, put into a product page, and the category that is read.

The first name may be left out (the shop's home page), and the last if it has no link (the page itself).
"""

import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from bench.suites.cases import Case, Result, judge, read_cases
from bench.suites.pages import read_page

_HOME = re.compile(r"home(page)?|start(seite|page)?|inicio|accueil|главная|hauptseite|index|forside|hem", re.IGNORECASE)
_NAME = "Quixotic Widget 7000"


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        yield judge("category", case, case["html"], _judged, case)


def _judged(case: Case) -> tuple[object, object, bool]:
    crumbs = case["breadcrumbs"][1:] if _is_home(case["breadcrumbs"][0]) else case["breadcrumbs"]
    names = [" ".join(crumb["name"].split()) for crumb in crumbs]
    is_page = bool(crumbs) and not crumbs[-1]["url"]
    right = [names[:-1], names] if is_page else [names]
    right += [path[1:] for path in right if len(path) > 1]  # the first is often the home page, in any language
    page = _page(case["html"], names[-1] if is_page else _NAME)
    got = list(read_page(page, case["base_url"].rstrip("/") + "/p/w-7000").category)
    return right[0], got, got in right


def _is_home(crumb: Case) -> bool:
    parts = urlsplit(crumb["url"] or "")
    is_root = bool(parts.netloc) and not parts.path.strip("/") and not parts.query
    return bool(_HOME.fullmatch(crumb["name"].strip())) or is_root


def _page(breadcrumb: str, name: str) -> str:
    offer = {
        "@type": "Offer",
        "price": "12.50",
        "priceCurrency": "USD",
        "availability": "https://schema.org/InStock",
    }
    data = {"@context": "https://schema.org", "@type": "Product", "name": name, "sku": "W-7000", "offers": offer}
    parts: Sequence[str] = (
        f"<html><head><title>{escape(name)}</title>",
        f'<script type="application/ld+json">{json.dumps(data)}</script></head>',
        f"<body>{breadcrumb}<h1>{escape(name)}</h1><p>12.50 USD</p><button>Add to cart</button></body></html>",
    )
    return "".join(parts)
