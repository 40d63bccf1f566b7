"""Really Simple Licensing: the terms that an RSL document states for a URL.

Source: RSL 1.0 (rslstandard.org/rsl, Recommendation of 2025-11-06, with its errata): ``<content url>`` names what is
licensed by a path of RFC 9309 or a whole URL (3.3); ``<permits>`` and ``<prohibits>`` of type ``usage`` list uses, of
which ``all`` covers ``ai-all`` and ``search``, and ``ai-all`` covers ``ai-train``, ``ai-input`` and ``ai-index`` (3.4);
a licence that permits some uses permits no others (3.5); use is free if ``<payment>`` is left out (3.7); ``server``
asks for a licence from that server even if it is free. All terms that cover a URL apply together, and a prohibition
overrides a permission (3.1.1).

Conditions that this crawler cannot meet count as refusals: a payment, a licence server, a condition on who or where the
user is. An index for AI answers (``ai-index``) is not a separate purpose; forbidding it by name forbids search.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lxml import etree

from core.urls import absolute
from core.usage import Meaning, Verdict
from crawler.net.robots import matches, target_of

__all__ = ["MAX_LICENCE_BYTES", "REFUSED", "Content", "read_licence", "terms_for"]

MAX_LICENCE_BYTES = 262_144
"""Longest licence that is read; real ones have a few lines."""
_MAX_CONTENTS = 1_000
_LONGEST_SERVED = 2_000
REFUSED = Meaning("refused", "refused", "refused", "refused")

_COVERED_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ai-train": ("ai-train", "ai-all", "all"),
        "ai-input": ("ai-input", "ai-all", "all"),
        "search": ("search", "all"),
        "all": ("all",),
    }
)
"""Use that decides about a purpose -> the names of uses that cover it."""
_OLDER = MappingProxyType({"train-ai": "ai-train", "train-genai": "ai-train", "ai-use": "ai-input"})
"""Names of the drafts before 1.0."""
_FREE = frozenset({"free", "attribution"})


@dataclass(frozen=True, slots=True)
class _Licence:
    """One ``<license>``: uses by name; ``permits`` is None if it names none."""

    permits: frozenset[str] | None
    prohibits: frozenset[str]
    met: bool
    """Whether it is free and has no other conditions."""


@dataclass(frozen=True, slots=True)
class Content:
    """One ``<content>`` of a document."""

    pattern: str
    """Its ``url``; empty: the page that the document is part of."""
    licences: tuple[_Licence, ...]
    served: str
    """Its XML."""


def read_licence(text: str) -> tuple[Content, ...] | None:
    """Return the contents of an RSL document, or of a feed with RSL elements; None if it has none."""
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace")[:MAX_LICENCE_BYTES], parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    found = [_content(one) for one in root.iter("{*}content") if one.get("url") is not None]
    return tuple(found[:_MAX_CONTENTS]) or None


def terms_for(contents: Sequence[Content], url: str, licence_url: str = "") -> tuple[Meaning, str]:
    """Return the meaning of the terms that cover a URL, and their XML; all unknown and "" if none covers it.

    Only the most specific ``<content>`` grants; those that cover the URL more broadly can also prohibit.

    Args:
        contents: As returned by :func:`read_licence`.
        url: The page.
        licence_url: Where the document was found; empty: in the page.
    """
    covering = sorted(
        (one for one in contents if _covers(one.pattern, url, licence_url)), key=lambda one: -len(one.pattern)
    )
    if not covering:
        return Meaning(), ""
    most = [one for one in covering if len(one.pattern) == len(covering[0].pattern)]
    offers = [licence for one in most for licence in one.licences]
    prohibited = frozenset(word for one in covering for licence in one.licences for word in licence.prohibits)
    if "ai-index" in prohibited:
        prohibited |= {"search"}
    meaning = Meaning(*(_verdict(names, offers, prohibited) for names in _COVERED_BY.values()))
    return meaning, "\n".join(one.served for one in covering)[:_LONGEST_SERVED]


def _verdict(names: Sequence[str], offers: Sequence[_Licence], prohibited: frozenset[str]) -> Verdict:
    if prohibited.intersection(names):
        return "refused"
    if any(one.met and one.permits is not None and one.permits.intersection(names) for one in offers):
        return "allowed"
    if not offers or any(one.met and one.permits is None for one in offers):
        return "unknown"
    return "refused"  # every licence permits only other uses, or has a condition that cannot be met


def _covers(pattern: str, url: str, licence_url: str) -> bool:
    """Return whether a ``<content url>`` covers a page; a path belongs to the host that the licence is for."""
    if not pattern:
        return not licence_url  # section 4: only a licence in the page itself may leave the URL empty
    if pattern.startswith("/"):
        return matches(pattern, target_of(url))
    whole = absolute(licence_url or url, pattern) or pattern
    path = "/" + whole.split("/", 3)[3] if whole.count("/") >= 3 else "/"
    return _host(whole) == _host(url) and matches(path, target_of(url))


def _host(url: str) -> str:
    return url.split("/", 3)[2].lower() if url.count("/") >= 2 else ""


def _content(element: etree._Element) -> Content:
    served = etree.tostring(element, encoding="unicode", with_tail=False)
    unserved = not element.get("server")
    licences = tuple(_licence(one, unserved=unserved) for one in element.iter("{*}license"))
    return Content((element.get("url") or "").strip(), licences, " ".join(served.split()))


def _licence(element: etree._Element, *, unserved: bool) -> _Licence:
    payments = [(one.get("type") or "free").strip().lower() for one in element.iter("{*}payment")]
    limits = [one for tag in ("permits", "prohibits") for one in element.iter(f"{{*}}{tag}") if not _is_usage(one)]
    permits = [one for one in element.iter("{*}permits") if _is_usage(one)]
    met = unserved and not limits and (not payments or any(kind in _FREE for kind in payments))
    prohibits = (one for one in element.iter("{*}prohibits") if _is_usage(one))
    return _Licence(_words(permits) if permits else None, _words(prohibits), met)


def _is_usage(element: etree._Element) -> bool:
    return (element.get("type") or "usage").strip().lower() == "usage"


def _words(elements: Iterable[etree._Element]) -> frozenset[str]:
    words = (word for one in elements for word in (one.text or "").lower().replace(",", " ").split())
    return frozenset(_OLDER.get(word, word) for word in words)
