"""Signed session cookies, and the CSRF tokens of their pages."""

import hashlib
import hmac
import secrets
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from itsdangerous import BadData, URLSafeSerializer

from storage import State

__all__ = ["Purpose", "Session", "Sessions", "SignedOut", "Signer"]

Purpose = Literal["session", "csrf"]
_MAX_LENGTH = 1024


class Signer:
    """Signs values with HMAC-SHA256; a token of one purpose is invalid for another."""

    def __init__(self, key: bytes) -> None:
        options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        purposes: tuple[Purpose, ...] = ("session", "csrf")
        self._serializers = {
            purpose: URLSafeSerializer(key, salt=f"m5data web application {purpose}", signer_kwargs=options)
            for purpose in purposes
        }

    def sign(self, purpose: Purpose, value: object) -> str:
        """Return a token of letters, digits, ``-``, ``_`` and dots that contains a JSON value in readable form."""
        return str(self._serializers[purpose].dumps(value))

    def read(self, purpose: Purpose, token: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value of a token; None if this key did not sign exactly this token for ``purpose``."""
        if len(token) > _MAX_LENGTH or not token.isascii():
            return None
        try:
            value = self._serializers[purpose].loads(token)
        except BadData:
            return None
        # base64 has several spellings of the same bytes: accept only the signed one
        return value if hmac.compare_digest(self.sign(purpose, value), token) else None


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in, as stored in its cookie."""

    token: str
    """Token of the personal link that opened it: renewing the link ends its sessions."""
    number: str
    """Random; distinguishes two sign-ins with one link."""
    ends: float
    """Seconds since 1970."""


_DDL = (
    """create table if not exists webapp_signed_out (
        number text primary key, ends real not null
    ) without rowid, strict""",
)


class SignedOut:
    """Sessions signed out before they expired, in the workspace's state, so that a restart does not revive them."""

    def __init__(self, state: State) -> None:
        state.migrate("webapp.sessions", _DDL)
        self._state = state
        with closing(state.connect()) as connection:
            self._numbers = {row[0] for row in connection.execute("select number from webapp_signed_out")}

    def add(self, session: Session, now: datetime) -> None:
        """End a session, and delete those that have expired."""
        self._numbers.add(session.number)
        with closing(self._state.connect()) as connection:
            connection.execute("delete from webapp_signed_out where ends < ?", (now.timestamp(),))
            connection.execute("insert or ignore into webapp_signed_out values (?, ?)", (session.number, session.ends))

    def __contains__(self, session: Session) -> bool:
        return session.number in self._numbers


class Sessions:
    """Creates and reads cookies; only signed-out sessions are stored."""

    def __init__(self, signer: Signer, lifetime: timedelta, signed_out: SignedOut) -> None:
        self._signer = signer
        self._signed_out = signed_out
        self.lifetime = lifetime
        """Duration of a sign-in."""

    def begin(self, token: str, now: datetime) -> str:
        """Return the cookie of a new session."""
        ends = (now + self.lifetime).timestamp()
        return self._signer.sign("session", [token, secrets.token_hex(8), ends])

    def read(self, cookie: str, now: datetime) -> Session | None:
        """Return a cookie's session; None if the cookie is forged, expired or signed out."""
        values = self._signer.read("session", cookie)
        if values is None:
            return None
        session = Session(*values)
        return session if session.ends > now.timestamp() and session not in self._signed_out else None

    def end(self, session: Session, now: datetime) -> None:
        """Sign out a session: its cookie and all copies of it become invalid."""
        self._signed_out.add(session, now)

    def csrf(self, session: Session) -> str:
        """Return the token that proves that a request comes from a page of this session."""
        return self._signer.sign("csrf", session.number)

    def is_csrf(self, session: Session, token: str) -> bool:
        """Return whether a request's token is that of its session."""
        return hmac.compare_digest(token.encode(errors="replace"), self.csrf(session).encode())
