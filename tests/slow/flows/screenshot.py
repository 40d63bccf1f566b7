"""Screenshots of Prefect's pages with Debian's Chromium."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

__all__ = ["take_screenshot"]

_SIZE = {"width": 1280, "height": 900}
_SETTLED_MS = 6000


def take_screenshot(url: str, path: Path) -> None:
    """Open a page, wait until it is rendered, and write a screenshot to ``path``."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=_SIZE)  # type: ignore[arg-type]
        page.goto(url)
        page.wait_for_timeout(_SETTLED_MS)
        page.screenshot(path=str(path))
        browser.close()
