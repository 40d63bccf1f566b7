"""docs/ agrees with the code: every command, setting and column is documented there."""

from pathlib import Path

import pytest

from tests.reference import pages

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run: python -m tests.reference docs"
