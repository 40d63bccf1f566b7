"""An answer whose headers have come."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import StreamReader
from aiohttp.connector import Connection
from multidict import CIMultiDictProxy

__all__ = ["Reply"]


class Reply:
    """One answer; a context manager that gives its connection back, or closes it where the body was not read.

    Attributes:
        status: HTTP status.
        headers: as they came.
        content: the body, its content encoding still on.
    """

    __slots__ = ("_closed", "_connection", "content", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: CIMultiDictProxy[str],
        content: StreamReader,
        connection: Connection,
        closed: Callable[[], None],
    ) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self._connection = connection
        self._closed = closed

    @property
    def content_length(self) -> int | None:
        """Bytes of the body as sent, None where the server did not say."""
        length = self.headers.get("Content-Length")
        return None if length is None else int(length)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed()
        if self.content.is_eof():
            self._connection.release()
        else:
            self._connection.close()
