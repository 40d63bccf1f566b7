"""URLs of the video files of a page."""

import re
from collections.abc import Iterator
from itertools import islice

from lxml import html

from crawler.pages.document import Document
from crawler.pages.visible import SKIPPED_TAGS, is_aside

__all__ = ["find_videos"]


_FILE = re.compile(r"\.(?:mp4|webm|m4v|mov|ogv)(?:$|[?#])", re.IGNORECASE)
_ENDING = re.compile(r"\.(?:mp4|webm|m4v|mov)\b")
_ATTRIBUTES = ("data-video-url", "data-video-src", "data-video", "data-mp4")
_CARRIERS = f"//*[{' or '.join(f'@{name}' for name in _ATTRIBUTES)}]"
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
    found = document.tree.iter("video", "source")
    named = [one for one in found if one.tag == "video" or next(one.iterancestors("video"), None) is not None]
    carriers = () if document.attribute_names.isdisjoint(_ATTRIBUTES) else document.tree.xpath(_CARRIERS)
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
    for _, _, text in document.scripts:
        for ending in islice(_ENDING.finditer(text), _MAX * 10):
            # The URL ends here. The look back is bounded to keep the cost linear.
            window = text[max(0, ending.start() - _REACH) : ending.end() + 200]
            for match in _FILE_URL.finditer(window):
                if url := document.absolute(match[0].replace("\\/", "/")):
                    yield url
