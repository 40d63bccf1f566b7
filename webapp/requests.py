"""Helpers of the request handlers: the visitor, the JSON body, and thread pools."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from webapp.security.gate import Visitor
from webapp.security.people import Role

__all__ = ["Threads", "page_number", "read_body", "visitor_of"]

Model = TypeVar("Model", bound=BaseModel)


def visitor_of(request: Request, *roles: Role) -> Visitor:
    """Return the visitor who sent a request.

    Args:
        request: A request that passed the gate.
        roles: Permitted roles; none: everybody who is signed in.

    Raises:
        HTTPException: 401: nobody is signed in; 403: the visitor has another role.
    """
    visitor: Visitor | None = request.scope.get("visitor")
    if visitor is None:
        raise HTTPException(401, "sign in with your personal link")
    if roles and not visitor.person.may(*roles):
        raise HTTPException(403, f"only for {' and '.join(roles)}s")
    return visitor


def page_number(request: Request) -> int:
    """Return the page number in the URL; 1 if there is none."""
    given = request.query_params.get("page", "")
    return max(1, int(given[:6])) if given.isascii() and given.isdigit() else 1


async def read_body(request: Request, model: type[Model]) -> Model:
    """Return the validated JSON body of a request.

    Raises:
        HTTPException: 422: the body does not fit ``model``; 400: the connection ended before the body did.
    """
    try:
        return model.model_validate_json(await request.body())
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the body did") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "body"
        raise HTTPException(422, f"{where}: {fault['msg']}") from None


Given = ParamSpec("Given")
Result = TypeVar("Result")

_WRITING = 32
"""Number of answers that can share one sync of the disk."""
_READING = 4


class Threads:
    """Two thread pools; calls without a free thread wait in order."""

    def __init__(self) -> None:
        self._writing = ThreadPoolExecutor(_WRITING, "writing")
        self._reading = ThreadPoolExecutor(_READING, "reading")

    async def write(self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Run a short transaction."""
        return await _run(self._writing, call, *args, **kwargs)

    async def read(self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Run a call that reads tables or objects."""
        return await _run(self._reading, call, *args, **kwargs)

    def close(self) -> None:
        """Wait for running calls; those not begun are cancelled, because nobody was promised their completion."""
        for pool in (self._writing, self._reading):
            pool.shutdown(wait=True, cancel_futures=True)


async def _run(
    pool: ThreadPoolExecutor, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, **kwargs))
