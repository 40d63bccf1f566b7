"""The outcome of reading one page, and the task of a process that reads pages."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import NamedTuple

from crawler.pages.document import read_document
from crawler.pages.links import page_opt_out
from crawler.pages.page_kind import is_product
from crawler.pages.parse import load_page_object, page_object_for
from crawler.pages.product_page import ProductPage
from crawler.pages.reading import Reader, Reading, reader_of
from crawler.pages.template import Lean, Observation, observe
from crawler.pages.text import storable
from m5data.errors import PageError
from m5data.records import ProductRecord
from storage.isolation.message import Message

__all__ = [
    "Claims",
    "PageOptions",
    "PageOutcome",
    "handle",
    "handle_lesson",
    "job_data",
    "lesson_of",
    "read_page",
    "unreadable",
]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a page says about the identity of its product."""

    url: str
    """Canonical URL."""
    id: str
    """The shop's own id."""
    guessed: bool
    """The id is not on the page: it was taken from the URL."""
    caption: str = ""
    """Start of the caption; empty: none."""
    gtin: str = ""
    price: str = ""
    """Amount and currency."""
    image: str = ""
    """URL of the main image."""

    @classmethod
    def of(cls, record: ProductRecord) -> "Claims":
        """Return the claims of a record that has an id."""
        price = "" if record.price is None else f"{record.price.normalize():f} {record.currency or ''}".strip()
        return cls(
            record.url,
            record.native_id or "",
            record.origins.get("native_id", "").startswith("url"),
            (record.caption or "")[:_MAX_CAPTION],
            record.gtin or "",
            price,
            next(iter(record.image_urls), ""),
        )


_MAX_CAPTION = 200


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """The outcome of reading a page."""

    kind: str
    """``product``, ``listing`` or ``other`` (no product on it), or the reason why it is dropped."""
    detail: str = ""
    native_id: str | None = None
    """Id of the product that stands for the page; unlike that of ``claims``, unique in its source."""
    identity: str | None = None
    """URL of that product."""
    claims: Claims | None = None
    """Of a page with a product."""

    def to_json(self) -> str:
        """Return the outcome as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "PageOutcome":
        """Return an outcome from its JSON."""
        row = json.loads(text)
        claims = row.pop("claims")
        return cls(**row, claims=Claims(**claims) if claims else None)


class PageOptions(NamedTuple):
    """Choices for the pages of one source."""

    page_object: str | None
    merchant_key: bytes
    agent: str
    opt_outs: tuple[str, ...]
    model: str | None = None
    """Path of a reader model; None for the one that comes with m5data."""
    least: tuple[tuple[str, float], ...] = ()
    """Fields and the probability below which each stays empty, where it is not the usual one."""
    product_urls: tuple[str, ...] = ()
    """Regular expressions of product URLs, as the source names them."""
    template: tuple[Lean, ...] = ()
    """What the pages of the source teach each other."""

    @property
    def reader(self) -> Reader:
        """Model, thresholds and template."""
        return reader_of(self.model, self.least, self.template)


def read_page(
    options: PageOptions, body: bytes, url: str, headers: Mapping[str, str]
) -> tuple[PageOutcome, ProductRecord | None]:
    """Return the outcome of a page, and its record if it is a product. Whatever the page holds, nothing is raised.

    Kinds: ``product``; ``listing`` and ``other``, pages without a product; and reasons to drop the page:
    ``soft_404``, ``no_content``, ``opt_out``, ``unreadable`` and those of :class:`m5data.errors.PageError`.

    Raises:
        MemoryError: The page needs more memory than there is.
    """
    try:
        return _read(options, body, url, headers)
    except PageError as error:
        return PageOutcome(error.reason, storable(str(error))), None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever one page does, the others go on; the reject names it
        return unreadable(error), None


def unreadable(error: Exception) -> PageOutcome:
    """Return the outcome of a page that breaks what reads it."""
    return PageOutcome("unreadable", storable(" ".join(f"{type(error).__name__}: {error}".split()))[:200])


def _read(
    options: PageOptions, body: bytes, url: str, headers: Mapping[str, str]
) -> tuple[PageOutcome, ProductRecord | None]:
    document = read_document(body, url, headers)
    said = page_opt_out(document, options.agent, options.opt_outs)
    if said:
        return PageOutcome("opt_out", said), None
    page_object = load_page_object(options.page_object) if options.page_object else page_object_for(url)
    page = page_object(document, options.merchant_key, options.reader)
    # Most pages of a crawl show no product; of them only the kind is read, unless the settings expect one there.
    unread = type(page) is ProductPage and not options.product_urls and not page.reading.kind.startswith("product")
    record = ProductRecord(url=url, origins={"page": page.reading.kind}) if unread else page.to_record()
    verdict = is_product(record)
    if not verdict and not (verdict.reason == "no_product_evidence" and _is_expected(options, url, record)):
        return PageOutcome("other" if verdict.reason == "no_product_evidence" else verdict.reason), None
    if not record.native_id:
        return PageOutcome("no_native_id", "the page object found no id of the product"), None
    return PageOutcome("product", "", record.native_id, record.url, Claims.of(record)), record


def _is_expected(options: PageOptions, url: str, record: ProductRecord) -> bool:
    """Return whether a page is where the source has its products, and shows what a product has.

    A product that cannot be bought may have no price.
    """
    offered = record.price is not None or record.availability == "OutOfStock"
    shown = record.caption and offered and (record.specs or record.image_urls)
    return bool(shown) and any(re.search(pattern, url) for pattern in options.product_urls)


def job_data(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the data of a job for ``handle``."""
    return json.dumps([url, dict(headers)]).encode() + b"\n" + body


def handle(sources: Mapping[str, PageOptions], source: str, data: bytes) -> Message:
    """Read one page; the task of a process of the pool.

    Args:
        sources: Source -> its options.
        source: Source of the page.
        data: As ``job_data`` makes it.

    Returns:
        Outcome and, of a product, record as JSON.
    """
    url, headers, body = _of_job(data)
    outcome, record = read_page(sources[source], body, url, headers)
    try:
        return _reply(outcome, record)
    except (TypeError, ValueError) as error:  # a page object gave what is no text
        return _reply(unreadable(error), None)


def handle_lesson(sources: Mapping[str, PageOptions], source: str, data: bytes) -> Message:
    """Read what one page teaches of the template of its source; a task of a process of the pool, as ``handle``.

    Returns:
        Field -> observation, as JSON; nothing of a page that cannot be read.
    """
    options, (url, headers, body) = sources[source], _of_job(data)
    try:
        document = read_document(body, url, headers)
        opted_out = page_opt_out(document, options.agent, options.opt_outs)
        found = {} if opted_out else observe(Reading(document, options.reader))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the reading of the page itself will name what is wrong with it
        found = {}
    return Message({}, (json.dumps(found).encode(),))


def lesson_of(reply: Message) -> dict[str, Observation]:
    """Return the observations of a reply of ``handle_lesson``."""
    return {field: Observation(*one) for field, one in json.loads(reply.bodies[0]).items()}


def _of_job(data: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = data.partition(b"\n")
    url, headers = json.loads(head)
    return url, headers, body


def _reply(outcome: PageOutcome, record: ProductRecord | None) -> Message:
    if record is None:
        return Message({}, (outcome.to_json().encode(),))
    row = {**asdict(record), "origins": {}}
    return Message({}, (outcome.to_json().encode(), json.dumps(row, default=_number).encode()))


def _number(value: object) -> str:
    """Return an amount as text.

    Raises:
        TypeError: The value is nothing that a record may hold.
    """
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a record")
