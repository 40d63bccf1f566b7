"""The decorator of page objects' fields, with its type."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import web_poet

__all__ = ["field"]

Value = TypeVar("Value")


def field(method: Callable[[Any], Value]) -> Value:
    """Make a method of a page object the field of its name; computed once a page.

    This is ``web_poet.field(cached=True)``, which has no type annotations; on a page it reads as an attribute.
    """
    decorate = cast("Callable[..., Callable[[Callable[[Any], Value]], Value]]", web_poet.field)
    return decorate(cached=True)(method)
