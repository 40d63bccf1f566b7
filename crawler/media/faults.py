"""Name the faults of a connection in the closed vocabulary."""

import ssl

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientPayloadError,
    ClientSSLError,
    InvalidURL,
)
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError, TransferEncodingError

from crawler.guard import RefusedAddressError
from crawler.media.outcome import Reason

__all__ = ["name_fault"]


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
