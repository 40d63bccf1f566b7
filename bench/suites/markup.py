"""Subject markup: the fields that a page's structured data state."""

from collections.abc import Iterator
from pathlib import Path

from bench.suites.cases import Case, Result, judge, read_cases
from bench.suites.pages import differences, read_page


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case; it has passed if all its fields are right."""
    for case in read_cases(folder):
        yield judge(case["kind"], case, case["url"], _judged, case)


def _judged(case: Case) -> tuple[object, object, bool]:
    wrong = differences(read_page(case["html"], case["url"]), case["want"])
    return {name: case["want"][name] for name in wrong}, wrong, not wrong
