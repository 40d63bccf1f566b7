"""Signed cookies, and the token that a page's own requests carry."""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.security.signing import Signer

__all__ = ["Session", "Sessions"]


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
