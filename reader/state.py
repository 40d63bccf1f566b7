"""State that a page carries for its scripts: JSON and object literals, data attributes, forms and meta elements.

Shop software hands its scripts the product as an object: ``var meta = {"product": …}``, ``dataLayer.push({…})``,
``data-product-variations="[…]"``, ``window.__NUXT__``, the hidden fields of the form that adds to the cart.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from lxml import html

from reader.document import Document
from reader.jsonld import embedded, schema_nodes
from reader.markup import Node

__all__ = ["Scalar", "StateObject", "key_words", "state_objects"]

Scalar = str | int | float | bool | None

_MAX_OBJECTS = 700
"""Maximum objects read on one page, those nearest to the root of their script first."""
_MAX_SCRIPT = 600_000
"""Longest script read, in characters; the longest real product state seen had 300,000."""
_MAX_TOTAL = 1_500_000
"""Maximum characters of all scripts read on one page."""
_MAX_FAILURES = 200
"""Number of unreadable objects in one script after which the rest is skipped."""
_MAX_KEYS = 60
_MAX_ITEMS = 100
_DEPTH = 12

_HINTS = ("price", "sku", "currenc", "vendor", "brand", "product", "variant", "avail", "categor")
_START = re.compile(r"""\{\s{0,50}"[^"\\\n]{1,80}"\s{0,20}:""")
_LITERAL = re.compile(r"""\{\s{0,50}(?:[A-Za-z_$][\w$]{0,60}|'[^'\\\n]{1,60}')\s{0,20}:""")
_STRING = r""""[^"\\\n]*+(?:\\.[^"\\\n]*+)*+\""""
_OPENED = {
    '"': rf"{_STRING}(?:\s*+[:,]\s*+{_STRING})*+",
    "'": r"'(?P<text>[^'\\\n]*+(?:\\.[^'\\\n]*+)*+)'",
    "//": r"""//[^\n"']*+(?=\n)""",
}
"""Parts of a script that something opens, which may not end: strings with double and single quotes, and comments."""
_ENDS = {'"': re.compile(r"\n"), "'": re.compile(r"\n"), "//": re.compile(r"""[\n"']""")}
"""What a later part must follow to end, after one that does not."""
_AHEAD = 64
"""Characters that a pattern looks ahead."""
_ENCODED = re.compile(r"""decodeURIComponent\(\s{0,10}['"]([^'"]{20,400000})['"]""")
_NAME = re.compile(r"([\w$.-]{1,60})[\s=:(\[,'\"]{0,20}$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z]+")
_DECODER = json.JSONDecoder(strict=False)


@dataclass(slots=True)
class StateObject:
    """One object with its scalar properties."""

    kind: str
    """``json`` in scripts, ``attribute``, ``form`` or ``meta``."""
    path: tuple[str, ...]
    """Keys that lead to it, outermost first, after the name of the variable or function before it."""
    values: dict[str, Scalar]
    """Scalar properties; those of a nested object as ``brand.name``, the first text of a list under the list's key."""
    parent: "StateObject | None" = None
    position: int = 0
    """Place in its list."""
    element: html.HtmlElement | None = None
    """Element that carries it, unless it is a script."""


@lru_cache(maxsize=16_384)
def key_words(key: str) -> str:
    """Return a key in lower case with its words joined by hyphens, without digits: ``priceMin2`` is ``price-min``."""
    return _NO_WORD.sub("-", _CAMEL.sub("-", key[:60]).lower()).strip("-")


def state_objects(document: Document) -> tuple[list[StateObject], list[Node]]:
    """Return the objects of a page in the order scripts, attributes and forms, meta elements; and schema.org nodes.

    Applications that render their pages in the browser hold the JSON-LD to be inserted in their state.
    """
    found: list[StateObject] = []
    nodes: list[Node] = []
    total = 0
    for kind, name, text in document.scripts:
        if not 20 < len(text) <= _MAX_SCRIPT or "ld+json" in kind or "template" in kind:
            continue
        lower = text.lower()
        if not any(hint in lower for hint in _HINTS):
            continue
        total += len(text)
        if total > _MAX_TOTAL:
            break
        names = tuple(filter(None, (key_words(name),)))
        for path, value in _values(text, 0):
            _unfold(found, "json", (*names, *path), value)
            if "schema.org" in text:
                nodes += schema_nodes(embedded(value), document)
    _from_elements(document, found)
    metas = {name: contents[0] for name, contents in document.meta.items()}
    found.append(StateObject("meta", (), dict(list(metas.items())[:_MAX_KEYS])))
    return found, nodes


def _values(text: str, depth: int) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the outermost objects of a script, each with the name before it."""
    for encoded in _ENCODED.finditer(text):
        yield from _values(unquote(encoded[1]), depth + 1)
    whole = _whole(text.strip())
    if whole is not None:
        yield (), whole
        return
    if _LITERAL.search(text):
        text = _as_json(text)
    yield from _literals(text)
    if depth < 2 and '{\\"' in text:
        yield from _values(text.replace('\\"', '"').replace("\\\\", "\\"), depth + 1)


def _whole(text: str) -> object:
    """Return the value of a script that is JSON as a whole; None for others."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _literals(text: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the outermost object literals of a script, each with the name before it."""
    at = failures = 0
    while (start := _START.search(text, at)) and failures < _MAX_FAILURES:
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except json.JSONDecodeError as error:
            # Text before the error is not read again, so a script is read once, except if a string contains a brace.
            at, failures = max(error.pos - 3, start.start() + 1), failures + 1
        except (RecursionError, ValueError):
            at, failures = start.end(), failures + _MAX_FAILURES // 3
        else:
            before = _NAME.search(text[max(0, start.start() - 80) : start.start()])
            yield (tuple(filter(None, map(key_words, before[1].split(".")[-2:]))) if before else ()), value


