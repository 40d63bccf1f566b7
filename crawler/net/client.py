"""The guarded HTTP client of pages, robots.txt and sitemaps, and the names of connection faults."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError, TransferEncodingError
from yarl import URL

from crawler.net.address_guard import RefusedAddressError, check_url
from crawler.net.http_policy import HttpReason
from crawler.net.resolver import GuardedResolver

__all__ = ["ClientLimits", "FetchError", "Fetched", "PageClient", "name_fault"]

_CHUNK_BYTES = 65_536


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
        """Return the first value of a header, empty where there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


class FetchError(Exception):
    """A request without a complete response.

    Attributes:
        reason: one word of the vocabulary of rejects.
        detail: one line for a person.
    """

    def __init__(self, reason: HttpReason | Literal["bad_scheme", "too_large"], detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


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
            headers={"User-Agent": agent, "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.1"},
        )

    async def get(self, url: str, limits: ClientLimits, headers: Mapping[str, str] | None = None) -> Fetched:
        """Return the response to one GET.

        Raises:
            FetchError: refused by the guard, or no complete response within the limits.
        """
        refusal = check_url(url, self._local_hosts)
        if refusal:
            raise FetchError(refusal, "wanted an http(s) address outside this network")
        timeout = aiohttp.ClientTimeout(total=limits.total_s, sock_connect=limits.connect_s)
        try:
            async with self._session.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False, timeout=timeout
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
    return bytes(body[: limits.max_bytes])


def name_fault(error: Exception) -> tuple[HttpReason, str]:
    """Return the reason that an error of a request stands for, and a line about it.

    The line holds nothing that the server wrote.
    """
    if isinstance(error, aiohttp.ClientPayloadError):
        return _name_payload_fault(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, RefusedAddressError):
            return "private_address", str(error.os_error)
        if isinstance(error.os_error, ssl.SSLError):
            return "bad_tls", type(error).__name__
    for kinds, reason in _FAULTS:
        if isinstance(error, kinds):
            return reason, type(error).__name__
    return "reset", type(error).__name__


def _name_payload_fault(error: aiohttp.ClientPayloadError) -> tuple[HttpReason, str]:
    """Tell apart a body that ends early, one whose framing is broken, and a broken connection."""
    cause = error.__cause__
    if isinstance(cause, ContentLengthError):
        return "truncated", "fewer bytes than Content-Length"
    if isinstance(cause, TransferEncodingError) and "Not enough data" in cause.message:
        return "truncated", "the last chunk lacks"
    if isinstance(cause, HttpProcessingError):
        return "bad_http", type(cause).__name__
    return "reset", type(cause or error).__name__
