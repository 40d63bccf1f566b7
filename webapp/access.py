"""What handlers ask about who is asking."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from webapp.security.gate import Visitor
from webapp.security.people import Role

__all__ = ["read_body", "visitor_of"]

Model = TypeVar("Model", bound=BaseModel)


def visitor_of(request: Request, *roles: Role) -> Visitor:
    """Return who asks.

    Args:
        request: A request that passed the gate.
        roles: Who may; none: everybody who is signed in.

    Raises:
        HTTPException: 401: nobody is signed in; 403: another role is.
    """
    visitor: Visitor | None = request.scope.get("visitor")
    if visitor is None:
        raise HTTPException(401, "sign in with your personal link")
    if roles and visitor.person.role not in roles:
        raise HTTPException(403, f"only for {' and '.join(roles)}s")
    return visitor


async def read_body(request: Request, model: type[Model]) -> Model:
    """Return the JSON body of a request, checked.

    Raises:
        HTTPException: 422: it is not what ``model`` says.
    """
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "body"
        raise HTTPException(422, f"{where}: {fault['msg']}") from None
