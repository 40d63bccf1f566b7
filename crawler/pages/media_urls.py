"""URLs of the images and video files of a product in plain HTML."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from urllib.parse import urlsplit

from lxml import html

from crawler.pages.document import Document
from crawler.pages.text import anywhere
from crawler.pages.visible import SKIPPED_TAGS, is_aside, words

__all__ = ["distinct_images", "find_images", "find_videos"]

_LARGE = (
    *("data-zoom-image", "data-zoom", "data-large_image", "data-large", "data-full", "data-hires", "data-old-hires"),
    *("data-original", "data-lazy-src", "data-lazy", "data-src", "data-image"),
)
"""Attributes that hold image URLs for gallery scripts, the largest version first."""
_SIZE = re.compile(
    r"[_.-]?(?:\d{2,4}x\d{2,4}|(?:thumb(?:nail)?|small|medium|large|big|zoom|mini|square|s|m|l|xl|xs)(?=\.\w+$))(?:_\w)?"
    r"|\.(?:jpg|png|webp)(?=_)|\._[A-Z0-9,_]+_(?=\.)",
    re.IGNORECASE,
)
_FOLDER = re.compile(
    r"/(?:thumbs?|thumbnails?|small|medium|large|big|zoom|orig(?:inal)?|cache|\d{2,4}x\d{2,4}|[swh]_?\d{2,4})(?=/)",
    re.IGNORECASE,
)
_IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|webp|avif)(?:$|[?#])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Image:
    url: str
    gallery: bool
    thumb: bool
    named: bool


def find_images(document: Document, title: html.HtmlElement | None, caption: str) -> list[str]:
    """Return the image URLs of the gallery in page order, each image once.

    Images count if an enclosing element is named a gallery, or if their description is the name of the product.
    Of full images and thumbnails the larger group is taken. Images of menus, recommendations, reviews and
    decoration never count.
    """
    around = frozenset(title.iterancestors()) if title is not None else frozenset()
    images = [image for element in document.tree.iter("img") if (image := _read(document, element, around, caption))]
    chosen = [image for image in images if image.gallery or image.named]
    full = distinct_images(image.url for image in chosen if not image.thumb)
    thumbs = distinct_images(image.url for image in chosen if image.thumb)
    if len(full) >= len(thumbs):
        return full or distinct_images(image.url for image in images)[:1]
    return distinct_images([*full, *thumbs])


def distinct_images(urls: Iterable[str]) -> list[str]:
    """Return URLs in order, without those that differ only in size marks."""
    found: dict[str, str] = {}
    for url in urls:
        found.setdefault(_stem(url), url)
    return list(found.values())


def _stem(url: str) -> str:
    parts = urlsplit(url)
    path = _SIZE.sub("", _FOLDER.sub("", parts.path))
    return path.lower() if re.search(r"\.\w{2,5}$", path) else f"{path}?{parts.query}"


def _read(
    document: Document, element: html.HtmlElement, around: frozenset[html.HtmlElement], caption: str
) -> _Image | None:
    place = None if _is_small(element) else _place(element, around)
    own = words(f"{element.get('class', '')} {element.get('id', '')}")
    if place is None or _is_noise(own):
        return None
    full = _full_image(document, element)
    url = full or _image_url(document, element)
    if url is None or _is_noise(url.rpartition("/")[2]):
        return None
    if place != "page" and _leads_away(document, element):
        place = "page"
    alt = (element.get("alt") or "").strip().casefold()
    named = len(alt) > 5 and bool(caption) and (alt in caption.casefold() or caption.casefold() in alt)
    return _Image(url, gallery=place in ("gallery", "thumb"), thumb=place == "thumb" and not full, named=named)


def _image_url(document: Document, element: html.HtmlElement) -> str | None:
    candidates = [element.get(name) for name in _LARGE]
    candidates += [_largest(element.get("srcset") or element.get("data-srcset") or ""), element.get("src")]
    for candidate in candidates:
        if (
            candidate
            and "/" in candidate
            and not candidate.startswith("data:")
            and not candidate.lower().split("?")[0].endswith((".svg", ".gif"))
        ):
            url = document.absolute(candidate)
            if url:
                return url
    return None


def _largest(srcset: str) -> str:
    best, width = "", -1.0
    for entry in srcset.split(", ")[:20]:
        url, _, descriptor = entry.strip().partition(" ")
        number = "".join(takewhile(lambda c: c.isdigit() or c == ".", descriptor.strip()))
        if url and (size := float(number) if number.replace(".", "", 1).isdigit() else 0.0) > width:
            best, width = url.rstrip(","), size
    return best


def _is_small(element: html.HtmlElement) -> bool:
    sizes = [element.get(name) or "" for name in ("width", "height")]
    return any(size.isdigit() and int(size) < 40 for size in sizes)


def _place(element: html.HtmlElement, around: frozenset[html.HtmlElement]) -> str | None:
    """Return ``gallery``, ``thumb`` or ``page`` by the nearest enclosing name; None in menus, reviews and the like."""
    found = "page"
    for step, outer in enumerate(element.iterancestors()):
        if outer in around or outer.tag == "body":
            return found
        names = f"{outer.get('class', '')} {outer.get('id', '')}"
        if outer.tag in SKIPPED_TAGS or outer.tag in ("header", "aside") or (len(names) > 1 and is_aside(names)):
            return None
        if found == "page" and step < 6 and len(names) > 1:
            called = words(names)
            found = (
                "thumb"
                if anywhere("thumb_places").search(called) and not _is_wrapper(called)
                else "gallery"
                if anywhere("gallery_places").search(called)
                else "page"
            )
    return found


def _is_noise(names: str) -> bool:
    return bool(anywhere("no_pictures").search(names.lower()))


def _link(element: html.HtmlElement) -> str:
    """Return the target of the link around an image; empty without a link and for scripts."""
    near = islice(element.iterancestors(), 4)
    href = next((outer.get("href") or "" for outer in near if outer.tag == "a"), "")
    return "" if href.startswith(("#", "javascript:")) else href


def _full_image(document: Document, element: html.HtmlElement) -> str | None:
    """Return the URL of the full image that a thumbnail links to."""
    href = _link(element)
    return document.absolute(href) if _IMAGE_FILE.search(href) else None


def _leads_away(document: Document, element: html.HtmlElement) -> bool:
    """Return whether an image links to another page, as in the card of another product."""
    href = _link(element)
    if not href or _IMAGE_FILE.search(href):
        return False
    url = document.absolute(href)
    return url is not None and url.partition("?")[0] != document.url.partition("?")[0].partition("#")[0]


def _is_wrapper(names: str) -> bool:
    """Return whether a name is a frame around the whole gallery, as ``img-thumbnail`` of Bootstrap."""
    return "img-thumbnail" in names and "indicator" not in names


_FILE = re.compile(r"\.(?:mp4|webm|m4v|mov|ogv)(?:$|[?#])", re.IGNORECASE)
_ENDING = re.compile(r"\.(?:mp4|webm|m4v|mov)\b")
_ENDING_BYTES = re.compile(_ENDING.pattern.encode())
_ATTRIBUTES = ("data-video-url", "data-video-src", "data-video", "data-mp4")
_CARRIERS = " | ".join(f"//@{name}/.." for name in _ATTRIBUTES)
_FILE_URL = re.compile(
    r"""(?:https?:)?(?:\\?/){2}[\w.-]+(?:\\?/[^\s"'<>\\/,;(){}]+)*\.(?:mp4|webm|m4v|mov)(?:\?[^\s"'<>\\]*)?"""
)
_REACH = 400
"""Characters before a file extension in which the URL must start."""
_MAX = 20


def find_videos(document: Document) -> list[str]:
    """Return the URLs of video files in page order, each once: those of elements, else those in scripts.

    Embedded players (``iframe``) and playlists (``.m3u8``) are not files and are left out.
    """
    found = dict.fromkeys(_in_elements(document))
    if not found:
        found = dict.fromkeys(_in_scripts(document))
    return list(found)[:_MAX]


def _in_elements(document: Document) -> Iterator[str]:
    named: list[html.HtmlElement] = []
    if b"<video" in document.utf8 or b"<VIDEO" in document.utf8:
        found = document.tree.iter("video", "source")
        named = [one for one in found if one.tag == "video" or next(one.iterancestors("video"), None) is not None]
    carriers = document.tree.xpath(_CARRIERS) if b"data-video" in document.utf8 or b"data-mp4" in document.utf8 else ()
    for element in [*named, *carriers]:
        inside = element.tag in ("video", "source")
        names = ("src", *_ATTRIBUTES) if inside else _ATTRIBUTES
        values = [value for name in names if (value := element.get(name)) and (inside or _FILE.search(value))]
        for value in values:
            if ".m3u8" not in value and (url := document.absolute(value)) and not _stands_aside(element):
                yield url
                break


def _stands_aside(element: html.HtmlElement) -> bool:
    for outer in element.iterancestors():
        if outer.tag in SKIPPED_TAGS or is_aside(f"{outer.get('class', '')} {outer.get('id', '')}"):
            return True
    return False


def _in_scripts(document: Document) -> Iterator[str]:
    if not _ENDING_BYTES.search(document.utf8):
        return
    for script in document.tree.iter("script"):
        text = script.text or ""
        for ending in islice(_ENDING.finditer(text), _MAX * 10):
            # The URL ends here. The look back is bounded to keep the cost linear.
            window = text[max(0, ending.start() - _REACH) : ending.end() + 200]
            for match in _FILE_URL.finditer(window):
                if url := document.absolute(match[0].replace("\\/", "/")):
                    yield url
