"""The browser fixture of tests/webapp."""

from tests.webapp.conftest import browser

__all__ = ["browser"]
