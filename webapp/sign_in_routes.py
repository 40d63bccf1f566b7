"""Routes to sign in with a personal link (``/in/TOKEN``), to sign out (``/out``), and of the home page (``/``)."""

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.stage import Clock
from webapp.pages import Pages
from webapp.security.gate import COOKIE, SIGN_IN, AccessControl, Visitor
from webapp.security.people import Role

__all__ = ["HOMES", "SignInRoutes"]

HOMES: dict[Role, str] = {"annotator": "/annotate", "reviewer": "/products", "manager": "/products"}
"""Start page of each role."""


class SignInRoutes:
    """Routes to sign in and out; a link only shows a button to sign in, so no foreign page can do so unseen."""

    def __init__(self, access: AccessControl, pages: Pages, clock: Clock) -> None:
        self._access, self._pages, self._clock = access, pages, clock
        self.routes: list[BaseRoute] = [
            Route("/", self.home),
            Route(SIGN_IN + "{token}", self.ask),
            Route(SIGN_IN + "{token}", self.sign_in, methods=["POST"]),
            Route("/out", self.sign_out, methods=["POST"]),
        ]

    async def home(self, request: Request) -> Response:
        """Redirect to the start page of the visitor."""
        visitor: Visitor | None = request.scope["visitor"]
        if visitor is None:
            return self._pages.render(request, "error.html", 401, code=401)
        return RedirectResponse(HOMES[visitor.person.role], 303)

    async def ask(self, request: Request) -> HTMLResponse:
        """Show the owner of the link, with a button that signs in."""
        person = await self._access.people.find(request.path_params["token"])
        if person is None:
            return self._pages.render(request, "error.html", 403, code=403)
        return self._pages.render(request, "sign_in.html", person=person)

    async def sign_in(self, request: Request) -> Response:
        """Begin a session and redirect to the start page."""
        token = request.path_params["token"]
        person = await self._access.people.find(token)
        if person is None:
            return self._pages.render(request, "error.html", 403, code=403)
        answer = RedirectResponse(HOMES[person.role], 303)
        answer.set_cookie(
            COOKIE,
            self._access.sessions.begin(token, self._clock()),
            max_age=int(self._access.sessions.lifetime.total_seconds()),
            secure=self._access.origin.secure,
            httponly=True,
            samesite="lax",
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session and delete the cookie."""
        visitor: Visitor | None = request.scope["visitor"]
        if visitor is not None:
            await asyncio.to_thread(self._access.sessions.end, visitor.session, self._clock())
        answer = JSONResponse({"out": True})
        answer.delete_cookie(COOKIE, secure=self._access.origin.secure, httponly=True, samesite="lax")
        return answer
