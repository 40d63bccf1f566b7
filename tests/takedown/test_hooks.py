"""Every package's ``takedown`` module is a hook, as mypy checks here, and is registered."""

import crawler.takedown
import export.takedown
import flows.takedown
import splits.takedown
from takedown.plan import PageHook, TakedownHook, hooks, page_hook

PAGES: PageHook = crawler.takedown
HOOKS: tuple[TakedownHook, ...] = (PAGES, splits.takedown, export.takedown, flows.takedown)


def test_the_registered_hooks_are_those_of_the_rooms() -> None:
    assert hooks() == HOOKS
    assert page_hook() is PAGES
