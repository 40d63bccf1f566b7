"""The outcome of a media URL: the closed vocabulary of reasons, and the records that lead to it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from core.records import MediaKind
from crawler.net.http_policy import RETRYABLE, HttpReason
from media.formats import Mime

__all__ = [
    "HTML_PAGE",
    "MEANINGS",
    "REASONS",
    "BadHeaderError",
    "CompletedJob",
    "Dimensions",
    "DownloadJob",
    "FetchResult",
    "Mime",
    "Outcome",
    "Reason",
    "RejectedFileError",
    "State",
    "state_of",
]

HTML_PAGE = "an HTML page"
"""End of the detail of a file that is none, such as the start page that a shop answers with."""

State = Literal["ok", "failed", "dropped"]
"""``failed``: nothing usable was received, and a later run may try again. ``dropped``: the file or URL is refused."""

Reason = (
    HttpReason
    | Literal[
        "bad_encoding",
        "bad_playlist",
        "bad_redirect",
        "bad_scheme",
        "broken",
        "empty",
        "encrypted",
        "host_down",
        "live",
        "opted_out",
        "redirect_loop",
        "too_large",
        "too_long",
        "too_many_pixels",
        "wrong_type",
    ]
)
"""Why a URL yielded no file: the reasons of the stage ``download``."""

MEANINGS: dict[Reason, str] = {
    "bad_encoding": "the content encoding does not decode",
    "bad_http": "the response breaks HTTP: status line, headers or chunks",
    "bad_playlist": "an HLS or DASH playlist that is malformed, or has what is not read, such as discontinuities",
    "bad_redirect": "a redirect without a URL",
    "bad_scheme": "the URL, or a redirect's, is neither http nor https",
    "bad_tls": "no TLS session, or an invalid certificate",
    "bad_url": "the URL, or a redirect's, is malformed",
    "broken": "the type is right, but the header is damaged and no decoder reads the file",
    "connect": "no connection: refused, or no route",
    "dns": "the host name does not resolve",
    "empty": "a response without a body",
    "encrypted": "a playlist whose segments are encrypted",
    "host_down": "not requested: the host failed too many times in a row",
    "http_402": "402: not without payment",
    "http_403": "401, 403 or 451: access refused",
    "http_404": "not found",
    "http_410": "gone for good",
    "http_429": "too many requests, also after waiting",
    "http_4xx": "another status from 400 to 499",
    "http_5xx": "a status from 500 to 599, also after waiting",
    "http_status": "a status that no plain GET should have: 1xx, 2xx other than 200, 3xx without a target",
    "live": "a playlist of a broadcast in progress, which has no end",
    "opted_out": "the response's headers refuse training, or opt out by a directive of crawl.opt_outs",
    "private_address": "the URL leads to this machine, its network or a metadata service",
    "redirect_loop": "more redirects than allowed",
    "reset": "the connection broke before the response was complete",
    "timeout": "the connection, a pause or the whole response took too long",
    "too_large": "more bytes than allowed",
    "too_long": "a video of more seconds than allowed",
    "too_many_pixels": "more pixels than allowed, by its header",
    "truncated": "the body ends before its length says, or before its last pixel or packet",
    "wrong_type": "the bytes are not of the promised kind: no image, or no video",
}
"""Reason -> its meaning, for reports and documentation."""

REASONS: tuple[Reason, ...] = tuple(MEANINGS)

_FAILED: frozenset[Reason] = RETRYABLE | {
    "bad_encoding",
    "bad_tls",
    "empty",
    "host_down",
    "http_402",
    "http_403",
    "http_404",
    "http_410",
    "http_4xx",
    "http_status",
    "redirect_loop",
}


def state_of(reason: Reason | None) -> State:
    """Return the state that a reason implies; None means success."""
    if reason is None:
        return "ok"
    return "failed" if reason in _FAILED else "dropped"


class RejectedFileError(Exception):
    """A response whose body is not a file to keep.

    Attributes:
        reason: one word of the vocabulary.
        detail: one line for people.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class BadHeaderError(ValueError):
    """A header that is cut short, contradicts itself or lacks the size."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Size of an image, or of a video's largest track, and its duration."""

    width: int | None
    """Pixels, before any rotation; None: the format keeps it in the coded stream."""
    height: int | None
    duration_s: float | None = None
    """Seconds; None: an image, or the header does not say."""

    @property
    def pixels(self) -> int:
        """Width times height; 0 if unknown."""
        return (self.width or 0) * (self.height or 0)


class DownloadJob(NamedTuple):
    """One URL to download."""

    url: str
    kind: MediaKind
    """As promised by its page."""
    sha256: str | None = None
    """The object of an earlier download; set only for a conditional request."""
    etag: str | None = None
    """Validator of that object, as the server sent it."""
    last_modified: str | None = None
    """Likewise."""
    page: str = ""
    """URL of a product's page that shows it; empty: unknown."""


class Outcome(NamedTuple):
    """The final result of one URL. Everything below ``not_before`` is None unless the state is ok."""

    url: str
    reason: Reason | None = None
    """None: ok."""
    detail: str = ""
    """One line for people, without anything from the body."""
    attempts: int = 0
    """Requests sent, redirects not counted."""
    http_status: int | None = None
    """Of the last response; None: there was none."""
    not_before: float | None = None
    """Unix seconds before which the server asked for no further request; None: it did not."""
    sha256: str | None = None
    bytes: int | None = None
    mime: str | None = None
    """Detected from the bytes."""
    width: int | None = None
    """Pixels, from the header, before any rotation."""
    height: int | None = None
    duration_s: float | None = None
    """Seconds, from the header; None also if a video's header does not say."""
    etag: str | None = None
    last_modified: str | None = None

    @property
    def state(self) -> State:
        """The state that ``reason`` implies."""
        return state_of(self.reason)


class FetchResult(NamedTuple):
    """The result of one request, redirects followed: a validated body, a 304, or a reason."""

    reason: Reason | None = None
    """None: ``body`` holds the file, or the server says that the stored one is current."""
    detail: str = ""
    status: int | None = None
    """Of the last response; None: there was none."""
    body: bytes = b""
    sha256: str = ""
    """Of the body, hex."""
    headers: tuple[tuple[str, str], ...] = ()
    mime: Mime | None = None
    dimensions: Dimensions | None = None
    etag: str | None = None
    last_modified: str | None = None
    retry_after_s: float | None = None
    """Seconds that the server asks to wait."""
    held: int = 0
    """Bytes of the budget that the body holds until it is stored."""
    final: bool = False
    """Another request within this run cannot help, even if the reason is retryable."""

    @property
    def not_modified(self) -> bool:
        """Whether the object that the job named is current."""
        return self.reason is None and self.status == 304


class CompletedJob(NamedTuple):
    """A job with its last result."""

    job: DownloadJob
    result: FetchResult
    attempts: int
    """Requests sent, redirects not counted."""
    not_before: float | None = None
    """Unix seconds before which the server asked for no further request; None: it did not."""

    def outcome(self) -> Outcome:
        """Return the outcome of the job."""
        result = self.result
        common = (self.job.url, result.reason, result.detail, self.attempts, result.status, self.not_before)
        if result.reason is not None or result.dimensions is None:
            return Outcome(*common)
        return Outcome(
            *common,
            sha256=result.sha256,
            bytes=len(result.body),
            mime=result.mime,
            width=result.dimensions.width,
            height=result.dimensions.height,
            duration_s=result.dimensions.duration_s,
            etag=result.etag,
            last_modified=result.last_modified,
        )
