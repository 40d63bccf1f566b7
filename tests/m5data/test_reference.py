"""docs/ is what the code says: every command, setting and column is documented there."""

from pathlib import Path

import pytest

from m5data.reference import pages

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run: python -m m5data.reference docs"
