"""Pure functions from a response to the visit of its URL and the URLs that it adds to the frontier."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from core.errors import PageError
from core.urls import escape_location, normalise
from crawler.crawl.languages import alternates, page_language, sitemap_languages
from crawler.crawl.scope import Scope, web_host, without_order
from crawler.crawl.sitemaps import MAX_URLS, Sitemap, looks_like_sitemap, read_sitemap, sitemap_urls
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.net.client import Fetched
from crawler.net.http_policy import status_reason
from crawler.rights.opt_outs import opt_outs, page_opt_out
from crawler.rights.page import from_json, page_statements, renewed, to_json, unpaid
from reader.document import Document, canonical_url, headers_by_name, read_document
from reader.links import links, next_link, refresh_target

__all__ = [
    "PageRules",
    "kept_headers",
    "links_of_page",
    "links_of_sitemap",
    "read_response",
    "redirected",
    "repeats",
]

_KEPT_HEADERS = ("content-type", "etag", "last-modified", "x-robots-tag", "tdm-reservation", "link")
_SIGNAL_HEADERS = ("content-usage", "content-signal", "link", "crawler-price", "crawler-error", "www-authenticate")
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_UNSAID_TYPES = frozenset({"", "text/plain", "application/octet-stream", "application/xml", "text/xml"})
_SNIFFED_BYTES = 1_024


_MAX_REPEATS = 3
_MAX_SITEMAP_DEPTH = 3
_MAX_LINKS = 5_000
"""Most links taken from one page; real listings have a few hundred."""


@dataclass(frozen=True, slots=True)
class PageRules:
    """Scope and rules by which the responses of a source are read."""

    scope: Scope
    agent: str
    opt_outs: Collection[str]
    max_redirects: int
    max_sitemap_bytes: int


def read_response(task: CrawlTask, response: Fetched, rules: PageRules) -> tuple[Visit, bytes | None]:
    """Return the visit that a response results in, and the body to store.

    A sitemap that nothing names, requested at its usual location, is ``absent`` if it cannot be fetched.
    Reasons: those of a status (:func:`crawler.net.http_policy.status_reason`), ``redirect`` and those of a redirect
    that is not followed (:func:`crawler.crawl.responses.redirected`), ``not_html``, ``opt_out``, ``broken_sitemap``,
    and those of a page that cannot be parsed.

    Returns:
        The visit, its ``page_sha256`` still to be filled in, and the body to store (None: nothing).
    """
    status = response.status
    body: bytes | None
    if status == 304 and task.page_sha256:
        signals = renewed(task.signals, _named(response, _SIGNAL_HEADERS), task.url)
        return Visit(task, "done", http_status=304, kind=task.kind, signals=signals), None
    if 300 <= status < 400:
        visit, body = _redirect(task, response, rules), None
    elif status != 200:
        visit, body = _failed(task, response), None
    elif task.kind == "sitemap" or looks_like_sitemap(response.body):
        visit, body = _sitemap(task, response, rules)
    else:
        visit, body = _page(task, response, rules)
    guessed = task.kind == "sitemap" and not task.listed and task.depth == 0
    if guessed and visit.state == "failed":
        return replace(visit, state="absent", reason=None), None
    return visit, body


def _failed(task: CrawlTask, response: Fetched) -> Visit:
    status, signals = response.status, None
    detail = f"HTTP status {status}"
    if status == 402:
        signals = unpaid(task.signals, _named(response, _SIGNAL_HEADERS))
        detail = f"HTTP status {from_json(signals)[-1].served}"
    return Visit(task, "failed", status_reason(status), detail, status, kind=task.kind, signals=signals)


def _redirect(task: CrawlTask, response: Fetched, rules: PageRules) -> Visit:
    location = response.header("location")
    target = redirected(task, location, rules.scope, rules.max_redirects)
    where = " ".join(escape_location(location).split())[:300]
    if isinstance(target, str):
        return Visit(task, "failed", target, f"to {where or 'nowhere'}", response.status, kind=task.kind)
    return Visit(
        task, "redirected", "redirect", f"to {target.url}", response.status,
        forget=True, redirect_to=target.url, kind=task.kind, found=(target,),
    )  # fmt: skip


def _sitemap(task: CrawlTask, response: Fetched, rules: PageRules) -> tuple[Visit, bytes | None]:
    try:
        sitemap = read_sitemap(response.body, rules.max_sitemap_bytes, response.header("content-type"))
        if not sitemap.urls and not sitemap.sitemaps and not looks_like_sitemap(response.body):
            raise ValueError("the response is not a sitemap")  # noqa: TRY301  one way out for both
    except ValueError as error:
        return Visit(task, "failed", "broken_sitemap", str(error), response.status, kind="sitemap"), None
    found = links_of_sitemap(sitemap, task, rules.scope)
    return Visit(task, "done", http_status=200, headers=_kept(response), kind="sitemap", found=found), response.body


def _page(task: CrawlTask, response: Fetched, rules: PageRules) -> tuple[Visit, bytes | None]:
    if not _is_html(response):
        mime = response.header("content-type")[:100] or "no content type"
        return Visit(task, "failed", "not_html", f"not an HTML page: {mime}", 200), None
    try:
        document = read_document(response.body, task.url, response.headers)
    except PageError as error:
        return Visit(task, "failed", error.reason, str(error), 200), None
    found = links_of_page(document, task, rules.scope, rules.agent)
    signals = to_json(page_statements(document, rules.agent))
    said = page_opt_out(document, rules.agent, rules.opt_outs)
    if said:
        return Visit(task, "skipped", "opt_out", said, 200, forget=True, found=found, signals=signals), None
    visit = Visit(
        task, "done", http_status=200, headers=_kept(response), canonical=canonical_url(document),
        content=_content(document), language=page_language(document), found=found, signals=signals,
    )  # fmt: skip
    return visit, response.body


_SHOWN = "//body//node()[self::img[@src] or self::text()[not(parent::script or parent::style)]]"
"""Text and images in one step: libxml2 takes quadratic time for a union of two."""


def _content(document: Document) -> str | None:
    """Return a hash of the visible text, images and title of a page; None if it shows nothing.

    Pages that are filled by script look alike but for their titles.
    """
    shown = document.tree.xpath(_SHOWN)
    words = (one if isinstance(one, str) else one.get("src", "") for one in shown)
    text = " ".join(word for one in words for word in one.split())
    text = f"{document.tree.findtext('.//title') or ''} {text}".strip() if text else ""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] if text else None


def _is_html(response: Fetched) -> bool:
    mime = response.header("content-type").partition(";")[0].strip().lower()
    if mime in _HTML_TYPES:
        return True
    head = response.body[:_SNIFFED_BYTES].lower()
    return mime in _UNSAID_TYPES and (b"<html" in head or b"<!doctype html" in head)


def _kept(response: Fetched) -> dict[str, str]:
    return kept_headers(response.headers)


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers that later readings of the page need (:func:`reader.document.headers_by_name`)."""
    return _of(headers, _KEPT_HEADERS)