def _as_json(script: str) -> str:
    """Return a script with its literals in JSON syntax.

    Where a string does not end on its line, no later one with this quote does. Remembering this keeps the time linear.
    """
    parts: list[str] = []
    done = at = 0
    ends = dict.fromkeys(_OPENED, 0)
    while at < len(script):
        unended = frozenset(opening for opening, end in ends.items() if at < end)
        until = min((ends[opening] for opening in unended), default=len(script))
        for found in _pattern(unended).finditer(script, at, until + _AHEAD):
            if found.start() >= until:
                at = max(at, until)
                break
            at = found.end()
            if opening := found["opening"]:
                end = _ENDS[opening].search(script, at)
                ends[opening] = end.start() if end else len(script)
                break
            parts += script[done : found.start()], _part_as_json(found)
            done = at
        else:
            at = max(at, until)
    return "".join([*parts, script[done:]])


@lru_cache
def _pattern(unended: frozenset[str]) -> re.Pattern[str]:
    """Return a pattern for the next part of a script where nothing opened in one of these ways ends."""
    openings = [opening for opening in _OPENED if opening not in unended]
    parts = [_OPENED[opening] for opening in openings]
    parts += r"(?<![\w$.])(?P<key>[A-Za-z_$][\w$]*+)(?=\s{0,20}:)", r",(?=\s{0,50}[}\]])"
    return re.compile("|".join([*parts, f"(?P<opening>{'|'.join(openings) or '(?!)'})"]))


def _part_as_json(found: re.Match[str]) -> str:
    whole = found[0]
    if whole[0] == '"':
        return whole
    if whole[0] == "'":
        return '"' + found["text"].replace('"', '\\"').replace("\\'", "'") + '"'
    return f'"{whole}"' if found["key"] else ""


def _unfold(
    found: list[StateObject],
    kind: str,
    path: tuple[str, ...],
    value: object,
    element: html.HtmlElement | None = None,
) -> None:
    """Append the objects inside a value, breadth first."""
    level: list[tuple[tuple[str, ...], object, StateObject | None, int]] = [(path, value, None, 0)]
    for _ in range(_DEPTH):
        below: list[tuple[tuple[str, ...], object, StateObject | None, int]] = []
        for where, one, parent, position in level:
            if isinstance(one, list):
                below += [(where, item, parent, n) for n, item in enumerate(one[:_MAX_ITEMS]) if _nests(item)]
            elif isinstance(one, dict) and len(found) < _MAX_OBJECTS:
                this = StateObject(kind, where[-4:], _scalars(one), parent, position, element)
                found.append(this)
                below += [
                    ((*where, key_words(str(key))), inner, this, 0) for key, inner in one.items() if _nests(inner)
                ]
        level = below
        if not level:
            return


def _nests(value: object) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _scalars(value: dict[object, object]) -> dict[str, Scalar]:
    scalars: dict[str, Scalar] = {}
    for key, inner in list(value.items())[: _MAX_KEYS * 4]:
        name = str(key)
        if isinstance(inner, list) and inner and isinstance(inner[0], str):
            inner = inner[0]  # noqa: PLW2901 - a list of texts counts as its first
        if isinstance(inner, dict):
            for part in ("name", "title", "amount", "value", "src", "url", "label"):
                if isinstance(inner.get(part), str | int | float):
                    scalars[f"{name}.{part}"] = inner[part]
        elif inner is None or isinstance(inner, str | int | float):
            scalars[name] = inner if not isinstance(inner, str) else inner[:2_000]
    return scalars


_CARRIED = re.compile(r"price|sku|product|variant|variation|brand|currency|stock|item|image", re.IGNORECASE)
_MAX_ELEMENTS = 400


def _is_carried(name: str) -> bool:
    """Return whether an attribute of this name may hold product data for scripts."""
    return name.startswith("data-") and _CARRIED.search(name[:40]) is not None


def _from_elements(document: Document, found: list[StateObject]) -> None:
    """Append data attributes about products, and the named fields of forms."""
    forms: dict[html.HtmlElement, StateObject] = {}
    seen = budget = 0
    carried = frozenset(filter(_is_carried, document.attribute_names))
    for element, attributes in document.attributes.items():
        if seen >= _MAX_ELEMENTS:
            break
        if element.tag in ("input", "button") and (name := attributes.get("name")):
            _to_form(forms, element, name)
        if carried.isdisjoint(attributes):
            continue
        named = [(name, text) for name, text in attributes.items() if name in carried][:30]
        seen += 1
        values: dict[str, Scalar] = {}
        for name, text in named:
            if text[:1] in "{[" and len(text) <= _MAX_SCRIPT and budget < _MAX_TOTAL:
                budget += len(text)
                for path, value in _values(text, 1):
                    _unfold(found, "attribute", (key_words(name), *path), value, element)
            elif text:
                values[name[5:]] = text[:500]
        if values:
            found.append(StateObject("attribute", (element.tag,), values, None, 0, element))
    found += forms.values()


def _to_form(forms: dict[html.HtmlElement, StateObject], element: html.HtmlElement, name: str) -> None:
    form = next(element.iterancestors("form"), None)
    if form is None or (len(forms) >= 30 and form not in forms):
        return
    words = tuple(key_words(form.get(part) or "") for part in ("id", "class", "action"))
    held = forms.setdefault(form, StateObject("form", words, {}, None, 0, form))
    if len(held.values) < _MAX_KEYS:
        held.values.setdefault(name, (element.get("value") or "")[:500])
