"""Subject quantities: number and unit of a specification's value."""

from collections.abc import Iterator
from math import isclose
from pathlib import Path

from align.values import normal_value
from bench.suites.cases import Case, Result, judge, read_cases


def _quantity(value: str, name: str) -> tuple[float | None, str | None, str]:
    """Return number, unit and normal text of the value of a property."""
    found = normal_value(value, name)
    return found.number, found.unit, found.text


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        given = {name: case[name] for name in ("name", "value") if name in case}
        yield judge(case["kind"], case, given, _judged, case)


def _judged(case: Case) -> tuple[object, object, bool]:
    number, unit, text = _quantity(case["value"], case.get("name", ""))
    got = text if number is None else f"{number} {unit}"
    is_right = number is not None and unit == case["unit"] and _is_close(number, case)
    return f"{case['number']} {case['unit']}", got, is_right


def _is_close(number: float, case: Case) -> bool:
    if "tolerance" in case:  # the source rounded
        return bool(abs(number - case["number"]) <= case["tolerance"])
    return isclose(number, case["number"], rel_tol=1e-6)