def _named(response: Fetched, names: Collection[str]) -> dict[str, str]:
    return _of(response.headers, names)


def _of(headers: Iterable[tuple[str, str]], names: Collection[str]) -> dict[str, str]:
    return headers_by_name((name, value) for name, value in headers if name.lower() in names)


def links_of_page(document: Document, task: CrawlTask, scope: Scope, agent: str) -> tuple[Found, ...]:
    """Return the links of a page within its source, in page order, each URL once.

    The next page of a listing, and the page that this one leads to by itself, are no step deeper. Versions of the page
    in other languages count as links, with their language. Links that are not worth a request, or marked nofollow as
    all links of a page can be, are refused with the reason.
    """
    closed = "nofollow" in opt_outs(document, agent)
    found = {} if closed else _stated(document, task, scope)
    every = links(document)
    for link in every[:_MAX_LINKS]:
        if url := _spell(link.url, document):
            item = _linked(url, task, scope, nofollow=closed or link.nofollow)
            found.setdefault(item.url, item)
    if (rest := every[_MAX_LINKS:]) and (url := _spell(rest[0].url, document)):
        detail = f"{task.url} has {len(every):,} links, of which {_MAX_LINKS:,} are taken"
        found.setdefault(url, Found(url, depth=task.depth + 1, refused="trap", detail=detail))
    return tuple(item for url, item in found.items() if url != task.url or item.language)


def _stated(document: Document, task: CrawlTask, scope: Scope) -> dict[str, Found]:
    """Return the URLs that a page states about itself: versions in other languages, next page, canonical, refresh."""
    found: dict[str, Found] = {}
    for text, tag in alternates(document).items():
        url = _spell(text, document)
        if url and scope.holds(url) and scope.allows(url):
            found[url] = Found(url, rank=scope.rank(url), depth=task.depth, language=tag)
    following = _spell(next_link(document), document)
    if following and scope.holds(following) and scope.allows(following):
        found[following] = Found(following, rank=3, depth=task.depth, chain=task.chain + 1)
    canonical = _spell(canonical_url(document), document)
    if canonical and scope.holds(canonical) and scope.allows(canonical):
        found.setdefault(canonical, Found(canonical, rank=scope.rank(canonical), depth=task.depth + 1))
    if target := _spell(refresh_target(document), document):
        found.setdefault(target, _refreshed(target, task, scope))
    return found


