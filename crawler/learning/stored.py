"""Labelled pages from the stored pages of a workspace."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

from crawler.crawl.frontier import FRONTIER_DDL
from crawler.crawl.stored_pages import stored_pages
from crawler.learning.labelled import LabelledPage, labelled_by_markup
from crawler.pages.document import decode_page
from m5data.errors import PageError
from storage import Store

__all__ = ["labelled_stored_pages"]

_OTHERS = 0.3
"""Pages without a product in their markup that are learned from, beside those with one."""


def labelled_stored_pages(store: Store, *, limit: int) -> Iterator[LabelledPage]:
    """Yield the stored pages of all sources whose markup shows a product, and some that show none.

    Pages without a product are taken only from sources whose product pages have markup.

    Args:
        store: Storage of the workspace.
        limit: Pages at most; every source gives about the same number.
    """
    store.state.migrate("crawler", FRONTIER_DDL)
    with closing(store.state.connect()) as connection:
        pages = list(stored_pages(connection))
    share = max(1, limit // max(1, len({page.source for page in pages})))
    products: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for page in sorted(pages, key=lambda one: (one.source, one.sha256)):
        if products[page.source] >= share:
            continue
        text = decode_page(store.objects.read(page.sha256), page.headers.get("content-type", ""))[0]
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
