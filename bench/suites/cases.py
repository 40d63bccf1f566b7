"""Cases of a subject and what became of each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVarTuple

__all__ = ["CASES", "BadDataError", "Case", "Result", "judge", "message", "read_cases"]

CASES = "cases.jsonl"
"""The file that a subject's folder must have."""

_Arguments = TypeVarTuple("_Arguments")

Case = dict[str, Any]
"""One line of the file: facts as JSON, by name; each subject has its own."""


class BadDataError(Exception):
    """The folder does not hold what it should; the message says where."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case."""

    kind: str
    case: str
    """Its id, and what tells a reader which case it is."""
    given: object
    """The input, or the part of it that fits on a line."""
    expected: object
    got: object
    """What the product returned; a message if it raised."""
    is_passed: bool


def read_cases(folder: Path) -> Iterator[Case]:
    """Yield the cases of a subject's folder.

    Raises:
        BadDataError: A line is not a JSON object with an id.
    """
    path = folder / CASES
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                case = json.loads(line)
            except ValueError as error:
                raise BadDataError(f"{path}, line {number}: not JSON ({error})") from error
            if not isinstance(case, dict) or "id" not in case:
                raise BadDataError(f"{path}, line {number}: not an object with an id")
            yield case


def judge(
    kind: str,
    case: Case,
    given: object,
    judged: Callable[[*_Arguments], tuple[object, object, bool]],
    *arguments: *_Arguments,
) -> Result:
    """Return the result of a case.

    Args:
        kind: Its kind.
        case: The case.
        given: Its input.
        judged: Runs the product; returns what was expected, what it returned, and whether that is right. A case in
            which it raises has failed; the others go on.
        arguments: of ``judged``.
    """
    name = " ".join(str(case[key]) for key in ("id", "source") if key in case)
    try:
        expected, got, is_passed = judged(*arguments)
    except Exception as error:  # noqa: BLE001  whatever the product raises is its answer to this case
        return Result(kind, name, given, "no error", message(error), is_passed=False)
    return Result(kind, name, given, expected, got, is_passed)


def message(error: BaseException) -> str:
    """Return the type and text of an error."""
    return f"{type(error).__name__}: {error}"
