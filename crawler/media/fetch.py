"""One request for one medium: guarded, followed through redirects, bounded, judged."""

import asyncio
import zlib
from collections.abc import Collection
from urllib.parse import urljoin

from aiohttp import ClientError
from aiohttp.http import HttpProcessingError

from crawler.media.file_types import kind_of, sniff
from crawler.media.outcome import Answer, Job, Reason, Refusal
from crawler.media.session import MediaSession, Reply
from crawler.media.throttle import ByteBudget, Host, Hosts
from crawler.media.validate import judge
from crawler.net.address_guard import check_place
from crawler.net.client import name_fault
from crawler.net.http_policy import retry_after
from crawler.net.opt_outs import forbids
from crawler.settings import DownloadSettings
from m5data.records import MediaKind
from m5data.stage import Clock

__all__ = ["ElsewhereError", "Fetcher", "read_body"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAMED: dict[int, Reason] = {
    401: "http_403",
    402: "http_403",
    403: "http_403",
    404: "http_404",
    410: "http_410",
    429: "http_429",
    451: "http_403",
}
_BUSY = frozenset({429, 503})


class ElsewhereError(Exception):
    """A redirect leads to a host that another process may be asking at this moment."""


class Fetcher:
    """Asks for media over one session. The caller gives an answer's ``held`` bytes back to the budget.

    Args:
        session: makes the requests.
        settings: limits and manners.
        local_hosts: ``host:port`` of sources marked local.
        budget: bytes of bodies that may be held.
        clock: tells how far away a Retry-After date is.
        own: the hosts that may be asked; None: all.
    """

    def __init__(
        self,
        session: MediaSession,
        settings: DownloadSettings,
        local_hosts: Collection[str],
        budget: ByteBudget,
        clock: Clock,
        own: Collection[str] | None = None,
    ) -> None:
        self._session = session
        self._settings = settings
        self._local = local_hosts
        self._budget = budget
        self._clock = clock
        self._own = own
        self._running = asyncio.Semaphore(settings.concurrency)
        self.hosts = Hosts(settings, local_hosts)

    async def fetch(self, job: Job) -> Answer:
        """Ask once, and follow redirects, each hop past the guard. Every fault is an answer.

        Raises:
            ElsewhereError: a redirect leads to a host that is not to be asked.
        """
        url = job.url
        loop = asyncio.get_running_loop()
        left = self._settings.timeout_s(job.kind)
        for _ in range(self._settings.max_redirects + 1):
            place, refused = check_place(url, self._local)
            if refused is not None:
                return Answer(refused, "" if url == job.url else "after a redirect")
            if self._own is not None and place not in self._own:
                raise ElsewhereError
            host = self.hosts.of(place)
            async with host, self._running:
                started = loop.time()
                answer = await self._ask(url, job, started + left)
                left -= loop.time() - started
            if isinstance(answer, Answer):
                self._tell(answer, host)
                return answer
            url = answer
        return Answer("redirect_loop", f"wanted at most {self._settings.max_redirects} redirects")

    async def _ask(self, url: str, job: Job, deadline: float) -> Answer | str:
        """Return the answer of one address, or the address that it redirects to."""
        try:
            with await self._session.get(url, _conditions(job), deadline) as reply:
                return await self._read(reply, url, job)
        except (ClientError, HttpProcessingError, OSError, ValueError) as error:
            return Answer(*name_fault(error))

    async def _read(self, reply: Reply, url: str, job: Job) -> Answer | str:
        status = reply.status
        if status in _REDIRECTS:
            location = reply.headers.get("Location")
            return urljoin(url, location) if location else Answer("bad_redirect", "no Location", status)
        if status == 304 and job.sha256 is not None:
            return Answer(status=status)
        if status != 200:
            wait = retry_after(reply.headers.get("Retry-After"), self._clock())
            return Answer(_name_status(status), f"status {status}", status, retry_after_s=wait)
        if forbidding := forbids(reply.headers):
            return Answer("opted_out", forbidding, status)
        return await self._take(reply, job)

    async def _take(self, reply: Reply, job: Job) -> Answer:
        """Read and judge a body; its bytes stay taken from the budget when it is a medium."""
        most = self._settings.max_bytes(job.kind)
        length = reply.content_length
        if length is not None and length > most:
            return Answer("too_large", f"wanted at most {most} bytes, got {length}", reply.status)
        plain = "Content-Encoding" not in reply.headers
        taken = await self._budget.take(length if length is not None and plain else most)
        kept = 0
        try:
            body = await read_body(reply, job.kind, most)
            mime, dimensions = judge(body, job.kind, self._settings)
            kept = min(len(body), taken)
        except Refusal as refusal:
            framed = length is not None or "Transfer-Encoding" in reply.headers
            final = framed and refusal.reason == "truncated"  # it came whole: it lies there like that
            return Answer(refusal.reason, refusal.detail, reply.status, final=final)
        except (ClientError, OSError) as error:
            return Answer(*name_fault(error), reply.status)
        finally:
            self._budget.give(taken - kept)
        return Answer(
            status=reply.status,
            body=body,
            held=kept,
            headers=tuple(reply.headers.items()),
            mime=mime,
            dimensions=dimensions,
            etag=reply.headers.get("ETag"),
            last_modified=reply.headers.get("Last-Modified"),
        )

    def _tell(self, answer: Answer, host: Host) -> None:
        """Let the host's pace know how the request went."""
        if answer.status in _BUSY:
            wait = answer.retry_after_s if answer.retry_after_s is not None else self._settings.backoff_s
            host.pace.complain(asyncio.get_running_loop().time(), min(wait, self._settings.max_wait_s))
        elif answer.status is not None:
            host.pace.please()


def _name_status(status: int) -> Reason:
    if status in _NAMED:
        return _NAMED[status]
    if 400 <= status < 500:
        return "http_4xx"
    return "http_5xx" if 500 <= status < 600 else "http_status"


def _conditions(job: Job) -> dict[str, str]:
    """Return the headers that ask only for what changed (RFC 9110, 13.1)."""
    headers: dict[str, str] = {}
    if job.sha256 is not None and job.etag:
        headers["If-None-Match"] = job.etag
    if job.sha256 is not None and job.last_modified:
        headers["If-Modified-Since"] = job.last_modified
    return headers


_ENCODED = {"gzip", "x-gzip", "deflate"}
_SNIFFED = 1024
_EITHER_WRAPPING = 32 + zlib.MAX_WBITS  # zlib finds out whether gzip's or its own


class _Decoder:
    """Undoes a content encoding, stopping at the cap: a gzip bomb costs no more than a large file."""

    def __init__(self, encoding: str) -> None:
        self._zlib = zlib.decompressobj(_EITHER_WRAPPING)
        self._encoding = encoding

    def decode(self, chunk: bytes, most: int) -> bytes:
        """Return what a chunk holds, at most ``most`` + 1 bytes of it."""
        try:
            return self._zlib.decompress(chunk, most + 1)
        except zlib.error as error:
            raise Refusal("bad_encoding", f"{self._encoding}: {error}") from error

    def finish(self) -> None:
        """Check that the encoded stream has ended."""
        if not self._zlib.eof:
            raise Refusal("truncated", f"the {self._encoding} stream lacks its end")


async def read_body(reply: Reply, kind: MediaKind, most: int) -> bytes:
    """Return the body, its content encoding undone.

    Reading stops at the first bytes that show a wrong type.

    Args:
        reply: the answer.
        kind: what was promised.
        most: bytes allowed.

    Raises:
        Refusal: ``too_large``, ``wrong_type``, ``bad_encoding``, ``truncated`` or ``bad_http``.
        aiohttp.ClientError: the connection failed.
    """
    decoder = _decoder(reply)
    parts: list[bytes] = []
    length = 0
    while chunk := await reply.content.readany():
        part = decoder.decode(chunk, most - length) if decoder else chunk
        parts.append(part)
        sniffed, length = length >= _SNIFFED, length + len(part)
        if length > most:
            raise Refusal("too_large", f"wanted at most {most} bytes, got more")
        if length >= _SNIFFED and not sniffed:
            _check_start(b"".join(parts), kind)
    if decoder:
        decoder.finish()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _decoder(reply: Reply) -> _Decoder | None:
    encoding = reply.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in _ENCODED:
        raise Refusal("bad_encoding", "wanted identity or gzip")
    return _Decoder(encoding)


def _check_start(head: bytes, kind: MediaKind) -> None:
    mime = sniff(head)
    if mime is None or kind_of(mime) != kind:
        raise Refusal("wrong_type", f"wanted {kind}, got {mime or 'bytes of no known medium'}")
