"""Settings of the crawl and of the downloader."""

import hashlib
import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from core.errors import NotAuthorisedError, SettingsError
from core.records import MediaKind
from core.stage_settings import StageSettings

__all__ = ["CHECKS", "CrawlSettings", "DownloadSettings", "OptOut", "SourceSettings"]

CHECKS = "3."
"""Version of the download's checks: another one has files requested again that the checks of before refused."""

OptOut = Literal["noai", "noimageai", "noml", "noindex", "tdm-reservation"]
"""Directives of a page, a header or a site file that keep a page or a media file out."""

OPT_OUTS: tuple[OptOut, ...] = get_args(OptOut)
"""All opt-outs."""

_VERSION = "0.1"


SourceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_check_pattern)]

ReaderField = Literal["caption", "price", "currency", "native_id", "brand", "gtin", "mpn", "category", "image_urls"]

Share = Annotated[float, Field(ge=0, le=1)]

Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]{4})?(-([a-z]{2}|\d{3}))?$")]
"""A language tag in lower case."""


class SourceSettings(StageSettings):
    """One shop."""

    start: tuple[str, ...] = ()
    """URLs that the crawl starts from; their hosts are its whole scope. Empty: a source with feeds only."""
    crawl_authorised: bool = False
    """Whether the shop's owner allows this crawl. Only you can know, so the default is no."""
    share_authorised: bool = False
    """Whether the owner also allows the data to be passed on; export requires it. M5Product had both, separately."""
    licence: str | None = None
    """Licence of the shop's data, recorded in every exported sample; unknown by default."""
    local: bool = False
    """Whether the shop runs on this machine or its network; otherwise private IP addresses are refused. They may be
    those of ``start``; of a source without it, those that its feed names."""
    browser: bool = False
    """Render pages in Chromium, whose requests are made by this crawler; for shops that fill their pages by script.
    Needs the extra ``browser`` and Chromium, and takes a second or more per page."""
    feed_base: str | None = Field(default=None, pattern=r"^https?://")
    """URL under which the pages or files are that a feed names by path: the shop's home page, or the folder that serves
    the images of a dataset. None: the host of the first URL of ``start``."""
    delay_s: float | None = Field(default=None, ge=0)
    """Seconds between two requests; None: the crawl's own. A longer delay in robots.txt wins."""
    product_urls: tuple[Pattern, ...] = ()
    """Regular expressions for the (canonical) URLs of products: only matching pages count as products, and a match
    that shows none is a reject. Empty: any page may show a product, and sitemaps say which should."""
    follow: tuple[Pattern, ...] = ()
    """Regular expressions, one of which a URL must match to be requested, unless it matches ``product_urls`` or is a
    start URL or a sitemap. They apply to links and sitemaps alike. Empty: all URLs of the shop's hosts."""
    languages: tuple[Language, ...] = ()
    """Languages to crawl, as tags such as ``en`` or ``pt-br``; pages in others are left out. Empty: the language of the
    start page, so that a product in several languages is crawled once."""
    page_object: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    """``module:Class`` of your own page object; None: the one registered for the host, or the generic one."""
    reader: str | None = None
    """File of a reader model that ``m5data learn-reader`` wrote, relative to the workspace or as an absolute path.
    None: the model that comes with m5data."""
    reader_min: dict[ReaderField, Share] = Field(default_factory=dict)
    """Field -> minimum probability of a value that is kept, such as ``brand = 0.8``; other fields use the reader's."""
    max_pages: int | None = Field(default=None, gt=0)
    """Maximum number of pages; None: the crawl's own."""
    max_bytes: int | None = Field(default=None, gt=0)
    """Maximum bytes of one run; None: the crawl's own."""
    max_hours: float | None = Field(default=None, gt=0)
    """Maximum hours of one run; None: the crawl's own."""

    def scope_key(self) -> tuple[object, ...]:
        """Return the settings that decide which pages belong to the source."""
        return (self.start, self.follow, self.product_urls if self.follow else (), self.languages, self.local)


