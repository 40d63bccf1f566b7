"""Helpers of the request handlers: the visitor, the JSON body, and thread pools."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, Unpack

import duckdb
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from core.errors import QueryError
from webapp.security.gate import Visitor
from webapp.security.people import Role

__all__ = ["Stop", "Threads", "page_number", "read_body", "visitor_of"]

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
Arguments = TypeVarTuple("Arguments")

_MAX_SECONDS = 10.0

_WRITING = 32
"""Number of answers that can share one sync of the disk."""
_READING = 4
_QUERYING = 64
"""Number of queries that wait for a process; more are refused."""
_STEP_S = 0.2
"""Seconds between two looks at whether the client is still there."""
_END_S = 2.0
"""Seconds that reading gets to end after a request to stop."""


class Stop:
    """A request to stop work that nobody waits for any more; thread-safe."""

    def __init__(self) -> None:
        self._set = False
        self._interrupts: list[Callable[[], object]] = []

    def is_set(self) -> bool:
        """Return whether the work should stop."""
        return self._set

    def interrupt_with(self, call: Callable[[], object]) -> None:
        """Have ``call`` interrupt the work; it is called again and again until the work has ended."""
        self._interrupts.append(call)

    def set(self) -> None:
        """Stop the work."""
        self._set = True
        for call in [*self._interrupts]:
            with suppress(duckdb.Error):  # the connection is closed: that part has ended
                call()


class Threads:
    """Thread pools; calls without a free thread wait in order."""

    def __init__(self) -> None:
        self._writing = ThreadPoolExecutor(_WRITING, "writing")
        self._reading = ThreadPoolExecutor(_READING, "reading")
        self._querying = ThreadPoolExecutor(_QUERYING, "querying")
        self._stops: set[Stop] = set()
        self._queries = 0

    async def write(self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Run a short transaction."""
        return await _run(self._writing, call, *args, **kwargs)

    async def read(self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Run a call that reads tables or objects."""
        return await _run(self._reading, call, *args, **kwargs)

    async def query(
        self, request: Request, call: Callable[[Unpack[Arguments], Stop], Result], *args: *Arguments
    ) -> Result:
        """Run a call with a ``Stop`` as its last argument, which is set when the client leaves.

        Raises:
            HTTPException: 503: too many queries wait already.
        """
        if self._queries >= _QUERYING:
            raise HTTPException(503, "too many queries wait; ask again in a moment")
        self._queries += 1
        try:
            return await self._stoppable(self._querying, request, call, *args)
        finally:
            self._queries -= 1

    async def read_stoppably(
        self, request: Request, call: Callable[[Unpack[Arguments], Stop], Result], *args: *Arguments
    ) -> Result:
        """Run a call that reads much, like ``query``; also stopped after ten seconds.

        Raises:
            HTTPException: 503: it took too long, or the client has left.
        """
        try:
            return await self._stoppable(self._reading, request, call, *args, seconds=_MAX_SECONDS)
        except QueryError:
            raise HTTPException(503, "this selection takes too long; narrow it") from None

    async def _stoppable(
        self,
        pool: ThreadPoolExecutor,
        request: Request,
        call: Callable[[Unpack[Arguments], Stop], Result],
        *args: *Arguments,
        seconds: float | None = None,
    ) -> Result:
        stop = Stop()
        self._stops.add(stop)
        work = asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, stop)))
        ended = None if seconds is None else asyncio.get_running_loop().time() + seconds
        try:
            while not (await asyncio.wait([work], timeout=_STEP_S))[0]:
                late = ended is not None and asyncio.get_running_loop().time() >= ended
                if late or stop.is_set() or await request.is_disconnected():
                    stop.set()
            return work.result()
        except asyncio.CancelledError:
            raise HTTPException(503, "the server ends") from None
        finally:
            stop.set()
            work.add_done_callback(lambda done: self._forget(stop, done))

    def _forget(self, stop: Stop, done: "asyncio.Future[Any]") -> None:
        """Forget work that has ended; its error is that of a request which has been answered."""
        self._stops.discard(stop)
        if not done.cancelled():
            done.exception()

    def close(self) -> None:
        """Stop reading and wait for running calls; those not begun are cancelled: nobody was promised their end."""
        for pool in (self._reading, self._querying):
            pool.shutdown(wait=False, cancel_futures=True)
        self._writing.shutdown(wait=True, cancel_futures=True)
        deadline = time.monotonic() + _END_S
        while self._stops and time.monotonic() < deadline:
            for stop in [*self._stops]:
                stop.set()
            time.sleep(_STEP_S)


async def _run(
    pool: ThreadPoolExecutor, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, **kwargs))
