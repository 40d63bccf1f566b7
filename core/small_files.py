"""Small JSON files of a workspace: read with a bound on their size, and with one error for whatever is wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from core.errors import CorruptObjectError

__all__ = ["check", "check_numbers", "damaged", "made_of", "parse_json", "read_json"]

R = TypeVar("R")
T = TypeVar("T")
_LARGEST = 256 << 20
"""Bytes: a take-down of a large merchant lists some million URLs."""
_SHOWN = 120
_FAULTS = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
"""What reading an object of another form than expected may raise."""


def read_json(path: Path, use: Callable[[Any], R], remedy: str, *, largest: int = _LARGEST) -> R:
    """Return what ``use`` makes of a file's JSON.

    Args:
        path: The file.
        use: Turns the value into an object; errors of wrong types and missing keys count as damage.
        remedy: What to do if the file is damaged, as a sentence.
        largest: Size in bytes above which the file is not read.

    Raises:
        FileNotFoundError: There is no such file.
        CorruptObjectError: It is damaged.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise damaged(str(path), "no file", remedy)
    with path.open("rb") as file:
        data = file.read(largest + 1)
    return parse_json(data, use, str(path), remedy, largest=largest)


def parse_json(data: bytes, use: Callable[[Any], R], where: str, remedy: str, *, largest: int = _LARGEST) -> R:
    """Return what ``use`` makes of JSON; arguments and errors are those of ``read_json``."""
    if len(data) > largest:
        raise damaged(where, f"larger than {largest:,} bytes", remedy)
    return made_of(data, lambda given: use(json.loads(given)), where, remedy)


def made_of(value: T, use: Callable[[T], R], where: str, remedy: str) -> R:
    """Return what ``use`` makes of a file's content; arguments and errors are those of ``read_json``."""
    try:
        return use(value)
    except _FAULTS as error:
        raise damaged(where, error, remedy) from error


def damaged(where: str, what: object, remedy: str) -> CorruptObjectError:
    """Return the error for a damaged file: where, what is wrong, and the remedy, in one line."""
    said = " ".join((str(what) or repr(what)).split())
    return CorruptObjectError(f"{where}: damaged ({said[:_SHOWN]}). {remedy}")


def check(value: object, kind: type[R], name: str) -> R:
    """Return a value of a type.

    Raises:
        ValueError: It is of another type; true and false are no numbers.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} is {str(value)[:_SHOWN]!r}")
    return value


def check_numbers(value: object, name: str) -> Mapping[str, int]:
    """Return a mapping of names to whole numbers.

    Raises:
        ValueError: It is something else.
    """
    for key, number in check(value, dict, name).items():
        check(key, str, name)
        check(number, int, f"{name}.{key}")
    return check(value, dict, name)