class CrawlSettings(StageSettings):
    """Settings of the crawl of all sources."""

    sources: dict[SourceName, SourceSettings] = Field(default_factory=dict)
    """Name -> shop. The name is the first part of every product id."""
    user_agent: str = Field(default="m5data", pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    """Name that robots.txt rules address this crawler by (RFC 9309, section 2.2.1)."""
    contact: str = ""
    """Mail address or URL for a shop's complaints, sent with every request. Required unless all sources are local."""
    recrawl_after_h: float = Field(default=24, ge=0)
    """Hours after which a page is requested again, conditionally. A day: prices and stock seldom matter sooner here."""
    recrawl_at_most_h: float = Field(default=168, ge=0)
    """Hours after which a page is requested again even if its sitemap calls it unchanged or each visit found it so,
    which doubles the hours until the next. A week: a sitemap's dates are not always maintained."""
    retry_failed_after_h: float = Field(default=1, ge=0)
    """Hours after which pages that failed for a temporary reason are tried again; an outage is rarely shorter."""
    concurrency_per_host: int = Field(default=2, gt=0, le=64)
    """Concurrent requests per host; adaptive delay keeps slow servers below it."""
    delay_s: float = Field(default=0.5, ge=0)
    """Seconds between two requests to a host: two pages per second burden no shop."""
    max_delay_s: float = Field(default=120, gt=0)
    """Longest delay that is honoured; a robots.txt that asks for more stops its source."""
    timeout_s: float = Field(default=30, gt=0)
    """Seconds a whole request may take."""
    connect_timeout_s: float = Field(default=10, gt=0)
    """Seconds in which a connection must be established."""
    max_page_bytes: int = Field(default=8 * 1024 * 1024, gt=0)
    """Longest page, after decompression; the longest real product page seen was under 2 MB."""
    max_sitemap_bytes: int = Field(default=50 * 1024 * 1024, gt=0)
    """Longest sitemap, after decompression: the sitemap protocol's own limit."""
    max_pages: int = Field(default=1_000_000, gt=0)
    """Maximum number of pages per source."""
    max_bytes: int = Field(default=100_000_000_000, gt=0)
    """Bytes that one run may fetch from one source, after decompression: a million pages of 100 kB."""
    max_hours: float = Field(default=24, gt=0)
    """Hours that the crawl of one source may take; the rest waits for the next run."""
    max_depth: int = Field(default=30, gt=0)
    """Maximum number of links from a start page; pages of one listing count as one step."""
    min_kept_share: float = Field(default=0.8, ge=0, le=1)
    """Share of products among a source's products and the pages that its settings leave out, below which a run warns
    and names the setting; translations do not count. A shop that loses a fifth is worth a look."""
    max_shrink: float = Field(default=0.3, ge=0, le=1)
    """Largest share of a source's products that one run may remove without ``--allow-shrink``; a shop that shows a
    third less is more often broken than changed."""
    max_listing_pages: int = Field(default=5_000, gt=0)
    """Maximum number of consecutive next pages, and of query strings per path: facets and calendars are endless."""
    max_redirects: int = Field(default=5, gt=0)
    """Maximum number of consecutive redirects; as many as RFC 9309 (section 2.3.1.2) asks for."""
    parse_timeout_s: float = Field(default=10, gt=0)
    """Seconds after which reading a page is stopped; real pages take a fiftieth of a second."""
    parse_memory_mb: int = Field(default=1024, ge=64)
    """Memory in MB that reading a page may take; the largest page seen took 150 MB."""
    parse_workers: int | None = Field(default=None, ge=1, le=64)
    """Processes that read pages; None: one per core."""
    retries: int = Field(default=3, ge=0)
    """Retries of a request that failed for a temporary reason, within one run."""
    backoff_s: float = Field(default=2, ge=0)
    """Wait before the first retry, doubled each time; Retry-After wins if a server sends it."""
    max_wait_s: float = Field(default=300, gt=0)
    """Longest wait before a retry; a server that asks for more is left for the next run."""
    max_failures_in_a_row: int = Field(default=25, gt=0)
    """Consecutive failed pages after which a source counts as down and is left for the next run."""
    sources_at_once: int = Field(default=2, gt=0)
    """Sources crawled at once, one process each; the crawl of one is limited by politeness, not by the machine."""
    batch_pages: int = Field(default=64, gt=0)
    """Pages made durable together; at most that many are fetched again after a kill."""
    batch_s: float = Field(default=2, gt=0)
    """Seconds after which fetched pages are made durable even if they are few."""
    opt_outs: tuple[OptOut, ...] = OPT_OUTS
    """Directives that keep a page, an image or a video out; those addressed to other crawlers do not count. All by
    default: the shop's word is taken in its broadest sense."""

    @property
    def agent_header(self) -> str:
        """Value of ``User-Agent``: one name everywhere, with the contact."""
        return f"{self.user_agent}/{_VERSION}" + (f" (+{self.contact})" if self.contact else "")

    def scope_digest(self, name: str) -> str:
        """Return a hash of the settings that decide which pages a source has; a change makes all of them due."""
        mine = (self.max_depth, self.max_listing_pages, self.user_agent, self.opt_outs)
        return hashlib.sha256(repr((mine, self.sources[name].scope_key())).encode()).hexdigest()[:16]

    def authorised(self, names: tuple[str, ...] | None = None) -> dict[str, SourceSettings]:
        """Return the sources to crawl, by name.

        Args:
            names: only these; None: all that have a start URL.

        Raises:
            SettingsError: there is no source, a name is not a source's, its source has no start URL, or a shop that is
                not local would get no contact.
            NotAuthorisedError: one of them may not be crawled.
        """
        if not self.sources:
            raise SettingsError("m5data.toml: there is no shop; m5data add-source URL adds one (docs/sources.md)")
        for name in names or ():
            if name not in self.sources:
                known = ", ".join(sorted(self.sources)) or "none"
                raise SettingsError(f"m5data.toml has no source {name!r}. Its sources: {known}.")
            if not self.sources[name].start:
                raise SettingsError(
                    f"m5data.toml: sources.{name}.start is empty, so there is nothing to crawl. Add a URL to start at, "
                    "or take the products from a feed: m5data ingest."
                )
        chosen = {n: self.sources[n] for n in sorted(names or self.sources) if self.sources[n].start}
        for name, source in chosen.items():
            if not source.crawl_authorised:
                raise NotAuthorisedError(
                    f"m5data.toml: sources.{name}.crawl_authorised must be true before this shop can be crawled. "
                    f"Ask the owner of {source.start[0]} for permission, then set it."
                )
        strangers = [name for name, source in chosen.items() if not source.local]
        if strangers and not self.contact:
            raise SettingsError(
                f"m5data.toml: crawl.contact must be a mail or web address, because the source {strangers[0]!r} is not "
                "local. It is sent with every request."
            )
        return chosen


class DownloadSettings(StageSettings):
    """Limits and politeness of the downloader."""

    concurrency: int = Field(default=64, ge=1, le=1024)
    """Concurrent requests over all hosts; img2dataset uses 64 threads per process, and more gained nothing."""
    processes: int = Field(default=2, ge=1, le=64)
    """Processes that fetch, each with its own hosts; fewer start unless each has a few thousand URLs. One requests
    several thousand small images per second, which is more than shops allow."""
    per_host: int = Field(default=6, ge=1)
    """Concurrent requests to one host; browsers use 6."""
    requests_per_second: float = Field(default=20.0, gt=0)
    """Most requests per second to one host, except for local sources; a browser opening one page per second
    requests about as many images."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds for the connection, TLS included; slower hosts are as good as down."""
    read_timeout_s: float = Field(default=20.0, gt=0)
    """Seconds without a single byte after which a response is given up."""
    image_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds for one image as a whole, redirects included; limits servers that send a few bytes at a time."""
    video_timeout_s: float = Field(default=600.0, gt=0)
    """Seconds for one video as a whole: the largest allowed at 2.7 Mbit/s."""
    max_image_bytes: int = Field(default=20_000_000, ge=1)
    """Most bytes of an image; a product photo above 20 MB is the shop's mistake."""
    max_video_bytes: int = Field(default=200_000_000, ge=1)
    """Most bytes of a video; M5Product's last 1 to 60 s (section 3.1): 27 Mbit/s at 60 s."""
    max_pixels: int = Field(default=89_478_485, ge=1)
    """Most pixels of an image or a video frame; Pillow's own warning limit, 256 MB decoded."""
    max_duration_s: float = Field(default=600.0, gt=0)
    """Most seconds of a video; M5Product's last at most 60, and ten times that is not a product video."""
    referer: Literal["page", "none"] = "page"
    """The ``Referer`` of requests: ``page`` is what a browser on the product's page sends (the page's URL without its
    query to the same origin, its origin to others), ``none`` is no header. Without it, some shops refuse (403)."""
    max_redirects: int = Field(default=5, ge=0)
    """Most redirects of one request; curl's users and browsers need fewer than 5 for media."""
    attempts: int = Field(default=3, ge=1)
    """Most requests for one URL within one run, if the fault may be temporary."""
    backoff_s: float = Field(default=1.0, ge=0)
    """Seconds before the first retry; doubles each time, with jitter."""
    max_wait_s: float = Field(default=60.0, ge=0)
    """Longest wait in seconds; a server that asks for more (Retry-After) is left for a later run."""
    host_failures: int = Field(default=20, ge=1)
    """Consecutive failed URLs of one host after which the rest of them are given up for this run."""
    max_bytes_in_flight: int = Field(default=256_000_000, ge=1)
    """Most bytes of bodies held in memory at a time, which bounds this stage's memory."""
    min_success: float = Field(default=0.0, ge=0, le=1)
    """Share of URLs that must be ok for the stage to count as done; dead links are normal, so 0."""

    def max_bytes(self, kind: MediaKind) -> int:
        """Return the size limit of a file of a kind."""
        return self.max_image_bytes if kind == "image" else self.max_video_bytes

    def timeout_s(self, kind: MediaKind) -> float:
        """Return the time limit of a request for a file of a kind."""
        return self.image_timeout_s if kind == "image" else self.video_timeout_s

    def digest(self) -> str:
        """Return the version of the checks and a hash of the settings."""
        return CHECKS + super().digest()

    def limits_digest(self) -> str:
        """Return the version of the checks and a hash of the limits; outcomes under others are validated again."""
        limits = (self.max_image_bytes, self.max_video_bytes, self.max_pixels, self.max_duration_s)
        return CHECKS + hashlib.sha256(repr(limits).encode()).hexdigest()[:16]
