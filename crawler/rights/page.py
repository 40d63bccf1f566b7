"""The usage signals of one response: its status, its headers and its page."""

import json
import re
from collections.abc import Mapping

from core.urls import absolute
from crawler.rights.opt_outs import opt_outs
from crawler.rights.signals import DIRECTIVES, Statement
from reader.document import Document

__all__ = ["from_json", "header_statements", "page_statements", "renewed", "to_json", "unpaid"]

_RSL = "application/rsl+xml"
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s\";,]+))?)*)")
_PARAMETER = re.compile(r";\s*([\w*-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))")
_MAX = 20
"""Most statements kept per page; real ones have one or two."""
_PRICES = ("crawler-price", "crawler-error", "www-authenticate")
_LONGEST = 4_096
_LONGEST_LICENCE = 8_192
"""Most characters of a licence in a page; a longer one is cut, cannot be read and so refuses everything."""


def header_statements(headers: Mapping[str, str], url: str) -> list[Statement]:
    """Return the usage signals in the headers of a response.

    Content-Usage follows draft-ietf-aipref-attach-05, section 2; so does Content-Signal, as Cloudflare serves it; Link
    with ``rel="license"`` and the type of RSL follows RSL 1.0, section 4.5.

    Args:
        headers: As returned by :func:`reader.document.headers_by_name`.
        url: URL of the response, against which links are resolved.
    """
    found = [
        Statement(name, "header", ", ".join(headers[name].split("\n")).strip()[:_LONGEST])
        for name in ("content-usage", "content-signal")
        if headers.get(name, "").strip()
    ]
    linked = (absolute(url, target) or target for target in _linked(headers.get("link", "")))
    return [*found, *(Statement("rsl", "link header", licence) for licence in linked)]


def page_statements(document: Document, agent: str) -> list[Statement]:
    """Return the usage signals of a page and its headers: directives to robots, and licences in or linked from it.

    Licences follow RSL 1.0, section 4.6: ``<link rel="license">`` and ``<script>`` with the type of RSL. Licences of
    other types, such as Creative Commons, are texts for people and are ignored.
    """
    found = header_statements(document.headers, document.url)
    said = opt_outs(document, agent)
    found += [Statement(word, said[word], word) for word in sorted(said) if word in DIRECTIVES]  # type: ignore[arg-type]
    for element in document.tree.iter("link", "script"):
        if (element.get("type") or "").strip().lower() != _RSL:
            continue
        if element.tag == "script":
            found.append(Statement("rsl", "page", (element.text or "").strip()[:_LONGEST_LICENCE]))
        elif "license" in (element.get("rel") or "").lower().split() and (
            url := document.absolute(element.get("href") or "")
        ):
            found.append(Statement("rsl", "link", url))
    return list(dict.fromkeys(found))[:_MAX]


def unpaid(known: str | None, headers: Mapping[str, str]) -> str:
    """Return the signals of a page known from earlier visits, plus a 402 response with its reason.

    Cloudflare's Pay Per Crawl sends ``crawler-price`` and ``crawler-error``, RSL 1.0 ``WWW-Authenticate: License``.
    """
    reasons = [f"{name}: {' '.join(headers[name].split())[:200]}" for name in _PRICES if headers.get(name)]
    kept = [one for one in from_json(known) if one.name != "http-402"]
    return to_json([*kept, Statement("http-402", "status", "; ".join(["402", *reasons]))])


def renewed(known: str | None, headers: Mapping[str, str], url: str) -> str | None:
    """Return the signals of a page that is unchanged (status 304); None if they are unchanged, too.

    A 304 may omit headers; those that it sends replace the known signals of their kind.
    """
    before, news = from_json(known), header_statements(headers, url)
    sent = {(one.name, one.place) for one in news} | {("http-402", "status")}
    after = [*(one for one in before if (one.name, one.place) not in sent), *news]
    return None if after == before else to_json(after)


def to_json(statements: list[Statement]) -> str:
    """Return statements as stored in the frontier."""
    return json.dumps(statements, ensure_ascii=False)


def from_json(text: str | None) -> list[Statement]:
    """Return statements from the frontier."""
    return [Statement(*one) for one in json.loads(text)] if text else []


def _linked(value: str) -> list[str]:
    """Return the targets of a Link header (RFC 8288) that are RSL licences."""
    found = []
    for url, text in _LINK.findall(value[:_LONGEST]):
        parameters = {name.lower(): (quoted or plain).lower() for name, quoted, plain in _PARAMETER.findall(text)}
        if parameters.get("type") == _RSL and "license" in parameters.get("rel", "").split():
            found.append(url.strip())
    return found
