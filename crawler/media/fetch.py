"""One request for one file: guarded, redirects followed, bounded, validated."""

import asyncio
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from aiohttp import ClientError
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDictProxy

from core.records import MediaKind
from core.stage import Clock
from core.urls import absolute, escape_location, split_url
from crawler.media.outcome import DownloadJob, FetchResult, RejectedFileError
from crawler.media.playlist import MediaSegment, is_playlist
from crawler.media.queue import DownloadRun
from crawler.media.session import MediaSession, Reply
from crawler.media.stream import Received, finish, receive_stream
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
_CONTENT_RANGE = re.compile(r"bytes\s+([0-9]{1,15})-", re.IGNORECASE)
_OF_PLAYLIST = frozenset({"content-encoding", "content-length", "content-type", "transfer-encoding"})
"""Headers that describe the bytes of a playlist, not those of its video."""
_USAGE_HEADERS = {"Content-Usage": content_usage, "Content-Signal": content_signal}


class OtherHostError(Exception):
    """A redirect leads to a host that belongs to another process."""


@dataclass(slots=True)
class _Request:
    """What is requested on behalf of a job, and what is left of its time."""

    job: DownloadJob
    left_s: float
    """Seconds of requests, without waits for their turn."""
    part: MediaSegment | None = None
    """A part of a stream; None: the job's file."""
    max_bytes: int = 0
    """Most bytes of the part."""


class _Body(NamedTuple):
    """A playlist or a part of a stream, with the headers of its response."""

    received: Received
    headers: CIMultiDictProxy[str]


class _PartError(Exception):
    """A part of a stream was not received; has the result of its request."""

    def __init__(self, result: FetchResult) -> None:
        super().__init__(result.detail)
        self.result = result


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

    async def fetch(self, job: DownloadJob) -> FetchResult:
        """Fetch a file, or the video of a playlist that is served in its place. Every fault is a result.

        Raises:
            OtherHostError: a redirect or a segment leads to a host that this process may not ask.
        """
        request = _Request(job, self._settings.timeout_s(job.kind))
        result = await self._follow(job.url, request)
        return result if isinstance(result, FetchResult) else await self._fetch_stream(result, request)

    async def _fetch_stream(self, playlist: _Body, request: _Request) -> FetchResult:
        """Return the video of a playlist; it continues to hold its bytes of the budget."""
        taken = await self._budget.take(self._settings.max_video_bytes)
        kept = 0
        try:
            stream = await receive_stream(playlist.received, self._settings, partial(self._fetch_part, request))
            body, mime, dimensions = await asyncio.to_thread(finish, stream, self._settings)
            kept = min(len(body), taken)
        except RejectedFileError as error:
            return FetchResult(error.reason, error.detail, 200)
        except _PartError as error:
            return error.result._replace(detail=f"segment: {error.result.detail}")
        finally:
            self._budget.give(taken - kept)
        headers = [(name, value) for name, value in playlist.headers.items() if name.lower() not in _OF_PLAYLIST]
        return FetchResult(
            status=200,
            body=body,
            sha256=hashlib.sha256(body).hexdigest(),
            held=kept,
            headers=(*headers, ("Content-Type", mime)),
            mime=mime,
            dimensions=dimensions,
            etag=playlist.headers.get("ETag"),
            last_modified=playlist.headers.get("Last-Modified"),
        )

    async def _fetch_part(self, request: _Request, part: MediaSegment, most: int) -> Received:
        """Return a part of a stream, within the time that is left for the whole.

        Raises:
            RejectedFileError: it has more than ``most`` bytes, or lacks some.
            _PartError: it was not received.
        """
        request.part, request.max_bytes = part, most
        result = await self._follow(part.url, request)
        if isinstance(result, FetchResult):
            raise _PartError(result)
        return result.received

    async def _follow(self, url: str, request: _Request) -> FetchResult | _Body:
        """Send one request and follow redirects, each checked by the guard."""
        first, loop = url, asyncio.get_running_loop()
        for _ in range(self._settings.max_redirects + 1):
            place, refused = check_place(url, self._run.local_hosts)
            if refused is not None:
                return FetchResult(refused, "" if url == first else "after a redirect")
            if self._own is not None and place not in self._own:
                raise OtherHostError
            host = self.hosts.of(place)
            async with host, self._running:
                started = loop.time()
                result = await self._send(url, request, started + request.left_s)
                request.left_s -= loop.time() - started
            if not isinstance(result, str):
                self._report(result if isinstance(result, FetchResult) else FetchResult(status=200), host)
                return result
            url = result
        return FetchResult("redirect_loop", f"more than {self._settings.max_redirects} redirects")

    async def _send(self, url: str, request: _Request, deadline: float) -> FetchResult | _Body | str:
        """Return the result of one URL, or the URL that it redirects to."""
        try:
            with await self._session.get(url, self._headers(url, request), deadline) as reply:
                return await self._read(reply, url, request)
        except (ClientError, HttpProcessingError, OSError, ValueError) as error:
            return FetchResult(*name_fault(error))

    def _headers(self, url: str, request: _Request) -> dict[str, str]:
        """Return the headers of a request beside those of every request."""
        headers = _conditions(request.job) if request.part is None else _range(request.part)
        if self._settings.referer == "page" and (page := referrer(request.job.page, url)):
            headers["Referer"] = page
        return headers

    async def _read(self, reply: Reply, url: str, request: _Request) -> FetchResult | _Body | str:
        status = reply.status
        if status in _REDIRECTS:
            return _redirected(url, reply)
        if status == 304 and request.part is None and request.job.sha256 is not None:
            return FetchResult(status=status)
        if status != 200 and not (status == 206 and request.part is not None and _range(request.part)):
            wait = retry_after_s(reply.headers.get("Retry-After"), self._clock())
            return FetchResult(status_reason(status), f"status {status}", status, retry_after_s=wait)
        if opt_out := self._opt_out(reply):
            return FetchResult("opted_out", opt_out, status)
        if request.part is not None:
            return await _read_part(reply, url, request.part, request.max_bytes)
        return await self._take(reply, url, request.job)

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

    async def _take(self, reply: Reply, url: str, job: DownloadJob) -> FetchResult | _Body:
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
            if job.kind == "video" and is_playlist(body):
                return _Body(Received(body, url, len(body)), reply.headers)
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


