"""Where to go from here: the addresses that a page or a sitemap adds to the frontier."""

from collections.abc import Collection

from crawler.pages.document import Document
from crawler.pages.links import canonical_url, links, next_link, opt_outs
from crawler.pages.urls import normalise
from crawler.scope import Scope
from crawler.sitemaps import Sitemap, sitemap_urls
from crawler.visits import Found, Task

__all__ = ["links_of_page", "links_of_sitemap", "redirected", "repeats"]

_MAX_REPEATS = 3
_MAX_SITEMAP_DEPTH = 3
_MAX_LINKS = 5_000
"""Links taken from one page at most; real listings have a few hundred."""


def links_of_page(document: Document, task: Task, scope: Scope, agent: str) -> tuple[Found, ...]:
    """Return where a page leads within its source, in page order, each address once.

    The next page of a listing is no step deeper and comes before other links. Links marked
    nofollow, and all links of a page marked so, are left alone.
    """
    if "nofollow" in opt_outs(document, agent):
        return ()
    found: dict[str, Found] = {}
    following = _spell(next_link(document), document)
    if following and scope.holds(following):
        found[following] = Found(following, rank=2, depth=task.depth, chain=task.chain + 1)
    canonical = _spell(canonical_url(document), document)
    if canonical and scope.holds(canonical):
        found.setdefault(canonical, Found(canonical, depth=task.depth + 1))
    for link in links(document)[:_MAX_LINKS]:
        url = None if link.nofollow else _spell(link.url, document)
        if url and scope.follows(url):
            trap = ("trap", "path repeats itself") if repeats(url) else (None, "")
            found.setdefault(url, Found(url, depth=task.depth + 1, refused=trap[0], detail=trap[1]))
    found.pop(task.url, None)
    return tuple(found.values())


def links_of_sitemap(sitemap: Sitemap, task: Task, scope: Scope) -> tuple[Found, ...]:
    """Return the pages and further files that a sitemap lists; those of other hosts are refused as ``offsite``."""
    pages = (
        Found(url, depth=1, listed=True, listed_in=task.url, modified=sitemap.modified.get(text))
        if scope.holds(url)
        else Found(url, depth=1, refused="offsite", detail=f"listed in {task.url}; its host is not the source's")
        for url, text in sitemap_urls(sitemap.urls, task.url, scope).items()
    )
    deep = "too_deep" if task.depth >= _MAX_SITEMAP_DEPTH else None
    files = (
        Found(url, kind="sitemap", rank=0, depth=task.depth + 1, refused=deep)
        for url in sitemap_urls(sitemap.sitemaps, task.url, scope)
        if scope.holds(url)
    )
    return (*files, *pages)


def redirected(task: Task, location: str, scope: Scope, max_redirects: int) -> Found | str:
    """Return the address that a redirect leads to, or the reason why it is not followed.

    Reasons: ``bad_redirect``, ``bad_scheme``, ``offsite``, ``redirect_loop``.
    """
    target = normalise(location, task.url)
    if target is None:
        scheme = location.partition(":")[0].lower() if ":" in location else ""
        return "bad_scheme" if scheme.isalpha() and scheme not in {"http", "https"} else "bad_redirect"
    if target == task.url or task.hops >= max_redirects:
        return "redirect_loop"
    if not scope.holds(target):
        return "offsite"
    return Found(target, task.kind, task.rank, task.depth, task.hops + 1, task.chain, task.listed)


def repeats(url: str) -> bool:
    """Tell an address whose path says the same again and again, as broken relative links make it."""
    segments = [segment for segment in url.split("?", 1)[0].split("/")[3:] if segment]
    return _most(segments) > _MAX_REPEATS


def _most(words: Collection[str]) -> int:
    return max((list(words).count(word) for word in set(words)), default=0)


def _spell(url: str | None, document: Document) -> str | None:
    return normalise(url, encoding=document.encoding) if url else None
