"""Reading of request bodies."""

import asyncio

import pytest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from webapp.requests import read_body


async def _gone() -> Message:
    return {"type": "http.disconnect"}


def test_a_body_that_ends_with_its_connection_is_a_bad_request() -> None:
    request = Request({"type": "http", "method": "POST", "headers": []}, _gone)
    with pytest.raises(HTTPException, match="connection ended") as caught:
        asyncio.run(read_body(request, BaseModel))
    assert caught.value.status_code == 400
