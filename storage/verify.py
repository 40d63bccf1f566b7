"""Check that every object still has the bytes it is named after."""

from collections.abc import Iterator
from dataclasses import dataclass

from m5data.errors import CorruptObjectError
from storage.objects import Objects

__all__ = ["ObjectProblem", "verify_objects"]


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """One object that cannot be trusted."""

    sha256: str
    detail: str
    """Where, wanted, got."""


def verify_objects(objects: Objects) -> Iterator[ObjectProblem]:
    """Read every object in the order it was stored, and yield those that are missing or damaged.

    Reads everything once; memory holds one object at a time.
    """
    for refs in objects.index.after(0, objects.index.last()):
        for ref in refs:
            try:
                objects.read(ref.sha256)
            except CorruptObjectError as error:
                yield ObjectProblem(ref.sha256, str(error))
