"""The languages of a shop: that of a URL or a page, and those that are crawled."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from reader.document import Document

__all__ = ["Languages", "alternates", "language_tag", "page_language", "sitemap_languages", "url_language"]

_CODES = (
    " aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de "
    "dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id "
    "ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu "
    "lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu "
    "rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr "
    "ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
)
"""ISO 639-1."""
_TAG = re.compile(r"([a-z]{2})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?", re.IGNORECASE)
_PARAMETERS = frozenset({"lang", "language", "locale", "hl"})
_WORDS = re.compile(r"[^-_./]+")


def language_tag(text: str) -> str | None:
    """Return a language tag in normal form (``pt-br``); None if the text is not one."""
    found = _TAG.fullmatch(text.strip())
    if not found or f" {found[1].lower()} " not in _CODES:
        return None
    return "-".join(part.lower() for part in found.groups() if part)


def url_language(url: str) -> str | None:
    """Return the language that a URL names, as the first segment of its path or in a parameter such as ``lang``."""
    parts = urlsplit(url)
    first = parts.path.lstrip("/").partition("/")[0]
    if tag := language_tag(first):
        return tag
    said = (value for name, value in parse_qsl(parts.query) if name.lower() in _PARAMETERS)
    return next((tag for value in said if (tag := language_tag(value))), None)


def sitemap_languages(files: Iterable[str]) -> dict[str, str]:
    """Return the language of each sitemap of an index whose name differs from another's only in its language."""
    variants: dict[str, dict[str, str]] = {}
    for url in files:
        for rest, tag in _without_tags(url):
            variants.setdefault(rest, {})[url] = tag
    return {url: tag for found in variants.values() if len(set(found.values())) > 1 for url, tag in found.items()}


def _without_tags(url: str) -> Iterable[tuple[str, str]]:
    """Yield, for each language tag in a URL's path, the path without it and the tag."""
    path = urlsplit(url).path
    words = list(_WORDS.finditer(path))
    for word, following in zip(words, [*words[1:], None], strict=True):
        ends = [following.end()] if following else []
        for end in (*ends, word.end()):
            if tag := language_tag(path[word.start() : end]):
                yield f"{path[: word.start()]}*{path[end:]}", tag
                break


def page_language(document: Document) -> str | None:
    """Return the language that a page declares."""
    return language_tag(
        document.tree.get("lang") or document.tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    )


def alternates(document: Document) -> dict[str, str]:
    """Return the URLs of a page's versions in several languages (``hreflang``) -> language."""
    found: dict[str, str] = {}
    for link in document.tree.iter("link"):
        if "alternate" in (link.get("rel") or "").lower().split():
            tag = language_tag(link.get("hreflang") or "")
            url = document.absolute(link.get("href") or "") if tag else None
            if url and tag:
                found[url] = tag
    return found


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages of one source: those that are crawled, and what is known about the others.

    One page per product is enough, so ``taken`` defaults to the language of the first start page.
    """

    taken: tuple[str, ...] = ()
    """Languages that are crawled; empty: not known yet, and every page is crawled."""
    chosen: bool = False
    """Whether the settings name them."""
    in_urls: bool = False
    """Whether all URLs of the shop name their language, so that one that names another language is in it."""
    others: frozenset[str] = frozenset()
    """Known other languages, for shops where only the URLs of these name a language."""

    @classmethod
    def of(cls, chosen: Iterable[str], learnt: Mapping[str, object] | None) -> Self:
        """Return the languages chosen by the settings, with what an earlier run has learnt."""
        kept = learnt or {}
        taken = tuple(chosen)
        others = kept.get("others")
        found = cls(
            taken, bool(taken), bool(kept.get("in_urls")), frozenset(others if isinstance(others, list) else ())
        )
        before = kept.get("taken")
        return found if taken or not isinstance(before, list) else replace(found, taken=tuple(before))

    def learnt(self) -> dict[str, object]:
        """Return the findings that a later run needs, as JSON."""
        return {"taken": list(self.taken), "in_urls": self.in_urls, "others": sorted(self.others)}

    def takes(self, tag: str) -> bool:
        """Return whether pages in a language are crawled; ``en`` matches ``en-gb``, and vice versa."""
        return not self.taken or any(_agree(tag, one) for one in self.taken)

    def refuses(self, url: str) -> bool:
        """Return whether a URL is known to be in a language that is not crawled."""
        tag = url_language(url)
        return tag is not None and not self.takes(tag) and (self.in_urls or tag in self.others)

    def start_from(self, url: str, said: str | None) -> "Languages":
        """Return these languages, updated from the start page.

        Args:
            url: Its URL, after redirects.
            said: The language that it declares. On an English page, a segment ``it`` is a department.
        """
        tag = url_language(url)
        if tag and said and not _agree(tag, said):
            tag = None
        taken = self.taken or ((tag or said or "",) if tag or said else ())
        return replace(self, taken=taken, in_urls=self.in_urls or (tag is not None and tag in taken))

    def learn(self, tags: Iterable[str]) -> "Languages":
        """Return these languages with those that URLs name added to ``others``."""
        new = {tag for tag in tags if self.taken and not self.takes(tag)} - self.others
        return replace(self, others=self.others | new) if new else self

    def excludes(self, url: str, said: str | None, spoken: Mapping[str, str]) -> bool:
        """Return whether a page is in a language that is not crawled.

        A page that only declares it in its ``lang`` is kept, unless the settings choose languages: many themes always
        declare ``en``.

        Args:
            url: The page.
            said: The language that it declares.
            spoken: URLs of its versions in several languages -> language.
        """
        own = spoken.get(url) or said
        if own is None or self.takes(own):
            return False
        elsewhere = any(self.takes(tag) for tag in spoken.values())
        return elsewhere or self.chosen or url_language(url) == own


def _agree(one: str, other: str) -> bool:
    if one == other:
        return True
    bare = min(one, other, key=len)
    return len(bare) == 2 and one[:2] == other[:2]
