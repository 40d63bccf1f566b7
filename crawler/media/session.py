"""The HTTP session of the downloader: only GET, with keep-alive, guarded, without cookies or proxies.

It uses aiohttp's connections and parser, but not its ``ClientSession``: that prepares for cookies, redirects, bodies
and much else with every request, which costs more than the request itself.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from aiohttp import (
    ClientConnectorError,
    ClientOSError,
    ClientRequest,
    ClientTimeout,
    InvalidURL,
    ServerDisconnectedError,
    SocketTimeoutError,
    StreamReader,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from multidict import CIMultiDictProxy
from yarl import URL

from core.urls import split_url
from crawler.media.outcome import RejectedFileError
from crawler.media.queue import DownloadRun
from crawler.net.client import MAX_HEADER_BYTES, MAX_HEADERS, GuardedResolver

__all__ = ["MediaSession", "Reply"]


_EVERY_S = 0.25
_DNS_CACHE_S = 300
_KEEP_ALIVE_S = 15.0
_MAX_ORIGINS = 4096
"""Origins whose requests are kept prepared."""
_LINE_ENDS = frozenset("\r\n\0")


class Reply:
    """One response; a context manager that releases its connection, or closes it if the body was not read.

    Attributes:
        status: HTTP status.
        headers: as received.
        content: the body, still encoded.
    """

    __slots__ = ("_closed", "_connection", "content", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: CIMultiDictProxy[str],
        content: StreamReader,
        connection: Connection,
        closed: Callable[[], None],
    ) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self._connection = connection
        self._closed = closed

    @property
    def content_length(self) -> int | None:
        """Bytes of the body as sent; None if the server did not say."""
        length = self.headers.get("Content-Length")
        return None if length is None else int(length)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed()
        if self.content.is_eof():
            self._connection.release()
        else:
            self._connection.close()


class _WatchedRequest:
    """A request in progress.

    Attributes:
        protocol: its end of the connection.
        content: the response's body, once its headers are read.
    """

    __slots__ = ("_at", "_deadline", "_seen", "content", "protocol")

    def __init__(self, protocol: ResponseHandler, deadline: float) -> None:
        self.protocol = protocol
        self.content: StreamReader | None = None
        self._deadline = deadline
        self._seen = -1
        self._at = 0.0

    def look(self, now: float, idle_s: float) -> None:
        """End the wait if it takes too long, or if nothing more can arrive."""
        if self.content is not None and self._is_cut_off(self.content):
            self.content.set_exception(
                RejectedFileError("bad_http", "the connection ended within the body, its framing broken")
            )
            return
        seen = 0 if self.content is None else 1 + self.content.total_bytes
        if seen != self._seen:
            self._seen, self._at = seen, now
        if now >= self._deadline or now - self._at >= idle_s:
            error = SocketTimeoutError("no complete response in time")
            self.protocol.set_exception(error)
            if self.content is not None:
                self.content.set_exception(error)

    def _is_cut_off(self, content: StreamReader) -> bool:
        """Return whether the connection is closed although the body neither ended nor failed.

        aiohttp (3.14) never ends the wait for a body whose framing broke after its headers: it only closes the
        connection.
        """
        return not self.protocol.is_connected() and not content.is_eof() and content.exception() is None


class _Watch:
    """Deadlines of all requests in progress, checked a few times per second: cheaper than a timer for each.

    Args:
        idle_s: seconds without a single byte after which a response is given up.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._watched: set[_WatchedRequest] = set()
        self.add = self._watched.add
        self.remove = self._watched.remove

    async def run(self) -> None:
        """Check until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_EVERY_S)
            now = loop.time()
            for watched in tuple(self._watched):
                watched.look(now, self._idle_s)


class MediaSession:
    """Sends requests for media; an asynchronous context manager, entered inside a running event loop.

    Proxies of the environment are not used: behind one, the guard could not see the IP address. A user
    and password inside a URL are not sent.

    Args:
        run: timeouts, user agent, local hosts and resolver.
    """

    def __init__(self, run: DownloadRun) -> None:
        self._guarded = GuardedResolver(run.local_hosts, run.resolver)
        self._timeout = ClientTimeout(total=None, connect=run.settings.connect_timeout_s)
        self._headers = _lines(
            {
                "User-Agent": run.user_agent,
                "Accept": "image/*,video/*;q=0.9,*/*;q=0.1",
                "Accept-Encoding": "identity",
            }
        )
        self._origins: OrderedDict[tuple[str, str], _Origin] = OrderedDict()
        self._watch = _Watch(run.settings.read_timeout_s)

    async def __aenter__(self) -> Self:
        """Create the pool of connections."""
        self._connector = TCPConnector(
            limit=0,  # slots are counted per host, before a connection is requested
            resolver=self._guarded,
            ttl_dns_cache=_DNS_CACHE_S,
            keepalive_timeout=_KEEP_ALIVE_S,
            socket_factory=self._guarded.open_socket,
        )
        self._watching = asyncio.create_task(self._watch.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        await self._connector.close()

    async def get(self, url: str, conditions: Mapping[str, str], deadline: float) -> Reply:
        """Send one request and return its response as soon as the headers are read; the caller closes it.

        A connection that turns out to be dead is replaced once: servers close idle ones at any moment.

        Args:
            url: absolute, http or https.
            conditions: further headers.
            deadline: when the response must be complete, by the event loop's clock.

        Raises:
            aiohttp.ClientError, OSError: no response.
            aiohttp.InvalidURL: the URL is malformed.
            aiohttp.http.HttpProcessingError: the response breaks HTTP.
        """
        try:
            parts = split_url(url)
            if parts is None:
                raise InvalidURL(url)
            origin = self._origin(parts.scheme, parts.authority)
        except ValueError as error:
            raise InvalidURL(url) from error
        further = _lines(conditions) if conditions else b""
        request = b"GET %s HTTP/1.1\r\n%s%s\r\n" % (parts.target.encode("ascii"), origin.headers, further)
        try:
            return await self._send(origin, request, deadline)
        except ClientConnectorError:
            raise
        except (ClientOSError, ServerDisconnectedError):
            return await self._send(origin, request, deadline)

    async def _send(self, origin: "_Origin", request: bytes, deadline: float) -> Reply:
        connection = await self._connector.connect(origin.request, [], self._timeout)
        protocol = connection.protocol
        if protocol is None or protocol.transport is None:
            raise ServerDisconnectedError
        watched = _WatchedRequest(protocol, deadline)
        self._watch.add(watched)
        try:
            protocol.set_response_params(
                read_until_eof=True,
                auto_decompress=False,
                max_line_size=MAX_HEADER_BYTES,
                max_field_size=MAX_HEADER_BYTES,
                max_headers=MAX_HEADERS,
            )
            protocol.transport.write(request)
            message, content = await protocol.read()
            while 100 <= message.code < 200 and message.code != 101:  # interim responses
                message, content = await protocol.read()
        except BaseException:
            self._watch.remove(watched)
            connection.close()
            raise
        watched.content = content
        return Reply(message.code, message.headers, content, connection, partial(self._watch.remove, watched))

    def _origin(self, scheme: str, authority: str) -> "_Origin":
        """Return the data that all requests to one origin share."""
        key = (scheme, authority)
        origin = self._origins.get(key)
        if origin is None:
            origin = self._origins[key] = _Origin(scheme, authority, self._headers)
            if len(self._origins) > _MAX_ORIGINS:
                self._origins.popitem(last=False)
        return origin


class _Origin:
    """Scheme, host and port, with the headers of every request there.

    Args:
        scheme: http or https.
        authority: host and, unless it is the scheme's default, port.
        headers: of every request.
    """

    def __init__(self, scheme: str, authority: str, headers: bytes) -> None:
        origin = URL(f"{scheme}://{authority}/")
        self.request = ClientRequest("GET", origin, loop=asyncio.get_running_loop())
        """Gives the connector the host and port; never sent."""
        self.headers = _lines({"Host": origin.host_port_subcomponent or ""}) + headers


def _lines(headers: Mapping[str, str]) -> bytes:
    """Encode headers without those whose value contains a line end, as a hostile server may have sent."""
    safe = ((name, value) for name, value in headers.items() if not set(value) & _LINE_ENDS)
    return "".join(f"{name}: {value}\r\n" for name, value in safe).encode("utf-8", "surrogateescape")
