"""Signed cookies, and the token that a page's own requests carry."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

__all__ = ["Purpose", "Session", "Sessions", "Signer"]

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


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in, as its cookie tells."""

    token: str
    """Of the personal link that it was opened with: a renewed link ends its sessions."""
    number: str
    """Random; tells two sign-ins with one link apart."""
    ends: float
    """Seconds since 1970."""


class Sessions:
    """Makes and reads cookies; it remembers nothing, so a restart signs nobody out."""

    def __init__(self, signer: Signer, lifetime: timedelta) -> None:
        self._signer = signer
        self.lifetime = lifetime
        """How long a sign-in lasts."""

    def begin(self, token: str, now: datetime) -> str:
        """Return the cookie of a new session."""
        ends = (now + self.lifetime).timestamp()
        return self._signer.sign("session", json.dumps([token, secrets.token_hex(8), ends]))

    def read(self, cookie: str, now: datetime) -> Session | None:
        """Return a cookie's session, None where it is forged or over."""
        payload = self._signer.read("session", cookie)
        if payload is None:
            return None
        session = Session(*json.loads(payload))
        return session if session.ends > now.timestamp() else None

    def csrf(self, session: Session) -> str:
        """Return the token that proves that a request comes from a page of this session."""
        return self._signer.sign("csrf", session.number)

    def is_csrf(self, session: Session, token: str) -> bool:
        """Tell whether a request's token is that of its session."""
        return hmac.compare_digest(token.encode(errors="replace"), self.csrf(session).encode())
