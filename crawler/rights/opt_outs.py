"""Directives of a page to crawlers: robots tags and text-and-data-mining reservations."""

from collections.abc import Collection, Mapping

from crawler.net.robots import is_reserved, robots_tag_directives, split_directives
from reader.document import Document

__all__ = ["opt_outs", "page_opt_out"]


def opt_outs(document: Document, agent: str = "m5data") -> Mapping[str, str]:
    """Return the directives that a page sets for all crawlers, or for ``agent`` by name.

    ``none`` counts as ``noindex`` and ``nofollow``; a text-and-data-mining reservation as
    ``tdm-reservation``. The caller decides which directives forbid what.

    Returns:
        Directive in lower case -> its place: ``header x-robots-tag``, ``meta x-robots-tag``, ``meta robots``,
        ``meta <agent>``, ``header tdm-reservation`` or ``meta tdm-reservation``.
    """
    found: dict[str, str] = {}
    for directive in robots_tag_directives(document.headers.get("x-robots-tag", "").split("\n"), agent):
        found.setdefault(directive, "header x-robots-tag")
    for directive in robots_tag_directives(_in_place_of_header(document, "x-robots-tag"), agent):
        found.setdefault(directive, "meta x-robots-tag")
    for name in ("robots", agent.lower()):
        for content in document.meta.get(name, ()):
            for directive in split_directives(content):
                found.setdefault(directive, f"meta {name}")
    if is_reserved(document.headers.get("tdm-reservation", "").split("\n")):
        found["tdm-reservation"] = "header tdm-reservation"
    elif is_reserved((*document.meta.get("tdm-reservation", ()), *_in_place_of_header(document, "tdm-reservation"))):
        found["tdm-reservation"] = "meta tdm-reservation"
    return found


def _in_place_of_header(document: Document, name: str) -> list[str]:
    """Return the contents of ``<meta http-equiv=...>`` of a name: shops without access to headers write them so."""
    elements = document.tree.iter("meta")
    return [one.get("content") or "" for one in elements if (one.get("http-equiv") or "").strip().lower() == name]


def page_opt_out(document: Document, agent: str, honoured: Collection[str]) -> str | None:
    """Return the place and directive of an opt-out, e.g. ``meta robots: noai``, or None.

    Args:
        document: The page with its headers.
        agent: Name of the crawler. Directives for other crawlers do not count.
        honoured: Directives that keep a page out.
    """
    said = opt_outs(document, agent)
    return next((f"{said[word]}: {word}" for word in sorted(said) if word in honoured), None)
