"""Stored pages as labelled pages, to teach the reader from what their markup states."""

from collections import Counter
from collections.abc import Iterator

from core.errors import PageError
from core.texts import decode_html
from crawler.crawl.stored_pages import stored_pages
from reader.learning.labelled import LabelledPage, labelled_by_markup
from storage import Store

__all__ = ["labelled_stored_pages"]

_OTHERS = 0.3
"""Pages without a product in their markup to learn from, per page with one."""


def labelled_stored_pages(store: Store, *, limit: int) -> Iterator[LabelledPage]:
    """Yield the stored pages of all sources whose markup shows a product, and some that show none.

    Pages without a product come only from sources whose product pages have markup.

    Args:
        store: Storage of the workspace.
        limit: Maximum product pages; each source contributes about the same number.
    """
    pages = list(stored_pages(store))
    share = max(1, limit // max(1, len({page.source for page in pages})))
    products: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for page in sorted(pages, key=lambda one: (one.source, one.sha256)):
        if products[page.source] >= share:
            continue
        text = decode_html(store.objects.read(page.sha256), page.headers.get("content-type", ""), page.url).text
        body = text.encode("utf-8", "replace")
        try:
            labelled = labelled_by_markup(page.source, page.url, body)
        except PageError:
            continue
        if labelled is not None:
            products[page.source] += 1
            yield labelled
        elif others[page.source] < _OTHERS * products[page.source]:
            others[page.source] += 1
            yield LabelledPage(page.source, page.url, body, None)
