"""One stored page in, what it is and its record out."""

import hashlib
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from lxml import etree

from crawler.optouts import page_opt_out
from crawler.pages.document import read_document
from crawler.pages.page_kind import is_product
from crawler.pages.parse import load_page_object, page_object_for
from crawler.settings import CrawlSettings
from crawler.stored_pages import PageOutcome, StoredPageRow
from m5data.errors import PageError
from m5data.records import ProductRecord
from takedown.register import Register

__all__ = ["PageReader"]

_HERE = Path(__file__).parent
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, etree.LxmlError)
"""What a reader, perhaps a user's own, may raise at a page nobody thought of; it must not stop the others."""


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads the pages of one source.

    ``version`` names everything that the outcome depends on beside the page: code, page object, key, opt-outs.
    """

    page_object: str | None
    merchant_key: bytes
    agent: str
    opt_outs: tuple[str, ...]
    version: str
    register: Register
    """What was taken down; a page that shows it is of the kind ``taken_down``."""

    @classmethod
    def of(cls, settings: CrawlSettings, source: str, merchant_key: bytes, register: Register) -> "PageReader":
        """Return the reader of a source; one that is not in the settings any more is read generically.

        Raises:
            SettingsError: its page object cannot be loaded.
        """
        known = settings.sources.get(source)
        page_object = known.page_object if known else None
        if page_object:
            load_page_object(page_object)
        choices = (page_object, settings.user_agent, settings.opt_outs)
        digest = hashlib.sha256(repr(choices).encode() + merchant_key)
        for path in _code(page_object):
            digest.update(path.read_bytes())
        return cls(page_object, merchant_key, settings.user_agent, settings.opt_outs, digest.hexdigest()[:16], register)

    def read(self, page: StoredPageRow, body: bytes) -> tuple[PageOutcome, ProductRecord | None]:
        """Say what a page is, with its record where it is a product.

        Kinds: ``product``; ``listing`` and ``other``, which hold none and need not; ``soft_404``,
        ``no_content``, ``opt_out``, ``unreadable`` and the reasons of
        :class:`m5data.errors.PageError`, which are reasons to drop it.
        """
        try:
            return self._read(page, body)
        except PageError as error:
            return PageOutcome(error.reason, str(error)), None
        except _FAILURES as error:
            return PageOutcome("unreadable", " ".join(f"{type(error).__name__}: {error}".split())[:200]), None

    def _read(self, page: StoredPageRow, body: bytes) -> tuple[PageOutcome, ProductRecord | None]:
        document = read_document(body, page.url, page.headers)
        said = page_opt_out(document, self.agent, self.opt_outs)
        if said:
            return PageOutcome("opt_out", said), None
        page_object = load_page_object(self.page_object) if self.page_object else page_object_for(page.url)
        record = page_object(document, self.merchant_key).to_record()
        verdict = is_product(record)
        if not verdict:
            return PageOutcome("other" if verdict.reason == "no_product_evidence" else verdict.reason), None
        if not record.native_id:
            return PageOutcome("no_native_id", "the page object found no id that names the product"), None
        if self._is_tombstoned(page, record):
            return PageOutcome("taken_down"), None
        return PageOutcome("product", "", record.native_id, record.url), self._without_media(record)

    def _is_tombstoned(self, page: StoredPageRow, record: ProductRecord) -> bool:
        name, holds = f"{page.source}:{record.native_id}", self.register.holds
        return holds("product", name) or holds("url", record.url) or holds("merchant", record.merchant)

    def _without_media(self, record: ProductRecord) -> ProductRecord:
        """Leave out media that were taken down."""
        if not self.register.has("url"):
            return record
        images, videos = (
            tuple(url for url in urls if not self.register.holds("url", url))
            for urls in (record.image_urls, record.video_urls)
        )
        return replace(record, image_urls=images, video_urls=videos)


def _code(page_object: str | None) -> list[Path]:
    """Return the files whose code decides what a page is read as."""
    files = [*sorted((_HERE / "pages").rglob("*.py")), _HERE / "contacts.py", _HERE / "merchants.py"]
    own = find_spec(page_object.partition(":")[0]) if page_object else None
    return [*files, Path(own.origin)] if own and own.origin else files
