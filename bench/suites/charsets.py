"""Subject charsets: the text of bytes, as a browser shows them."""

import base64
from collections.abc import Iterator
from pathlib import Path

from bench.suites.cases import Case, Result, judge, read_cases
from core.texts import decode_html


def _decode(body: bytes, content_type: str) -> str:
    """Return the text of a page."""
    return decode_html(body, content_type).text


_AROUND = 20
"""Characters shown of a text, from the first that differs."""


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        given = {name: case[name] for name in ("file", "content_type", "encoding") if name in case}
        yield judge(case["kind"], case, given, _judged, folder, case)


def _judged(folder: Path, case: Case) -> tuple[object, object, bool]:
    if "file" in case:
        body = (folder / case["file"]).read_bytes()
        expected = body.decode(case["encoding"], "replace")
    else:
        body, expected = base64.b64decode(case["body_base64"]), case["text"]
    expected = expected.removeprefix("\ufeff")
    got = _decode(body, case.get("content_type", "")).removeprefix("\ufeff")
    at = next((i for i, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), min(len(got), len(expected)))
    return expected[at : at + _AROUND], got[at : at + _AROUND], got == expected
