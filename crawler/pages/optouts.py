"""What a page says about being indexed, used for machine learning, or mined."""

from collections.abc import Collection, Mapping

from crawler.net.opt_outs import is_reserved, robots_tag_directives, split_directives
from crawler.pages.document import Document

__all__ = ["opt_outs", "page_opt_out"]


def opt_outs(document: Document, agent: str = "m5data") -> Mapping[str, str]:
    """Return the directives that a page sets for all crawlers, or for ``agent`` by name.

    ``none`` counts as ``noindex`` and ``nofollow``; a text-and-data-mining reservation as
    ``tdm-reservation``. Which of them forbid what is the caller's to decide.

    Returns:
        Directive in lower case -> where it stood: ``header x-robots-tag``, ``meta robots``,
        ``meta <agent>``, ``header tdm-reservation`` or ``meta tdm-reservation``.
    """
    found: dict[str, str] = {}
    for directive in robots_tag_directives(document.headers.get("x-robots-tag", ""), agent.lower()):
        found.setdefault(directive, "header x-robots-tag")
    for name in ("robots", agent.lower()):
        for content in document.meta.get(name, ()):
            for directive in split_directives(content):
                found.setdefault(directive, f"meta {name}")
    if is_reserved(document.headers.get("tdm-reservation", "")):
        found["tdm-reservation"] = "header tdm-reservation"
    elif any(is_reserved(content) for content in document.meta.get("tdm-reservation", ())):
        found["tdm-reservation"] = "meta tdm-reservation"
    return found


def page_opt_out(document: Document, agent: str, honoured: Collection[str]) -> str | None:
    """Return where and how a page opts out, e.g. ``meta robots: noai``; None where it does not.

    Args:
        document: the page, with its headers.
        agent: the crawler's name; directives for other crawlers do not count.
        honoured: the directives that keep a page out.
    """
    said = opt_outs(document, agent)
    return next((f"{said[word]}: {word}" for word in sorted(said) if word in honoured), None)
