"""Folders of saved shop pages with their truth, for the benchmarks of the page reader.

A folder of shops holds ``<shop>.jsonl.gz`` with one page per line, ``{url, html, truth}``; the truth is the content of
the page's own markup, or null for a page without a product. Only values visible on the page count.
A folder of single pages has the format of ``bench.pages.measure``.
"""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lxml import html

from core.texts import decode_html
from reader.document import read_document
from reader.evidence import key_of
from reader.learning.labelled import LabelledPage, answer, without_markup
from reader.reading import Reading
from reader.text import as_a_whole, squash

__all__ = ["read_pages", "read_shops"]

_SPACED = re.compile(r"[\d.,\s  '’]+")
_TEXTS = {"native_id": "sku", "brand": "brand", "gtin": "gtin", "mpn": "mpn"}


def read_shops(folder: Path) -> Iterator[LabelledPage]:
    """Yield the pages of a folder of shops."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                page = json.loads(line)
                truth = _truth(page["truth"], page["html"]) if page["truth"] else None
                yield LabelledPage(
                    path.name.removesuffix(".jsonl.gz"), page["url"], page["html"].encode("utf-8", "replace"), truth
                )


def _truth(said: dict[str, Any], page: str) -> dict[str, frozenset[str]]:
    """Return field -> right answers, without those that the page does not show."""
    seen = _visible(without_markup(page))
    text = key_of(seen)
    flat = re.sub(r"[^\d]", "", " ".join(_SPACED.findall(seen)))
    found: dict[str, frozenset[str]] = {}
    prices = {one for one in said["prices"] if re.sub(r"\D", "", f"{one:.2f}") in flat or str(int(one)) in flat}
    if prices:
        found["price"] = frozenset(answer("price", one) for one in prices)
        if len(said["currency"]) == 1:
            found["currency"] = frozenset(said["currency"])
    if said["availability"]:
        found["availability"] = frozenset(said["availability"])
    caption = key_of(said["name"])
    if caption in text:
        found["caption"] = frozenset((caption,))
    for field, key in _TEXTS.items():
        if (name := key_of(str(said[key] or ""))) and name in text:
            found[field] = frozenset((name,))
    if path := _path(said, text):
        found["category"] = frozenset((answer("category", path),))
    images = frozenset(answer("image_urls", url) for url in said["images"])
    if any(one.rpartition("/")[2].rpartition(".")[0] in page.casefold() for one in images):
        found["image_urls"] = images
    return found


def _path(said: dict[str, Any], text: str) -> list[str]:
    crumbs = [one for one in said["breadcrumbs"] if one]
    if len(crumbs) < 2 or not all(key_of(one) in text for one in crumbs):
        return []
    inner = crumbs[:-1] if key_of(crumbs[-1]) == key_of(said["name"]) else crumbs
    while inner and as_a_whole("homes").fullmatch(squash(inner[0].strip())):
        inner = inner[1:]
    return inner


def _visible(page: str) -> str:
    try:
        tree: Any = html.fromstring(page.encode("utf-8", "replace"), parser=html.HTMLParser(encoding="utf-8"))
    except ValueError:
        return ""
    for element in list(tree.iter("script", "style", "noscript", "template")):
        if element.getparent() is not None:
            element.drop_tree()
    return " ".join(tree.text_content().split())


def read_pages(folder: Path) -> Iterator[LabelledPage]:
    """Yield the pages of a folder of single pages; a shop is named after its site, without the country's ending."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    for name, said in truth.items():
        body = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        found = {field: frozenset(key_of(one) for one in said.get(key, ())) for field, key in _TEXTS.items()}
        found["price"] = frozenset(
            answer("price", one) for one in said.get("price", ()) if re.fullmatch(r"\s*[\d.]+\s*", one)
        )
        found["availability"] = frozenset(said.get("availability", ()))
        marked = Reading(read_document(body, said["url"])).page.marked
        for field in ("gtin", "mpn"):
            if not found[field] and any(getattr(one, field) for one in marked):
                del found[field]  # the markup states one that the labels lack
        host = (urlsplit(said["url"]).hostname or "").split(".")
        shop = max(host[-3:-1] if len(host) > 2 else host[:-1], key=len)
        yield LabelledPage(shop, said["url"], decode_html(body).text.encode("utf-8", "replace"), found)
