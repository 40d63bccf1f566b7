"""Who somebody is, told from the token of a personal link."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["People", "Person", "Role"]

Role = Literal["annotator", "reviewer"]
"""An annotator judges pairs; a reviewer browses products and reviews labels."""

_SECONDS = 1.0
"""How long a renewed link may still hold."""
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose link holds."""

    name: str
    """The worker in the judgements, the reviewer in the decisions."""
    role: Role


class People:
    """Looks tokens up, each at most once a second, off the event loop."""

    def __init__(self, find: Callable[[str], Person | None], clock: Callable[[], float]) -> None:
        """Start knowing nobody.

        Args:
            find: Token -> whose it is; may block.
            clock: Seconds, never running backwards.
        """
        self._find, self._clock = find, clock
        self._known: OrderedDict[str, tuple[Person | None, float]] = OrderedDict()

    async def find(self, token: str) -> Person | None:
        """Return whose link holds this token; None: nobody's."""
        person, until = self._known.get(token, (None, float("-inf")))
        if self._clock() < until:
            return person
        person = await asyncio.to_thread(self._find, token)
        self._known[token] = (person, self._clock() + _SECONDS)
        self._known.move_to_end(token)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return person
