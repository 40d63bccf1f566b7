"""The ``Referer`` of a request for a media file, as a browser that shows the page sends it."""

from core.urls import split_url

__all__ = ["referrer"]

_MAX_LENGTH = 4096
"""Characters above which only the origin is sent (Referrer Policy, 8.3, step 6)."""


def referrer(page: str, url: str) -> str | None:
    """Return the value of ``Referer`` by the policy ``strict-origin-when-cross-origin``, the default of browsers.

    The page's own origin gets its address, other origins get its origin, and plain http gets nothing of a page that
    was loaded over https (Referrer Policy, 3.7). Unlike a browser, the address is sent without its query, which may
    hold a session or a visitor's name; servers compare the host.

    Args:
        page: URL of the page; empty: unknown.
        url: URL of the request; after a redirect, its target.
    """
    source, target = split_url(page), split_url(url)
    if source is None or target is None or source.scheme not in ("http", "https"):
        return None
    if (source.scheme, target.scheme) == ("https", "http"):
        return None
    authority = source.authority.rpartition("@")[2]
    origin = f"{source.scheme}://{authority}/"
    if (source.scheme, authority) != (target.scheme, target.authority.rpartition("@")[2]):
        return origin
    address = origin + source.target.partition("?")[0].partition("#")[0].removeprefix("/")
    return address if len(address) <= _MAX_LENGTH else origin
