"""Signed texts: what the server gave out and knows again."""

import base64
import binascii
import hashlib
import hmac
from typing import Literal

__all__ = ["Purpose", "Signer"]

Purpose = Literal["session", "csrf"]
_LONGEST = 1024


class Signer:
    """HMAC-SHA256 (RFC 2104) over a purpose and a text; a token of one purpose is worthless for another."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"m5data web application", "sha256")

    def sign(self, purpose: Purpose, payload: str) -> str:
        """Return a token of letters, digits, ``-``, ``_`` and one dot that holds ``payload`` readably."""
        body = _encode(payload.encode())
        return f"{body}.{_encode(self._mac(purpose, body))}"

    def read(self, purpose: Purpose, token: str) -> str | None:
        """Return the payload of a token, None where this key did not sign it for ``purpose``."""
        body, _, mac = token.partition(".")
        if len(token) > _LONGEST or not token.isascii():
            return None
        if not hmac.compare_digest(mac.encode(), _encode(self._mac(purpose, body)).encode()):
            return None
        try:
            return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None

    def _mac(self, purpose: Purpose, body: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\0{body}".encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
