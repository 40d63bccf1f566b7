"""The outcome of a media URL: the closed vocabulary of reasons, and the records on the way to it."""

from dataclasses import dataclass
from typing import Literal, get_args

from crawler.media.file_types import Dimensions, Mime
from m5data.records import MediaKind

__all__ = [
    "MEANINGS",
    "REASONS",
    "RETRYABLE",
    "Answer",
    "Job",
    "Outcome",
    "Reason",
    "Refusal",
    "Settled",
    "State",
    "state_of",
]

State = Literal["ok", "failed", "dropped"]
"""``failed``: it did not come, and may be asked for again. ``dropped``: what came, or where, is refused."""

Reason = Literal[
    "bad_encoding",
    "bad_http",
    "bad_redirect",
    "bad_scheme",
    "bad_tls",
    "bad_url",
    "broken",
    "connect",
    "dns",
    "empty",
    "host_down",
    "http_403",
    "http_404",
    "http_410",
    "http_429",
    "http_4xx",
    "http_5xx",
    "http_status",
    "opted_out",
    "private_address",
    "redirect_loop",
    "reset",
    "timeout",
    "too_large",
    "too_long",
    "too_many_pixels",
    "truncated",
    "wrong_type",
]
"""Why a URL gave no medium: the reasons of the stage ``download``."""

MEANINGS: dict[Reason, str] = {
    "bad_encoding": "the content encoding is none that was offered, or does not decode",
    "bad_http": "the answer breaks HTTP: status line, headers or chunks",
    "bad_redirect": "a redirect names no address",
    "bad_scheme": "the address, or a redirect's, is neither http nor https",
    "bad_tls": "no TLS session, or a certificate that does not prove the host",
    "bad_url": "the address, or a redirect's, cannot be read as one",
    "broken": "the type is right, but the header or the structure is damaged",
    "connect": "no connection: refused, or no route",
    "dns": "the name leads nowhere",
    "empty": "an answer without a body",
    "host_down": "not asked for: the host failed too many times in a row",
    "http_403": "401, 402, 403 or 451: the server does not let us have it",
    "http_404": "not there",
    "http_410": "gone for good",
    "http_429": "too many requests, and again after waiting",
    "http_4xx": "another status from 400 to 499",
    "http_5xx": "a status from 500 to 599, and again after waiting",
    "http_status": "a status that answers no plain GET: 1xx, 2xx but 200, 3xx without a target",
    "opted_out": "the answer's headers forbid use for machine learning",
    "private_address": "the address is inside this machine or its network, or a metadata service",
    "redirect_loop": "more redirects than allowed",
    "reset": "the connection broke before the answer was whole",
    "timeout": "connecting, waiting or the whole took too long",
    "too_large": "more bytes than allowed",
    "too_long": "a video of more seconds than allowed",
    "too_many_pixels": "more pixels than allowed, by its header",
    "truncated": "the body ends before its length, or its own structure, says",
    "wrong_type": "the bytes are not what was promised: no image, or no video",
}
"""Reason -> what it says, for reports and documentation."""

REASONS: tuple[Reason, ...] = get_args(Reason)

RETRYABLE: frozenset[Reason] = frozenset(
    {"bad_http", "connect", "dns", "http_429", "http_5xx", "reset", "timeout", "truncated"}
)
"""Reasons that another request may cure: asked again, with growing pauses, within one run."""

_FAILED: frozenset[Reason] = RETRYABLE | {
    "bad_encoding",
    "bad_tls",
    "empty",
    "host_down",
    "http_403",
    "http_404",
    "http_410",
    "http_4xx",
    "http_status",
    "redirect_loop",
}


def state_of(reason: Reason | None) -> State:
    """Return the state that a reason stands for; None stands for success."""
    if reason is None:
        return "ok"
    return "failed" if reason in _FAILED else "dropped"


@dataclass(frozen=True, slots=True)
class Job:
    """One URL to ask for."""

    url: str
    kind: MediaKind
    """What its page promised."""
    sha256: str | None = None
    """The object that it gave before; set only when it is asked for again on condition."""
    etag: str | None = None
    """Validator of that object, as the server sent it."""
    last_modified: str | None = None
    """Likewise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one URL. Everything below ``http_status`` is None unless the state is ok."""

    url: str
    reason: Reason | None = None
    """None: ok."""
    detail: str = ""
    """One line for a person; holds nothing of the body."""
    attempts: int = 0
    """Requests made, redirects not counted."""
    http_status: int | None = None
    """Of the last answer; None: there was none."""
    not_before: float | None = None
    """Unix seconds before which the server asked not to come again; None: it did not."""
    sha256: str | None = None
    bytes: int | None = None
    mime: str | None = None
    """Told from the bytes."""
    width: int | None = None
    """Pixels, from the header, before any rotation."""
    height: int | None = None
    duration_s: float | None = None
    """Seconds, from the header; None also where a video's header does not say."""
    etag: str | None = None
    last_modified: str | None = None

    @property
    def state(self) -> State:
        """The state that ``reason`` stands for."""
        return state_of(self.reason)


class Refusal(Exception):  # noqa: N818 - a verdict, not an accident
    """Why an answer is no medium.

    Attributes:
        reason: one word of the vocabulary.
        detail: one line for a person.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's result, its redirects followed: a judged body, a 304, or a reason."""

    reason: Reason | None = None
    """None: ``body`` holds a medium, or the server says that ours is still the one."""
    detail: str = ""
    status: int | None = None
    """Of the last answer; None: there was none."""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    mime: Mime | None = None
    dimensions: Dimensions | None = None
    etag: str | None = None
    last_modified: str | None = None
    retry_after_s: float | None = None
    """Seconds that the server asked to wait."""
    held: int = 0
    """Bytes of the budget that the body holds, for whoever stores it to give back."""
    final: bool = False
    """True where asking again within this run cannot help, whatever the reason's usual way."""

    @property
    def not_modified(self) -> bool:
        """The object that the job named is still the one."""
        return self.reason is None and self.status == 304

    def outcome(self, job: Job, attempts: int, not_before: float | None = None, sha256: str | None = None) -> Outcome:
        """Return the outcome of a job that ends with this answer, its body being the object ``sha256``."""
        told = (job.url, self.reason, self.detail, attempts, self.status, not_before)
        if self.reason is not None or self.dimensions is None:
            return Outcome(*told)
        return Outcome(
            *told,
            sha256=sha256,
            bytes=len(self.body),
            mime=self.mime,
            width=self.dimensions.width,
            height=self.dimensions.height,
            duration_s=self.dimensions.duration_s,
            etag=self.etag,
            last_modified=self.last_modified,
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """A job that is done, with its last answer."""

    job: Job
    answer: Answer
    attempts: int
    """Requests made, redirects not counted."""
    not_before: float | None = None
    """Unix seconds before which the server asked not to come again; None: it did not."""

    def outcome(self, sha256: str | None = None) -> Outcome:
        """Return what became of the job, the body being stored as the object ``sha256``."""
        return self.answer.outcome(self.job, self.attempts, self.not_before, sha256)
