"""One guarded HTTP request: what pages, robots.txt and sitemaps are all fetched with."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp
from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientPayloadError,
    ClientSSLError,
    InvalidURL,
)
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError, TransferEncodingError
from yarl import URL

from crawler.media.outcome import Reason
from crawler.net.address_guard import RefusedAddressError, check_url
from crawler.net.resolver import GuardedResolver

__all__ = ["ClientLimits", "FetchError", "Fetched", "PageClient", "name_fault"]

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What a request may take."""

    total_s: float
    """Seconds for the whole request, body included."""
    connect_s: float
    """Seconds until the connection stands."""
    max_bytes: int
    """Longest body, after decompression."""
    cut: bool = False
    """A longer body is cut off there; otherwise it is refused."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """As they came, repeated names included."""
    body: bytes
    """Without content coding."""

    def header(self, name: str) -> str:
        """Return the first value of a header, empty where there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


class FetchError(Exception):
    """A request that got no whole answer."""

    def __init__(self, reason: str, detail: str, *, passing: bool) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        """One word of the vocabulary of rejects."""
        self.detail = detail
        self.passing = passing
        """It may well work later."""


class PageClient:
    """Keeps connections; follows no redirect; sends no cookie; checks certificates and addresses.

    Build it inside a running event loop, close it there.
    """

    def __init__(self, agent: str, local_hosts: frozenset[str]) -> None:
        self._local_hosts = local_hosts
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=GuardedResolver(local_hosts), limit=64),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": agent, "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.1"},
        )

    async def get(self, url: str, limits: ClientLimits, headers: Mapping[str, str] | None = None) -> Fetched:
        """Return the answer of one GET.

        Raises:
            FetchError: refused by the guard, or no whole answer within the limits.
        """
        refusal = check_url(url, self._local_hosts)
        if refusal:
            raise FetchError(refusal, "wanted an http(s) address outside this network", passing=False)
        timeout = aiohttp.ClientTimeout(total=limits.total_s, sock_connect=limits.connect_s)
        with _named_failures(limits):
            async with self._session.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False, timeout=timeout
            ) as answer:
                body = await _read(answer, limits)
                return Fetched(answer.status, tuple(answer.headers.items()), body)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _read(answer: aiohttp.ClientResponse, limits: ClientLimits) -> bytes:
    promised = answer.content_length
    if promised is not None and promised > limits.max_bytes and not limits.cut:
        raise FetchError("too_large", f"{promised} bytes promised, limit {limits.max_bytes}", passing=False)
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > limits.max_bytes:
            if limits.cut:
                break
            raise FetchError("too_large", f"more than {limits.max_bytes} bytes", passing=False)
    return bytes(body[: limits.max_bytes])


@contextmanager
def _named_failures(limits: ClientLimits) -> Iterator[None]:
    """Turn the client library's failures into reasons."""
    try:
        yield
    except TimeoutError:
        raise FetchError("timeout", f"no whole answer within {limits.total_s:g} s", passing=True) from None
    except aiohttp.ClientPayloadError as error:
        raise FetchError("truncated", _line(error), passing=True) from error
    except aiohttp.InvalidURL as error:
        raise FetchError("bad_url", _line(error), passing=False) from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, RefusedAddressError):
            raise FetchError("private_address", _line(error.os_error), passing=False) from error
        tls = isinstance(error, aiohttp.ClientSSLError) or isinstance(error.os_error, ssl.SSLError)
        raise FetchError("bad_tls" if tls else "unreachable", _line(error), passing=not tls) from error
    except (aiohttp.ClientError, ValueError) as error:
        # A ValueError is a header or status line that the parser cannot make sense of.
        raise FetchError("broken_answer", _line(error), passing=True) from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def name_fault(error: Exception) -> tuple[Reason, str]:
    """Return the reason that an error of a request stands for, and a line about it.

    The line holds nothing that the server wrote.
    """
    if isinstance(error, ClientConnectorError) and isinstance(error.os_error, RefusedAddressError):
        return "private_address", str(error.os_error)
    if isinstance(error, ClientPayloadError):
        return _name_payload_fault(error)
    for kinds, reason in _NAMES:
        if isinstance(error, kinds):
            return reason, type(error).__name__
    return "reset", type(error).__name__


_NAMES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Reason], ...] = (
    (TimeoutError, "timeout"),
    ((ClientSSLError, ssl.SSLError), "bad_tls"),  # ClientConnectorError's kin, so asked first
    (ClientConnectorDNSError, "dns"),
    (ClientConnectorError, "connect"),
    (InvalidURL, "bad_url"),
    (HttpProcessingError, "bad_http"),
    (ValueError, "bad_url"),
)


def _name_payload_fault(error: ClientPayloadError) -> tuple[Reason, str]:
    """Tell a body that ends early from one whose framing is broken, and from a broken line."""
    cause = error.__cause__
    if isinstance(cause, ContentLengthError):
        return "truncated", "fewer bytes than Content-Length"
    if isinstance(cause, TransferEncodingError):
        early = "Not enough data" in cause.message
        return ("truncated", "the last chunk lacks") if early else ("bad_http", "TransferEncodingError")
    return "reset", type(cause or error).__name__