def _linked(url: str, task: CrawlTask, scope: Scope, *, nofollow: bool) -> Found:
    """Return a link, refused if it is not worth a request.

    Links to other hosts are counted once a host: pages have any number of them, such as buttons to share the page.
    """
    depth = task.depth + 1
    if refusal := scope.refusal(url):
        reason, detail = refusal
        place = f"https://{web_host(url)}/" if reason == "other_host" else url
        return Found(place, depth=depth, refused=reason, detail=detail)
    if nofollow:
        return Found(url, depth=depth, refused="nofollow", detail="the shop asks crawlers not to follow this link")
    if repeats(url):
        return Found(url, rank=scope.rank(url), depth=depth, refused="trap", detail="path repeats itself")
    return Found(url, rank=scope.rank(url), depth=depth)


def _refreshed(url: str, task: CrawlTask, scope: Scope) -> Found:
    """Return the URL that a page leads to by itself: no step deeper, as after a redirect."""
    if scope.holds(url):
        return Found(url, rank=scope.rank(url), depth=task.depth)
    detail = f"{task.url} leads to it by itself (meta refresh); its host is not the source's"
    return Found(url, depth=task.depth, refused="offsite", detail=detail)


def links_of_sitemap(sitemap: Sitemap, task: CrawlTask, scope: Scope) -> tuple[Found, ...]:
    """Return the pages and sitemaps that a sitemap lists.

    Pages and sitemaps of other hosts are refused as ``offsite``, pages that the settings do not follow as
    ``not_followed``, and the rest of an endless file as ``trap``.
    """
    pages = (
        _listed(url, text, sitemap, task, scope) for url, text in sitemap_urls(sitemap.urls, task.url, scope).items()
    )
    names = sitemap_urls(sitemap.sitemaps, task.url, scope)
    variants = sitemap_languages(names)
    files = (_further(url, variants.get(url), task, scope) for url in names)
    detail = f"{task.url} lists more URLs than the {MAX_URLS:,} that are read of one file. Split it."
    rest = normalise(sitemap.first_left_out, task.url) if sitemap.first_left_out else None
    return (*files, *pages, *([Found(rest, depth=1, refused="trap", detail=detail)] if rest else []))


def _further(url: str, language: str | None, task: CrawlTask, scope: Scope) -> Found:
    """Return a file that an index lists: of the source's hosts, or of the index's own."""
    refused, detail = ("too_deep" if task.depth >= _MAX_SITEMAP_DEPTH else None), ""
    if not scope.holds(url) and web_host(url) != web_host(task.url):
        refused, detail = "offsite", f"listed in {task.url}; its host is neither the source's nor that sitemap's"
    return Found(url, kind="sitemap", rank=1, depth=task.depth + 1, language=language, refused=refused, detail=detail)


def _listed(url: str, text: str, sitemap: Sitemap, task: CrawlTask, scope: Scope) -> Found:
    if not scope.holds(url):
        return Found(url, depth=1, refused="offsite", detail=f"listed in {task.url}; its host is not the source's")
    if not scope.allows(url):
        detail = f"listed in {task.url}; it matches neither follow nor product_urls"
        return Found(url, depth=1, refused="not_followed", detail=detail)
    return Found(
        url, rank=scope.rank(url, listed=True), depth=1, listed=True, listed_in=task.url,
        modified=sitemap.modified.get(text), language=sitemap.languages.get(text),
    )  # fmt: skip


def redirected(task: CrawlTask, location: str, scope: Scope, max_redirects: int) -> Found | str:
    """Return the URL that a redirect leads to, or the reason why it is not followed.

    Reasons: ``bad_redirect``, ``bad_scheme``, ``offsite``, ``redirect_loop``.

    Args:
        task: the request that was answered.
        location: the header, as the client decodes it.
        scope: hosts that may be requested.
        max_redirects: most redirects in a row.
    """
    target = normalise(escape_location(location), task.url)
    if target is None:
        scheme = location.partition(":")[0].lower() if ":" in location else ""
        return "bad_scheme" if scheme.isalpha() and scheme not in {"http", "https"} else "bad_redirect"
    if target == task.url or task.hops >= max_redirects:
        return "redirect_loop"
    if not scope.holds(target) and not (task.kind == "sitemap" and web_host(target) == web_host(task.url)):
        return "offsite"
    return Found(target, task.kind, task.rank, task.depth, task.hops + 1, task.chain, task.listed)


def repeats(url: str) -> bool:
    """Return whether the path of a URL repeats itself, as caused by broken relative links."""
    segments = [segment for segment in url.split("?", 1)[0].split("/")[3:] if segment]
    return _most(segments) > _MAX_REPEATS


def _most(words: Collection[str]) -> int:
    return max((list(words).count(word) for word in set(words)), default=0)


def _spell(url: str | None, document: Document) -> str | None:
    spelling = normalise(url, encoding=document.encoding) if url else None
    return without_order(spelling) if spelling else None