def _conditions(job: DownloadJob) -> dict[str, str]:
    """Return the headers of a conditional request (RFC 9110, 13.1)."""
    headers: dict[str, str] = {}
    if job.sha256 is not None and job.etag:
        headers["If-None-Match"] = job.etag
    if job.sha256 is not None and job.last_modified:
        headers["If-Modified-Since"] = job.last_modified
    return headers


def _range(part: MediaSegment) -> dict[str, str]:
    """Return the headers that ask for a part of a file (RFC 9110, 14.2); none for a whole file."""
    if part.length is None:
        return {} if part.start == 0 else {"Range": f"bytes={part.start}-"}
    return {"Range": f"bytes={part.start}-{part.start + part.length - 1}"}


async def _read_part(reply: Reply, url: str, part: MediaSegment, most: int) -> FetchResult | _Body:
    """Return the bytes of a part, cut out of the whole file if the server ignores ranges."""
    if (part.length or 0) > most:
        return FetchResult("too_large", f"more than the limit of {most} bytes", reply.status)
    try:
        body = await _read_body(reply, None, most)
    except RejectedFileError as error:
        return FetchResult(error.reason, error.detail, reply.status)
    except (ClientError, OSError) as error:
        return FetchResult(*name_fault(error), reply.status)
    start = part.start
    if reply.status == 206:
        told = _CONTENT_RANGE.match(reply.headers.get("Content-Range", ""))
        if told is None or int(told[1]) != start:
            return FetchResult("bad_http", "status 206 for another range", 206, final=True)
        start = 0
    chosen = body[start:] if part.length is None else body[start : start + part.length]
    if not chosen or len(chosen) < (part.length or 0):
        return FetchResult("truncated", f"{len(chosen)} of {part.length} bytes", reply.status, final=True)
    return _Body(Received(chosen, url, len(body)), reply.headers)


def _check_start(head: bytes, kind: MediaKind) -> None:
    """Raise an error for the start of a body that is neither of a kind nor a playlist of segments."""
    if not (kind == "video" and is_playlist(head)):
        check_type(head, kind)


async def _read_body(reply: Reply, kind: MediaKind | None, most: int) -> bytes:
    """Return the body, at most ``most`` bytes after its content encoding is undone.

    Reading stops at the first bytes that show a wrong type; None: any type.

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
        if kind is not None and length >= _SNIFFED_BYTES and not sniffed and not codings:
            _check_start(b"".join(parts), kind)
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    if not codings:
        return body
    try:
        return decode_content(body, codings, most)
    except CodingError as error:
        raise RejectedFileError(error.reason, f"Content-Encoding: {error.detail}") from None


def _redirected(url: str, reply: Reply) -> FetchResult | str:
    """Return the URL that a redirect leads to; what is no web URL is left to the guard to name."""
    location = reply.headers.get("Location")
    if not location:
        return FetchResult("bad_redirect", "no Location", reply.status)
    target = escape_location(location)
    if found := absolute(url, target):
        return found
    return target if split_url(target) else FetchResult("bad_url", "the Location is malformed")
