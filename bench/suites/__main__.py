"""Run other projects' test suites on m5data and count the cases that pass: ``python -m bench.suites --data FOLDER``.

FOLDER has a folder a subject, with ``cases.jsonl`` and the files that the cases name. Each kind of a subject gets a
line ``subject kind passed/total``, and each subject a line ``subject passed/total``.
"""

import argparse
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from bench.suites.cases import CASES, BadDataError, Result

__all__ = ["SUBJECTS", "main"]

SUBJECTS = (
    "robots",
    "urls",
    "charsets",
    "markup",
    "sitemaps",
    "prices",
    "quantities",
    "images",
    "clips",
    "feeds",
    "breadcrumbs",
    "crowd-judgements",
    "loaders",
)
"""Each is a folder of the data, and a module of this package with ``-`` as ``_``."""

_WIDTH = 300
"""Most characters of an input, an expectation or an answer that are printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subjects; return the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        for subject in _subjects(chosen.data, chosen.subject):
            _run(subject, chosen.data / subject, print_failing=chosen.failing)
    except BadDataError as error:
        print(f"bench.suites: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bench.suites",
        description="Count the cases of other projects' test suites that m5data passes: a line for each subject and "
        "kind, then a line for each subject.",
        epilog="This measures and judges nothing: the exit status is 0 however many cases fail, and 2 if the folder or "
        f"the subject is wrong. Subjects: {', '.join(SUBJECTS)}.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help=f"a folder a subject, with {CASES}")
    parser.add_argument("--subject", metavar="S", help="run this subject only")
    parser.add_argument("--failing", action="store_true", help="print each failing case: input, expected, got")
    return parser


def _subjects(data: Path, subject: str | None) -> list[str]:
    """Return the subjects to run: the named one, or all that have a folder.

    Raises:
        BadDataError: There is none.
    """
    if subject is not None and subject not in SUBJECTS:
        raise BadDataError(f"{subject!r} is no subject. The subjects are {', '.join(SUBJECTS)}.")
    if not data.is_dir():
        raise BadDataError(f"{data} is not a folder. Name the folder that holds the subjects' folders.")
    wanted = SUBJECTS if subject is None else (subject,)
    found = [name for name in wanted if (data / name / CASES).is_file()]
    missing = [name for name in wanted if name not in found]
    if not found:
        raise BadDataError(f"{data} has no {wanted[0] if subject else 'SUBJECT'}/{CASES}.")
    if missing:
        print(f"bench.suites: {data} has no {', '.join(missing)}", file=sys.stderr)
    return found


def _run(subject: str, folder: Path, *, print_failing: bool) -> None:
    """Run a subject and print its lines."""
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn of the damaged files that the cases are made of
        module = import_module(f"bench.suites.{subject.replace('-', '_')}")
        results: Callable[[Path], Iterator[Result]] = module.results
        for result in results(folder):
            total[result.kind] += 1
            passed[result.kind] += result.is_passed
            if print_failing and not result.is_passed:
                print(_failure(subject, result), flush=True)
    for kind, count in total.items():
        print(f"{subject} {kind} {passed[kind]}/{count}")
    print(f"{subject} {passed.total()}/{total.total()}", flush=True)


def _failure(subject: str, result: Result) -> str:
    parts = (("input", result.given), ("expected", result.expected), ("got", result.got))
    shown = "; ".join(f"{name} {_short(value)}" for name, value in parts)
    return f"FAIL {subject} {result.kind}, {result.case}: {shown}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    sys.exit(main())
