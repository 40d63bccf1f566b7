"""What was taken down and must not come back, as the stages of this room ask for it."""

from dataclasses import replace

from crawler.crawl.visits import Visit
from crawler.page_scrub import scrub_page
from crawler.workspace_key import load_or_create_key
from storage import Store
from storage.takedown import Register

__all__ = ["Withhold", "open_register"]


def open_register(store: Store) -> Register:
    """Open the register of a workspace."""
    return Register.open(store.state, load_or_create_key(store.root))


class Withhold:
    """Takes what was taken down out of an answer, before anything of it is stored.

    Args:
        register: What was taken down.
    """

    def __init__(self, register: Register) -> None:
        self._register = register

    def __call__(self, visit: Visit, body: bytes | None) -> tuple[Visit, bytes | None]:
        """Return a visit and its page without what was taken down.

        An address that leads to it, by redirect or canonical address, becomes ``absent``: nothing is
        stored of its page. Links to it are not followed, and not kept in the page.
        """
        if not self._register:
            return visit, body
        if self.is_tombstoned(visit.redirect_to) or self.is_tombstoned(visit.canonical):
            return Visit(visit.task, "absent", http_status=visit.http_status, forget=True, kind=visit.kind), None
        found = tuple(item for item in visit.found if not self.is_tombstoned(item.url))
        clean = None if body is None else scrub_page(body, visit.task.url, self.is_tombstoned)
        return replace(visit, found=found), clean

    def is_tombstoned(self, url: str | None) -> bool:
        """Tell whether an address was taken down."""
        return self._register.holds("url", url)
