"""The gate of every request: identity, rate limit and CSRF check."""

import math
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.stage import Clock
from webapp.security.origin import ServerOrigin
from webapp.security.people import People, Person
from webapp.security.rate_limit import RateLimit, ip_key
from webapp.security.sessions import Session, Sessions

__all__ = ["COOKIE", "CSRF_HEADER", "SIGN_IN", "AccessControl", "Gate", "Visitor"]

COOKIE = "m5data_session"
CSRF_HEADER = "x-csrf-token"
SIGN_IN = "/in/"
"""Path prefix of personal links."""
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in visitor."""

    person: Person
    session: Session
    csrf: str
    """Token that this visitor's own pages send with every write."""


@dataclass(frozen=True, slots=True)
class AccessControl:
    """Dependencies of the gate."""

    sessions: Sessions
    people: People
    limit: RateLimit
    origin: ServerOrigin
    clock: Clock


class Gate:
    """ASGI middleware that limits the rate, refuses forged writes, and sets ``scope["visitor"]``."""

    def __init__(self, app: ASGIApp, access: AccessControl) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        visitor = await self._visitor(connection)
        refusal = self._refuse(connection, scope["method"], visitor)
        scope["visitor"] = visitor
        await (refusal or self._app)(scope, receive, send)

    async def _visitor(self, connection: HTTPConnection) -> Visitor | None:
        cookie = connection.cookies.get(COOKIE)
        session = self._access.sessions.read(cookie, self._access.clock()) if cookie else None
        if session is None:
            return None
        person = await self._access.people.find(session.token)
        return Visitor(person, session, self._access.sessions.csrf(session)) if person else None

    def _refuse(self, connection: HTTPConnection, method: str, visitor: Visitor | None) -> Response | None:
        host = connection.client.host if connection.client else ""
        wait = self._access.limit.wait(f"{visitor.person.role} {visitor.person.name}" if visitor else ip_key(host))
        if wait:
            return JSONResponse(
                {"error": "too many requests"}, 429, headers={"retry-after": str(max(1, math.ceil(wait)))}
            )
        if method not in _READING and not self._is_genuine(connection, visitor):
            return JSONResponse({"error": "not sent by a page of this application"}, 403)
        return None

    def _is_genuine(self, connection: HTTPConnection, visitor: Visitor | None) -> bool:
        """Return whether a write comes from this server's pages and, if signed in, from a page of the same session."""
        headers = connection.headers
        if not self._access.origin.is_own(headers.get("origin", ""), headers.get("host", "")):
            return False
        if connection.scope["path"].startswith(SIGN_IN):  # its own token is the proof, regardless of an earlier sign-in
            return True
        return visitor is None or self._access.sessions.is_csrf(visitor.session, headers.get(CSRF_HEADER, ""))
