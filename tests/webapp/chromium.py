"""The Chromium for browser tests: Debian's, or the one installed by Playwright.

``python -m tests.webapp.chromium`` prints its path, and exits with 1 if there is none.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

__all__ = ["find_chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """Return the program's path, or None if there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


if __name__ == "__main__":
    path = find_chromium()
    print(path or "no Chromium")
    sys.exit(path is None)
