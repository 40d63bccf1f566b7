"""One request for one file: guarded, redirects followed, bounded, validated."""

import asyncio
import hashlib
from collections.abc import Collection

from aiohttp import ClientError
from aiohttp.http import HttpProcessingError

from core.records import MediaKind
from core.stage import Clock
from core.urls import absolute, escape_location, split_url
from crawler.media.outcome import FetchResult, Job, RejectedFileError
from crawler.media.queue import DownloadRun
from crawler.media.session import MediaSession, Reply
from crawler.media.throttle import ByteBudget, Host, Hosts
from crawler.media.validate import check_type, validate
from crawler.net.address_guard import check_place
from crawler.net.client import name_fault
from crawler.net.content_coding import CodingError, decode_content
from crawler.net.http_policy import retry_after_s, status_reason
from crawler.net.referrer import referrer
from crawler.net.robots import honoured_opt_out
from crawler.rights.signals import content_signal, content_usage

__all__ = ["Fetcher", "OtherHostError"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SNIFFED_BYTES = 1024
_USAGE_HEADERS = {"Content-Usage": content_usage, "Content-Signal": content_signal}


class OtherHostError(Exception):
    """A redirect leads to a host that belongs to another process."""


class Fetcher:
    """Fetches files over one session. The caller returns the ``held`` bytes of a result to the budget.

    Args:
        session: sends the requests.
        run: limits, local hosts and opt-outs.
        budget: bound on the bytes of bodies in memory.
        clock: present time, for a Retry-After date.
        own: the hosts that this process may ask; None: all.
    """

    def __init__(
        self,
        session: MediaSession,
        run: DownloadRun,
        budget: ByteBudget,
        clock: Clock,
        own: Collection[str] | None = None,
    ) -> None:
        self._session = session
        self._run = run
        self._settings = run.settings
        self._budget = budget
        self._clock = clock
        self._own = own
        self._running = asyncio.Semaphore(run.settings.concurrency)
        self.hosts = Hosts(run, clock)
        """The hosts that were asked, redirects included."""

    async def fetch(self, job: Job) -> FetchResult:
        """Send one request and follow redirects, each checked by the guard. Every fault is a result.

        Raises:
            OtherHostError: a redirect leads to a host that this process may not ask.
        """
        url = job.url
        loop = asyncio.get_running_loop()
        left = self._settings.timeout_s(job.kind)
        for _ in range(self._settings.max_redirects + 1):
            place, refused = check_place(url, self._run.local_hosts)
            if refused is not None:
                return FetchResult(refused, "" if url == job.url else "after a redirect")
            if self._own is not None and place not in self._own:
                raise OtherHostError
            host = self.hosts.of(place)
            async with host, self._running:
                started = loop.time()
                result = await self._send(url, job, started + left)
                left -= loop.time() - started
            if isinstance(result, FetchResult):
                self._report(result, host)
                return result
            url = result
        return FetchResult("redirect_loop", f"more than {self._settings.max_redirects} redirects")

    async def _send(self, url: str, job: Job, deadline: float) -> FetchResult | str:
        """Return the result of one URL, or the URL that it redirects to."""
        try:
            with await self._session.get(url, self._headers(url, job), deadline) as reply:
                return await self._read(reply, url, job)
        except (ClientError, HttpProcessingError, OSError, ValueError) as error:
            return FetchResult(*name_fault(error))

    def _headers(self, url: str, job: Job) -> dict[str, str]:
        """Return the headers of a request beside those of every request."""
        headers = _conditions(job)
        if self._settings.referer == "page" and (page := referrer(job.page, url)):
            headers["Referer"] = page
        return headers

    async def _read(self, reply: Reply, url: str, job: Job) -> FetchResult | str:
        status = reply.status
        if status in _REDIRECTS:
            location = reply.headers.get("Location")
            if not location:
                return FetchResult("bad_redirect", "no Location", status)
            return _redirected(url, location)
        if status == 304 and job.sha256 is not None:
            return FetchResult(status=status)
        if status != 200:
            wait = retry_after_s(reply.headers.get("Retry-After"), self._clock())
            return FetchResult(status_reason(status), f"status {status}", status, retry_after_s=wait)
        if opt_out := self._opt_out(reply):
            return FetchResult("opted_out", opt_out, status)
        return await self._take(reply, job)

    def _opt_out(self, reply: Reply) -> str | None:
        headers = reply.headers
        for name, read in _USAGE_HEADERS.items():
            said = ", ".join(headers.getall(name, ()))
            if said and read(said).train == "refused":
                return f"header {name.lower()}: {said[:200]}"
        if "X-Robots-Tag" not in headers and "TDM-Reservation" not in headers:
            return None
        tags = headers.getall("X-Robots-Tag", ())
        reservations = headers.getall("TDM-Reservation", ())
        return honoured_opt_out(tags, reservations, self._run.user_agent, self._run.opt_outs)

    async def _take(self, reply: Reply, job: Job) -> FetchResult:
        """Read and validate a body; a kept file continues to hold its bytes of the budget."""
        most = self._settings.max_bytes(job.kind)
        length = reply.content_length
        if length is not None and length > most:
            return FetchResult("too_large", f"{length} bytes, more than the limit of {most}", reply.status)
        plain = "Content-Encoding" not in reply.headers
        taken = await self._budget.take(length if length is not None and plain else most)
        kept = 0
        try:
            body = await _read_body(reply, job.kind, most)
            mime, dimensions = await asyncio.to_thread(validate, body, job.kind, self._settings)
            kept = min(len(body), taken)
        except RejectedFileError as error:
            framed = length is not None or "Transfer-Encoding" in reply.headers
            final = framed and error.reason == "truncated"  # the response is complete: the server's file is truncated
            return FetchResult(error.reason, error.detail, reply.status, final=final)
        except (ClientError, OSError) as error:
            return FetchResult(*name_fault(error), reply.status)
        finally:
            self._budget.give(taken - kept)
        return FetchResult(
            status=reply.status,
            body=body,
            sha256=hashlib.sha256(body).hexdigest(),
            held=kept,
            headers=tuple(reply.headers.items()),
            mime=mime,
            dimensions=dimensions,
            etag=reply.headers.get("ETag"),
            last_modified=reply.headers.get("Last-Modified"),
        )

    def _report(self, result: FetchResult, host: Host) -> None:
        """Adapt the host's request rate to the result."""
        wait = self._settings.backoff_s if result.retry_after_s is None else result.retry_after_s
        now = asyncio.get_running_loop().time()
        host.limiter.report(now, result.status, min(wait, self._settings.max_wait_s))


def _conditions(job: Job) -> dict[str, str]:
    """Return the headers of a conditional request (RFC 9110, 13.1)."""
    headers: dict[str, str] = {}
    if job.sha256 is not None and job.etag:
        headers["If-None-Match"] = job.etag
    if job.sha256 is not None and job.last_modified:
        headers["If-Modified-Since"] = job.last_modified
    return headers


async def _read_body(reply: Reply, kind: MediaKind, most: int) -> bytes:
    """Return the body, at most ``most`` bytes after its content encoding is undone.

    Reading stops at the first bytes that show a wrong type.

    Raises:
        RejectedFileError: ``too_large``, ``wrong_type``, ``bad_encoding`` or ``truncated``.
        aiohttp.ClientError: the connection failed.
    """
    codings = ", ".join(reply.headers.getall("Content-Encoding", ()))
    parts: list[bytes] = []
    length = 0
    while part := await reply.content.readany():
        parts.append(part)
        sniffed, length = length >= _SNIFFED_BYTES, length + len(part)
        if length > most:
            raise RejectedFileError("too_large", f"more than the limit of {most} bytes")
        if length >= _SNIFFED_BYTES and not sniffed and not codings:
            check_type(b"".join(parts), kind)
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    if not codings:
        return body
    try:
        return decode_content(body, codings, most)
    except CodingError as error:
        raise RejectedFileError(error.reason, f"Content-Encoding: {error.detail}") from None


def _redirected(url: str, location: str) -> FetchResult | str:
    """Return the URL that a redirect leads to; what is no web URL is left to the guard to name."""
    target = escape_location(location)
    if found := absolute(url, target):
        return found
    return target if split_url(target) else FetchResult("bad_url", "the Location is malformed")
