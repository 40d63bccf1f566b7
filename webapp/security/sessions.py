"""Signed session cookies, and the CSRF tokens of their pages."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from itsdangerous import BadData, URLSafeSerializer

__all__ = ["Purpose", "Session", "Sessions", "Signer"]

Purpose = Literal["session", "csrf"]
_MAX_LENGTH = 1024


class Signer:
    """Signs values with HMAC-SHA256; a token of one purpose is worthless for another."""

    def __init__(self, key: bytes) -> None:
        options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        purposes: tuple[Purpose, ...] = ("session", "csrf")
        self._serializers = {
            purpose: URLSafeSerializer(key, salt=f"m5data web application {purpose}", signer_kwargs=options)
            for purpose in purposes
        }

    def sign(self, purpose: Purpose, value: object) -> str:
        """Return a token of letters, digits, ``-``, ``_`` and dots that holds a JSON value readably."""
        return str(self._serializers[purpose].dumps(value))

    def read(self, purpose: Purpose, token: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value of a token; None if this key did not sign exactly this token for ``purpose``."""
        if len(token) > _MAX_LENGTH or not token.isascii():
            return None
        try:
            value = self._serializers[purpose].loads(token)
        except BadData:
            return None
        # base64 has several spellings of the same bytes: accept the one that was signed
        return value if hmac.compare_digest(self.sign(purpose, value), token) else None


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in, as its cookie states it."""

    token: str
    """Token of the personal link that opened it: renewing the link ends its sessions."""
    number: str
    """Random; distinguishes two sign-ins with one link."""
    ends: float
    """Seconds since 1970."""


class Sessions:
    """Creates and reads cookies; it stores nothing, so a restart signs nobody out."""

    def __init__(self, signer: Signer, lifetime: timedelta) -> None:
        self._signer = signer
        self.lifetime = lifetime
        """How long a sign-in lasts."""

    def begin(self, token: str, now: datetime) -> str:
        """Return the cookie of a new session."""
        ends = (now + self.lifetime).timestamp()
        return self._signer.sign("session", [token, secrets.token_hex(8), ends])

    def read(self, cookie: str, now: datetime) -> Session | None:
        """Return a cookie's session; None if the cookie is forged or expired."""
        values = self._signer.read("session", cookie)
        if values is None:
            return None
        session = Session(*values)
        return session if session.ends > now.timestamp() else None

    def csrf(self, session: Session) -> str:
        """Return the token that proves that a request comes from a page of this session."""
        return self._signer.sign("csrf", session.number)

    def is_csrf(self, session: Session, token: str) -> bool:
        """Return whether a request's token is that of its session."""
        return hmac.compare_digest(token.encode(errors="replace"), self.csrf(session).encode())
