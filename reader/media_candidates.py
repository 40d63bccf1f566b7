"""Candidates for the images of the product, and the URLs of its videos."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, takewhile
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from lxml import html

from reader.document import Document
from reader.evidence import Page, bucket, key_of, keys_with, name_words
from reader.model import Candidate, Pool
from reader.refusals import is_template
from reader.text import anywhere, squash
from reader.visible import SKIPPED_TAGS, is_aside

__all__ = ["find_videos", "gallery", "image_key", "images"]

_LARGE = (
    *("data-zoom-image", "data-zoom", "data-large_image", "data-large", "data-full", "data-hires", "data-old-hires"),
    *("data-original", "data-lazy-src", "data-lazy", "data-src", "data-image"),
)
"""Attributes that hold image URLs for gallery scripts, the largest version first."""
_SIZE = re.compile(
    r"[_.-]?(?:\d{2,4}x\d{2,4}|\d{2,4}x(?=\.)|x\d{2,4}(?=\.)|@[1-4]x)(?:_\w)?"
    r"|[_.-]?(?:thumb(?:nail)?|small|medium|large|grande|master|scaled|compact|pico)(?=\.\w+$)"
    r"|[_.-](?:big|zoom|mini|square|icon|s|m|l|xl|xs)(?=\.\w+$)|\.(?:jpg|png|webp)(?=_)|\._[A-Z0-9,_]+_(?=\.)",
    re.IGNORECASE,
)
"""Marks of a size in a file name."""
_QUERY = re.compile("[?﹖].*")
"""Query of a URL; tools that save sites write its question mark as ``﹖`` in file names."""
_WIDTH = re.compile(r"(_)(?:\{width\}|%7Bwidth%7D)", re.IGNORECASE)
"""Placeholder of a width that a script fills in; any number will do."""
_IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|webp|avif|gif)(?:$|[?#])", re.IGNORECASE)
_SHORT = 5
"""Longest file name that images in other folders may share: ``1``, ``main``."""
_MAX_IMAGES = 120
_LONGEST_URL = 500
_MAX_PROPERTIES = 300
_KEYS = keys_with(r"image|img|photo|picture|thumb|media|src|gallery|poster")


def images(page: Page) -> list[Candidate]:
    """Return candidates for the main image. All sizes of one file are one candidate."""
    pool = Pool()
    for one in page.marked:
        for place, url in enumerate(url for url in one.image_urls[:20] if not is_template(url)):
            pool.add(
                image_key(url),
                url,
                one.origin,
                [f"m:{one.origin}", f"m:place:{bucket(place)}", *_of_url(page, url)],
                _size(url),
            )
    count = 0
    turns: dict[tuple[str | None, ...], dict[str, int]] = {}
    for element in page.document.tree.iter("img", "source"):
        if count >= _MAX_IMAGES:
            break
        if _is_counter(element):
            continue
        for url, how in _urls(page, element):
            if count == 0 or how == "own":
                count += 1
            evidence = [*_evidence(page, element), *_turn(page, turns, element, image_key(url))]
            pool.add(
                image_key(url), url, "html:image", [*evidence, *_of_url(page, url), f"url:{how}"], _size(url), element
            )
    for link in page.document.tree.iter("link"):
        preloaded = page.document.absolute(link.get("href") or "") if link.get("as") == "image" else None
        if preloaded:
            evidence = ["preload", *_of_url(page, preloaded)]
            pool.add(image_key(preloaded), preloaded, "html:preload", evidence, _size(preloaded))
    _from_state(page, pool)
    return pool.candidates()


_OFF_SCREEN = re.compile(r"(?:left|top|right)\s*:\s*-\d{3,}px|(?:^|[\s;])(?:width|height)\s*:\s*[012](?:px)?\s*(?:;|$)")


def _is_counter(element: html.HtmlElement) -> bool:
    """Return whether an image is an invisible counter of visits."""
    if any((element.get(side) or "").removesuffix("px") in ("0", "1", "2") for side in ("width", "height")):
        return True
    return _OFF_SCREEN.search((element.get("style") or "")[:300]) is not None


def _turn(
    page: Page, turns: dict[tuple[str | None, ...], dict[str, int]], element: html.HtmlElement, key: str
) -> list[str]:
    """Return evidence of the place of an image among those with the same classes: the first leads its gallery."""
    known = page.document.attributes
    outer = [element, *islice(element.iterancestors(), 2)]
    alike = turns.setdefault(tuple(known[one].get("class") for one in outer), {})
    turn = alike.setdefault(key, len(alike))
    return [f"turn:{bucket(turn)}", f"turn:{'first' if turn == 0 else 'later'}:{element.tag}"]


def _from_state(page: Page, pool: Pool) -> None:
    for one, key, value in islice(page.properties(_KEYS), _MAX_PROPERTIES):
        if (
            not isinstance(value, str)
            or len(value) > _LONGEST_URL
            or not _IMAGE_FILE.search(value)
            or is_template(value)
        ):
            continue
        if url := page.document.absolute(value.replace("\\/", "/")):
            pool.add(image_key(url), url, "state", [*page.of_object(one, key), *_of_url(page, url)], _size(url))


@lru_cache(maxsize=8192)
def image_key(url: str) -> str:
    """Return the file name of a URL in lower case without type and marks of size; a short one with its folder."""
    path = PurePosixPath(_QUERY.sub("", unquote(urlsplit(_resized(url)).path)))
    name = _IMAGE_FILE.sub("", _SIZE.sub("", path.name or url))
    return (name if len(name) > _SHORT else f"{path.parent.name}/{name}").casefold()


def _resized(url: str) -> str:
    """Return the URL of the file that a resizing service serves (``/image?url=%2Fa.jpg&w=9``), else the URL."""
    query = urlsplit(url).query
    if "=" not in query or _IMAGE_FILE.search(url.partition("?")[0]):
        return url
    return next((value for name, value in parse_qsl(query) if name in _FILE_NAMES and _IMAGE_FILE.search(value)), url)


_FILE_NAMES = frozenset(("url", "src", "image", "img", "file", "path"))
_NUMBERS = re.compile(r"\d{2,4}(?=x)|(?<=x)\d{2,4}|(?<=[-_]l)\d{2,4}(?=\.)|(?<=[?&]width=)\d{2,4}|(?<=[?&]w=)\d{2,4}")
_NAMED = {"pico": 16, "icon": 32, "thumb": 50, "small": 100, "compact": 160, "medium": 240, "large": 480, "grande": 600}
_SIZE_NAME = re.compile(rf"[_-]({'|'.join(_NAMED)})(?:nail)?\b")


@lru_cache(maxsize=8192)
def _size(url: str) -> float:
    """Return the width or height that a URL names; 5000 if it names none, as for a full-size image."""
    name = url[-160:].lower()
    numbers = [float(number) for number in _NUMBERS.findall(name)]
    return max(numbers) if numbers else float(min((_NAMED[word] for word in _SIZE_NAME.findall(name)), default=5000))


_MAX_IMAGES = 100
"""Maximum images of one product; the largest real gallery seen had 24."""
_LISTS_ALL = 3
"""Number of images from which markup is assumed to list all of them."""


def gallery(page: Page, main: Candidate, found: Sequence[Candidate]) -> list[tuple[str, str]]:
    """Return URLs and origins of the product's images, the main one first.

    The others are those that the markup lists, else those in the largest element around the main image that does not
    contain the heading. Images that link to other pages show other products.
    """
    chosen = {image_key(str(main.value)): (str(main.value), main.origin)}
    marked = next((one for one in page.marked if one.image_urls), None)
    for url in marked.image_urls if marked else ():
        chosen.setdefault(image_key(url), (url, marked.origin if marked else ""))
    if marked is None or len(chosen) < _LISTS_ALL:
        around = _around(page, main.element) if main.element is not None else None
        ours = [one for one in found if one.element is not None and not one.has("link:away")]
        inside = [
            one for one in ours if around is not None and (one.element is around or around in _outer(one.element))
        ]
        called = [one for one in ours if one.has(*_GALLERY)]
        # Thumbnails of the same images are in another kind of element.
        alike = [one for one in inside if _outer(one.element)[0].tag == _outer(main.element)[0].tag]
        for one in next((several for several in (alike, inside) if len(several) > 1), called):
            chosen.setdefault(image_key(str(one.value)), (str(one.value), one.origin))
    return list(chosen.values())[:_MAX_IMAGES]


_GALLERY = ("called:gallery_places", "called:thumb_places")


def _outer(element: html.HtmlElement | None) -> list[html.HtmlElement]:
    return list(element.iterancestors()) if element is not None else []


def _around(page: Page, element: html.HtmlElement) -> html.HtmlElement:
    """Return the largest element around an image, within a few levels, that does not contain the heading."""
    largest = element
    for level, outer in enumerate(element.iterancestors()):
        if outer in page.around_title or outer.tag in ("body", "html") or level >= _LEVELS:
            break
        largest = outer
    return largest


_LEVELS = 7


def _urls(page: Page, element: html.HtmlElement) -> Iterator[tuple[str, str]]:
    """Yield the image that an element links to, else the largest version that it names."""
    for outer in islice(element.iterancestors(), 2):
        href = outer.get("href") or ""
        if outer.tag == "a" and _IMAGE_FILE.search(href) and (url := page.document.absolute(href)):
            yield url, "linked"
            return
    get = page.document.attributes[element].get
    named = (*map(get, _LARGE), _largest(get("srcset") or get("data-srcset") or ""), get("src"))
    filled = [one for one in named if one and not is_template(one)]
    for candidate in (*filled, *(_WIDTH.sub(r"\g<1>1024", one) for one in named if one)):
        plain = candidate.split("?")[0].lower()
        if plain.startswith("data:") or plain.endswith((".svg", ".gif")) or is_template(candidate):
            continue
        url = page.document.absolute(candidate)
        if url and _is_picture(plain.rpartition("/")[2]):
            yield url, "own"
            return


@lru_cache(maxsize=8192)
def _is_picture(name: str) -> bool:
    """Return whether a file may be a product image, by its name: not a logo, icon or the like."""
    return anywhere("no_pictures").search(name) is None


def _largest(srcset: str) -> str:
    best, width = "", -1.0
    for entry in srcset.split(", ")[:20]:
        url, _, descriptor = entry.strip().partition(" ")
        number = "".join(takewhile(lambda c: c.isdigit() or c == ".", descriptor.strip()))
        if url and (size := float(number) if number.replace(".", "", 1).isdigit() else 0.0) > width:
            best, width = url.rstrip(","), size
    return best


def _of_url(page: Page, url: str) -> list[str]:
    parts = urlsplit(url)
    name = parts.path.rpartition("/")[2]
    words = name_words(parts.path.rpartition("/")[0].replace("/", " "))
    found = [f"dir:{word}" for word in words[:12]]
    found += [f"file:{word}" for word in name_words(name.rpartition(".")[0].replace("_", "-"))[:8]]
    stem = key_of(squash(name.rpartition(".")[0]))
    found.append(f"type:{kind[0] if (kind := _IMAGE_FILE.search(name)) else 'none'}")
    title = next(iter(page.title_keys), "")
    shared = len(set(name_words(page.document.title)) & set(name_words(name)))
    found.append(f"words-shared:{bucket(shared)}")
    if page.slug and stem:
        found.append(
            "slug:is" if page.slug == stem else "slug" if page.slug in stem or stem in page.slug else "no-slug"
        )
    if stem and stem in title:
        found.append("in-title")
    return found


def _evidence(page: Page, element: html.HtmlElement) -> list[str]:
    found = [*page.around(element), page.from_title(element)]
    found += [f"has:{name}" for name in element.attrib if name not in ("src", "class", "alt", "id")]
    alt = element.get("alt") or ""
    found.append(f"alt:{page.named(alt) or ('none' if not alt else 'other')}")
    for name in ("width", "height"):
        size = (element.get(name) or "").removesuffix("px")
        if size.isdigit():
            found.append(f"{name}:{bucket(int(size[:5]) / 50)}")
    link = next((outer for outer in _near(element) if outer.tag == "a"), None)
    if link is not None:
        href = page.document.absolute(link.get("href") or "") or ""
        here = href.partition("?")[0] == page.document.url.partition("?")[0].partition("#")[0]
        found.append("link:image" if _IMAGE_FILE.search(href) else "link:here" if here or not href else "link:away")
    else:
        found.append("link:none")
    found.append("after-title" if element in page.after_title else "before-title")
    if any(outer in page.tile_elements for outer in islice(element.iterancestors(), _LEVELS)):
        found.append("tile")
    found.append(f"row:{bucket(page.row_of(element))}")
    found.append(f"{found[-1]}|{'link:away' in found}|{'after-title' in found}")
    return found


def _near(element: html.HtmlElement) -> Iterator[html.HtmlElement]:
    outer = element.getparent()
    for _ in range(4):
        if outer is None:
            return
        yield outer
        outer = outer.getparent()


_FILE = re.compile(r"\.(?:mp4|webm|m4v|mov|ogv)(?:$|[?#])", re.IGNORECASE)
_PLAYLIST = re.compile(r"\.(?:m3u8|mpd)(?:$|[?#])", re.IGNORECASE)
_ATTRIBUTES = ("data-video-url", "data-video-src", "data-video", "data-mp4")
_CARRIERS = f"//*[{' or '.join(f'@{name}' for name in _ATTRIBUTES)}]"
_URL_IN_SCRIPT = r"""(?:https?:)?(?:\\?/){2}[\w.-]+(?:\\?/[^\s"'<>\\/,;(){}]+)*\.(?:%s)\b(?:\?[^\s"'<>\\]*)?"""
_IN_SCRIPTS = tuple(
    (re.compile(rf"\.(?:{endings})\b"), re.compile(_URL_IN_SCRIPT % endings))
    for endings in ("mp4|webm|m4v|mov", "m3u8", "mpd")
)
"""Of files, then of playlists: an ending, and a whole URL with it."""
_REACH = 400
"""Characters before a file extension in which the URL must start."""
_MAX = 20


def find_videos(document: Document) -> list[str]:
    """Return the URLs of videos in page order, each once: those of elements, else those in scripts.

    Playlists count only if the page names no file, since they are other forms of the same videos; those of HLS
    (``.m3u8``) come before those of DASH (``.mpd``). Embedded players (``iframe``) are left out.
    """
    files, playlists = _in_elements(document)
    in_scripts = (_in_scripts(document, *patterns) for patterns in _IN_SCRIPTS)
    searches = chain([files, next(in_scripts)], _by_kind(playlists), in_scripts)
    found = next((urls for search in searches if (urls := dict.fromkeys(search))), {})
    return list(found)[:_MAX]


def _by_kind(playlists: list[str]) -> tuple[list[str], list[str]]:
    """Return the playlists of HLS, and the others."""
    hls = [url for url in playlists if ".m3u8" in url.lower()]
    return hls, [url for url in playlists if url not in hls]


def _in_elements(document: Document) -> tuple[list[str], list[str]]:
    """Return the URLs of files and of playlists that elements name."""
    files, playlists = list[str](), list[str]()
    for url in _of_elements(document):
        (playlists if _PLAYLIST.search(url) else files).append(url)
    return files, playlists


def _of_elements(document: Document) -> Iterator[str]:
    found = document.tree.iter("video", "source")
    named = [one for one in found if one.tag == "video" or next(one.iterancestors("video"), None) is not None]
    carriers = () if document.attribute_names.isdisjoint(_ATTRIBUTES) else document.tree.xpath(_CARRIERS)
    for element in [*named, *carriers]:
        inside = element.tag in ("video", "source")
        names = ("src", *_ATTRIBUTES) if inside else _ATTRIBUTES
        values = [value for name in names if (value := element.get(name)) and (inside or _names_video(value))]
        for value in sorted(values, key=lambda value: _PLAYLIST.search(value) is not None):
            if (url := document.absolute(value)) and not _stands_aside(element):
                yield url
                break


def _names_video(value: str) -> bool:
    return _FILE.search(value) is not None or _PLAYLIST.search(value) is not None


def _stands_aside(element: html.HtmlElement) -> bool:
    for outer in element.iterancestors():
        if outer.tag in SKIPPED_TAGS or is_aside(f"{outer.get('class', '')} {outer.get('id', '')}"):
            return True
    return False


def _in_scripts(document: Document, endings: re.Pattern[str], urls: re.Pattern[str]) -> Iterator[str]:
    for _, _, text in document.scripts:
        for ending in islice(endings.finditer(text), _MAX * 10):
            # The URL ends here. The look back is bounded to keep the cost linear.
            window = text[max(0, ending.start() - _REACH) : ending.end() + 200]
            for match in urls.finditer(window):
                if url := document.absolute(match[0].replace("\\/", "/")):
                    yield url
