"""The outcome of reading one page, and the task of a process that reads pages."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from pydantic import TypeAdapter

from core.errors import PageError
from core.processes.message import Message
from core.records import ProductRecord
from crawler.rights.opt_outs import page_opt_out
from reader.document import read_document
from reader.page_kind import is_product
from reader.parse import load_page_object, page_object_for
from reader.product_page import ProductPage
from reader.reading import Reader, Reading, reader_of
from reader.template import Observation, Prior, observe
from reader.text import storable

__all__ = [
    "Claims",
    "PageOptions",
    "PageOutcome",
    "handle",
    "handle_lesson",
    "job_data",
    "lesson_of",
    "read_page",
    "record_of",
    "unreadable",
]


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims of a page about the identity of its product."""

    url: str
    """Canonical URL."""
    id: str
    """The shop's own id."""
    guessed: bool
    """Whether the id is not on the page but was taken from the URL."""
    caption: str = ""
    """Start of the caption; empty if there is none."""
    gtin: str = ""
    price: str = ""
    """Amount and currency."""
    image: str = ""
    """URL of the main image."""
    own_url: str = ""
    """URL that the markup gives the product; templates repeat it less often than the canonical one."""
    marked: bool = True
    """Whether markup states that the page shows the product."""
    likely: float = 1.0
    """Probability that it does; 1 where markup, the source's ``product_urls`` or its page object state it."""

    @classmethod
    def of(cls, record: ProductRecord, reading: Reading) -> "Claims":
        """Return the claims of a page whose record has an id."""
        price = "" if record.price is None else f"{record.price.normalize():f} {record.currency or ''}".strip()
        return cls(
            record.url,
            record.native_id or "",
            record.origins.get("native_id", "").startswith("url"),
            (record.caption or "")[:_MAX_CAPTION],
            record.gtin or "",
            price,
            next(iter(record.image_urls), ""),
            reading.own_url or "",
            reading.is_marked,
            reading.likelihood,
        )


_MAX_CAPTION = 200


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """The outcome of reading a page."""

    kind: str
    """``product``, ``listing`` or ``other`` (no product on it), or the reason why the page is dropped."""
    detail: str = ""
    native_id: str | None = None
    """Id of the product that the page shows; unlike that of ``claims``, unique in its source."""
    identity: str | None = None
    """URL of that product."""
    claims: Claims | None = None
    """Claims of a page with a product."""

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
    """Options for reading the pages of one source."""

    page_object: str | None
    merchant_key: bytes
    agent: str
    opt_outs: tuple[str, ...]
    model: str | None = None
    """Path of a reader model; None for the one that comes with m5data."""
    least: tuple[tuple[str, float], ...] = ()
    """Fields and the probability below which each stays empty, where it overrides the model's."""
    product_urls: tuple[str, ...] = ()
    """Regular expressions of the source's product URLs."""
    template: tuple[Prior, ...] = ()
    """Template learned from the pages of the source."""

    @property
    def reader(self) -> Reader:
        """Model, thresholds and template."""
        return reader_of(self.model, self.least, self.template)


def read_page(
    options: PageOptions, body: bytes, url: str, headers: Mapping[str, str]
) -> tuple[PageOutcome, ProductRecord | None]:
    """Return the outcome of a page, and its record if it is a product. Errors of the page become outcomes.

    Kinds: ``product``; ``listing`` and ``other``, pages without a product; and reasons to drop the page:
    ``soft_404``, ``no_content``, ``opt_out``, ``unreadable`` and those of :class:`core.errors.PageError`.

    Raises:
        MemoryError: The page needs more memory than there is.
    """
    try:
        return _read(options, body, url, headers)
    except PageError as error:
        return PageOutcome(error.reason, storable(str(error))), None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - one page must not stop the others; the reject names the error
        return unreadable(error), None


def unreadable(error: Exception) -> PageOutcome:
    """Return the outcome of a page whose reading raised an error."""
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
    # Most pages of a crawl show no product; of these only the kind is read, unless the settings name product URLs.
    unread = type(page) is ProductPage and not options.product_urls and not page.reading.kind.startswith("product")
    record = ProductRecord(url=url, origins={"page": page.reading.kind}) if unread else page.to_record()
    verdict = is_product(record)
    expected = _is_expected(options, url, record)
    if not verdict and not (verdict.reason == "no_product_evidence" and expected):
        return PageOutcome("other" if verdict.reason == "no_product_evidence" else verdict.reason), None
    if not record.native_id:
        return PageOutcome("no_native_id", "the page object found no id of the product"), None
    claims = Claims.of(record, page.reading)
    if expected or type(page) is not ProductPage:  # the settings or a page object decide, not the reader
        claims = replace(claims, likely=1.0)
    return PageOutcome("product", "", record.native_id, record.url, claims), record


def _is_expected(options: PageOptions, url: str, record: ProductRecord) -> bool:
    """Return whether a page has a product URL of its source and shows the fields of a product.

    A product that is out of stock may have no price.
    """
    offered = record.price is not None or record.availability == "OutOfStock"
    shown = record.caption and offered and (record.specs or record.image_urls)
    return bool(shown) and any(re.search(pattern, url) for pattern in options.product_urls)


def job_data(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the data of a job for ``handle``."""
    return json.dumps([url, dict(headers)]).encode() + b"\n" + body


def handle(sources: Mapping[str, PageOptions], source: str, data: bytes) -> Message:
    """Read one page: the task of a pool process.

    Args:
        sources: Source -> its options.
        source: Source of the page.
        data: Data made by ``job_data``.

    Returns:
        Outcome and, for a product, record as JSON.
    """
    url, headers, body = _of_job(data)
    outcome, record = read_page(sources[source], body, url, headers)
    try:
        return _reply(outcome, record)
    except (TypeError, ValueError) as error:  # a page object returned a value of another type
        return _reply(unreadable(error), None)


def handle_lesson(sources: Mapping[str, PageOptions], source: str, data: bytes) -> Message:
    """Read one page's observations for the template of its source: a task of a pool process, like ``handle``.

    Returns:
        Field -> observation, as JSON; empty for a page that cannot be read.
    """
    options, (url, headers, body) = sources[source], _of_job(data)
    try:
        document = read_document(body, url, headers)
        opted_out = page_opt_out(document, options.agent, options.opt_outs)
        found = {} if opted_out else observe(Reading(document, options.reader))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - reading the page for its record will report the error
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
    return Message({}, (outcome.to_json().encode(), _RECORDS.dump_json(replace(record, origins={}), warnings="error")))


def record_of(reply: Message) -> ProductRecord | None:
    """Return the record in a reply of ``handle``, without its origins; None if the page has none."""
    return _RECORDS.validate_json(reply.bodies[1]) if len(reply.bodies) > 1 else None


_RECORDS = TypeAdapter(ProductRecord)
"""Records as JSON: amounts stay exact, as text."""
