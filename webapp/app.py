"""Assembly of the web application, including its security headers."""

import hmac
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType

import duckdb
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from annotate.settings import AnnotateSettings
from annotate.tasks import TaskBoard
from core.errors import UsageError
from core.stage import Clock, utc_now
from storage import Store
from webapp.annotate_routes import AnnotationRoutes
from webapp.catalogue.index import CurrentIndex
from webapp.catalogue.product_reader import ProductReader
from webapp.label_routes import ReviewRoutes
from webapp.manager_routes import ManagerRoutes
from webapp.object_routes import ObjectRoutes
from webapp.pages import Pages, language_of, texts_in
from webapp.product_routes import BrowsingRoutes
from webapp.query_processes import QueryProcesses
from webapp.requests import Threads
from webapp.security.gate import AccessControl, Gate
from webapp.security.origin import ServerOrigin
from webapp.security.people import OWNER, People, Person, find_reviewer
from webapp.security.rate_limit import RateLimit
from webapp.security.sessions import Sessions, SignedOut, Signer
from webapp.selection_routes import SelectionRoutes
from webapp.settings import ServeSettings
from webapp.sign_in_routes import SignInRoutes
from webapp.sql_routes import SqlRoutes

__all__ = ["SECURITY_HEADERS", "SecurityHeaders", "make_app"]

_LARGEST_BODY = 1 << 16
_WRONG_REQUEST = 400


def make_app(
    store: Store,
    settings: ServeSettings,
    annotate: AnnotateSettings,
    key: bytes,
    *,
    owner: str | None = None,
    clock: Clock = utc_now,
) -> ASGIApp:
    """Return the web application of a workspace.

    Args:
        store: The workspace's store; it reads tables and objects, and writes answers and decisions to the state.
        settings: Settings of the application.
        annotate: Settings of the annotation.
        key: Signing key, used if the settings contain no secret.
        owner: Token of a link that signs the owner in while this application runs; None: no such link.
        clock: Clock of sign-ins and answers.
    """
    board, threads, products = (
        TaskBoard(store.state, annotate.tasks, clock),
        Threads(),
        ProductReader(store),
    )
    index, queries = CurrentIndex(products.newest, store.state), QueryProcesses()
    access = _access_control(store, board, settings, key, owner, clock)
    pages = Pages()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        queries.close()
        threads.close()
        index.close()
        products.close()
        board.close()

    routes: list[BaseRoute] = [
        *SignInRoutes(access, pages, clock).routes,
        *AnnotationRoutes(board, products, pages, threads).routes,
        *BrowsingRoutes(store.state, products, index, store.objects, pages, threads).routes,
        *SelectionRoutes(store.state, index, pages, threads, clock).routes,
        *SqlRoutes(products, pages, threads, queries).routes,
        *ManagerRoutes(store.state, board, annotate, products, pages, threads).routes,
        *ReviewRoutes(store.state, products, pages, threads, clock).routes,
        *ObjectRoutes(store.objects, threads).routes,
        Mount("/static", _Static(packages=[("webapp", "static")])),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=access.origin.hosts, www_redirect=False),
            Middleware(Gate, access=access),
        ],
        exception_handlers=dict.fromkeys((HTTPException, UsageError, duckdb.IOException), _ErrorPages(pages)),
        lifespan=lifespan,
        max_body_size=_LARGEST_BODY,
    )
    return SecurityHeaders(app)


def _access_control(
    store: Store, board: TaskBoard, settings: ServeSettings, key: bytes, owner: str | None, clock: Clock
) -> AccessControl:
    def find(token: str) -> Person | None:
        if worker := board.worker_of(token):
            return Person(worker, "annotator")
        if owner is not None and hmac.compare_digest(token.encode(errors="replace"), owner.encode()):
            return Person(OWNER, "manager")
        return find_reviewer(store.state, token)

    secret = settings.secret.get_secret_value().encode() if settings.secret else key
    return AccessControl(
        sessions=Sessions(Signer(secret), timedelta(hours=settings.session_h), SignedOut(store.state)),
        people=People(find, time.monotonic),
        limit=RateLimit(settings.requests_per_s, settings.burst, time.monotonic),
        origin=ServerOrigin(settings.origin),
        clock=clock,
    )


class _Static(StaticFiles):
    """Static files of the pages; browsers check each time whether they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "no-cache"
        return answer


class _ErrorPages:
    """Turns errors into pages for people, and into JSON for requests by the pages' scripts."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def __call__(self, request: Request, error: Exception) -> Response:
        if isinstance(error, duckdb.IOException):  # a take-down or vacuum removed the version that was being read
            error = HTTPException(503, "the dataset has just changed")
        if isinstance(error, UsageError):
            error = HTTPException(400, str(error))
        if not isinstance(error, HTTPException):
            raise error
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            detail = error.detail if error.status_code == _WRONG_REQUEST else ""
            return self._pages.render(request, "error.html", error.status_code, code=error.status_code, detail=detail)
        texts = texts_in(language_of(request))["error"]
        detail = texts[str(error.status_code)] if error.status_code in {401, 403, 503} else error.detail
        return JSONResponse({"error": detail}, error.status_code, headers=error.headers)


_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
SECURITY_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "content-security-policy": "; ".join(_POLICY),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
    }
)
"""Headers that forbid inline scripts, other hosts and parsing text as markup, and hide URLs from other hosts."""


class SecurityHeaders:
    """ASGI middleware that adds ``SECURITY_HEADERS`` unless a response sets them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
