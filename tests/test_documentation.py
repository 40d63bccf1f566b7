"""Links of the pages lead to files and headings that exist, and the modules that they name are in the tree."""

import re
from pathlib import Path

import pytest

from tests.test_rooms import ROOMS, ROOT

PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")})
EXAMPLES = {"extract/digits_stage.py", "extract/reviews/__init__.py"}
"""Files that contributing tells its reader to write."""
_LINK = re.compile(r"\[[^]]*\]\((?!https?:|mailto:)([^)\s]+)\)")
_MODULE = re.compile(rf"`((?:{'|'.join(ROOMS)}|tests|bench)/[\w/]*(?:\.py|/))(?:::\w+)?`")
_CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and GitLab make them."""
    titles = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    found = []
    for link in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_every_page_is_named_by_the_readme() -> None:
    linked = {Path(link).name for link in _LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {page.name for page in PAGES} - linked == {"README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_that_a_page_names_exist(page: Path) -> None:
    named = set(_MODULE.findall(page.read_text(encoding="utf-8")))
    assert {name for name in named - EXAMPLES if not (ROOT / name).exists()} == set()
