"""The guarded HTTP client for pages, robots.txt and sitemaps, and the guarded resolver that media also use."""

import os
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError, TransferEncodingError
from yarl import URL

from core.urls import absolute
from crawler.net.address_guard import RefusedAddressError, check_address, check_url, literal_address
from crawler.net.content_coding import ACCEPTED_CODINGS, CodingError, decode_content
from crawler.net.http_policy import HttpReason

__all__ = [
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "ClientLimits",
    "FetchError",
    "Fetched",
    "GuardedResolver",
    "PageClient",
    "name_fault",
]

MAX_HEADER_BYTES = 262_144
"""Longest line of a response's head, as in browsers. Policies that list their hosts reach tens of thousands."""
MAX_HEADERS = 1_024
"""Most headers of a response."""
_CHUNK_BYTES = 65_536
_UNPACKED_TO_CUT = 32
"""A body that may be cut is unpacked to at most this many times its limit."""


_FAULTS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], HttpReason], ...] = (
    (TimeoutError, "timeout"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "bad_tls"),  # a subclass of ClientConnectorError, so it comes first
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.InvalidURL, "bad_url"),
    ((HttpProcessingError, aiohttp.ClientResponseError), "bad_http"),
    (ValueError, "bad_http"),  # a header or status line that the parser cannot read
)


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Limits of one request."""

    total_s: float
    """Seconds for the whole request, body included."""
    connect_s: float
    """Seconds until the connection is open."""
    max_bytes: int
    """Longest body, after decompression."""
    cut: bool = False
    """Cut off a longer body instead of refusing it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete response, whatever its status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """As received, repeated names included."""
    body: bytes
    """Without content coding."""

    def header(self, name: str) -> str:
        """Return the first value of a header; empty if there is none."""
        lower = name.lower()
        return next((value for key, value in self.headers if key.lower() == lower), "")


class FetchError(Exception):
    """A request without a complete response.

    Attributes:
        reason: one word of the vocabulary of rejects.
        detail: one line for people.
    """

    def __init__(self, reason: HttpReason | Literal["bad_scheme", "too_large"], detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to a forbidden IP address.

    One forbidden IP address among several refuses the name: a host with both a public and a private one is not a
    mistake worth working around.

    Args:
        local_hosts: ``host:port`` of the sources marked local, which alone may be private.
        inner: resolver to ask; the system's by default.
    """

    def __init__(self, local_hosts: Collection[str] = (), inner: AbstractResolver | None = None) -> None:
        self._local = frozenset(host.lower() for host in local_hosts)
        self._inner = inner or aiohttp.ThreadedResolver()
        self._endpoints = {_endpoint(host) for host in self._local}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the IP addresses of ``host``.

        Raises:
            RefusedAddressError: one of them is forbidden.
            OSError: the name has none.
        """
        found = await self._inner.resolve(host, port, family)
        local = f"{host.lower()}:{port}" in self._local
        for result in found:
            check_address(result["host"], local=local)
            if local:
                self._endpoints.add((result["host"], port))
        return found

    def open_socket(self, address: AddrInfoType) -> socket.socket:
        """Create the socket of one connection, after a last check of its IP address.

        Raises:
            RefusedAddressError: the address is private and no local source leads to it.
        """
        family, kind, protocol, _, endpoint = address
        host, port = str(endpoint[0]), int(endpoint[1])
        check_address(host, local=(host, port) in self._endpoints)
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


def _endpoint(authority: str) -> tuple[str, int]:
    """Return IP address and port of an authority; a host name stays as it is."""
    host, _, port = authority.rpartition(":")
    return literal_address(host) or host, int(port)


class PageClient:
    """HTTP client with keep-alive and checks of certificates and IP addresses, without redirects and cookies.

    Build and close it inside a running event loop.
    """

    def __init__(self, agent: str, local_hosts: frozenset[str]) -> None:
        self._local_hosts = local_hosts
        guarded = GuardedResolver(local_hosts)
        connector = aiohttp.TCPConnector(resolver=guarded, limit=64, socket_factory=guarded.open_socket)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": agent,
                "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.1",
                "Accept-Encoding": ACCEPTED_CODINGS,
            },
            auto_decompress=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )

    async def get(self, url: str, limits: ClientLimits, headers: Mapping[str, str] | None = None) -> Fetched:
        """Return the response to one GET.

        Raises:
            FetchError: refused by the guard, or no complete response within the limits.
        """
        refusal = check_url(url, self._local_hosts)
        wire = absolute("", url)
        if refusal or wire is None:
            raise FetchError(refusal or "bad_url", "not an http(s) URL outside this network")
        timeout = aiohttp.ClientTimeout(total=limits.total_s, sock_connect=limits.connect_s)
        try:
            async with self._session.get(
                URL(wire, encoded=True), headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                body = await _read(response, limits)
                return Fetched(response.status, tuple(response.headers.items()), body)
        except TimeoutError:
            raise FetchError("timeout", f"no whole answer within {limits.total_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(*name_fault(error)) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _read(response: aiohttp.ClientResponse, limits: ClientLimits) -> bytes:
    promised = response.content_length
    if promised is not None and promised > limits.max_bytes and not limits.cut:
        raise FetchError("too_large", f"{promised} bytes promised, limit {limits.max_bytes}")
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > limits.max_bytes:
            if limits.cut:
                break
            raise FetchError("too_large", f"more than {limits.max_bytes} bytes")
    codings = ", ".join(response.headers.getall("Content-Encoding", ()))
    return _plain(bytes(body[: limits.max_bytes]), codings, limits)


def _plain(body: bytes, codings: str, limits: ClientLimits) -> bytes:
    """Return a body without its content codings."""
    if not codings:
        return body
    most = limits.max_bytes * (_UNPACKED_TO_CUT if limits.cut else 1)
    try:
        return decode_content(body, codings, most)[: limits.max_bytes]
    except CodingError as error:
        reason = "bad_http" if error.reason == "bad_encoding" else error.reason
        raise FetchError(reason, f"Content-Encoding: {error.detail}") from None


def name_fault(error: Exception) -> tuple[HttpReason, str]:
    """Return the reason for an error of a request, and a line about it.

    The line contains nothing that the server wrote.
    """
    if isinstance(error, aiohttp.ClientPayloadError):
        return _name_payload_fault(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, RefusedAddressError):
            return "private_address", str(error.os_error)
        if isinstance(error.os_error, ssl.SSLError):
            return "bad_tls", type(error).__name__
        if type(error) is aiohttp.ClientConnectorError and error.os_error.errno:
            return "connect", os.strerror(error.os_error.errno).lower()
    for kinds, reason in _FAULTS:
        if isinstance(error, kinds):
            return reason, type(error).__name__
    return "reset", type(error).__name__


def _name_payload_fault(error: aiohttp.ClientPayloadError) -> tuple[HttpReason, str]:
    """Distinguish a body that ends early, one whose framing is broken, and a broken connection."""
    cause = error.__cause__
    if isinstance(cause, ContentLengthError):
        return "truncated", "fewer bytes than Content-Length"
    if isinstance(cause, TransferEncodingError) and "Not enough data" in cause.message:
        return "truncated", "the last chunk lacks"
    if isinstance(cause, HttpProcessingError):
        return "bad_http", type(cause).__name__
    return "reset", type(cause or error).__name__
