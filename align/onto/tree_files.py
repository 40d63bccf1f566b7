"""Readers of published trees: Google's and Shopify's text, Shopify's and GS1's JSON, GS1's XML, and plain paths."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from lxml import etree

from align.onto.target_tree import TargetNode, TargetTree, build_tree, split_path
from core.errors import DataError, SettingsError

__all__ = ["parse_tree", "read_tree", "trees_digest"]

_LARGEST = 512 << 20
_WITH_ID = (
    re.compile(r"(?P<id>\d+) - (?P<path>.+)"),  # Google
    re.compile(r"(?P<id>gid://\S+)\s+: (?P<path>.+)"),  # Shopify
)
_BRICK = 4
"""Deepest level of GS1 GPC that is a category; below it are attribute types and their values."""
_GPC_LEVELS = ("segment", "family", "class", "brick")

Placed = Iterator[tuple[str, TargetNode]]


def read_tree(name: str, path: Path) -> TargetTree:
    """Read a published tree; the content tells its format.

    Args:
        name: Name of the tree in the settings.
        path: File.

    Raises:
        SettingsError: The file is missing, too large, or no such tree; one line says where and why.
    """
    try:
        return parse_tree(name, _body(name, path))
    except DataError as error:
        raise SettingsError(
            f"align.onto.{name}: {path}: {error}. Give the file as Google, Shopify or GS1 publishes it, or one path "
            "A > B > C per line."
        ) from None


def trees_digest(trees: Mapping[str, Path]) -> str:
    """Return a text that changes whenever the content of a tree file does; empty without trees.

    Raises:
        SettingsError: A file is missing or too large.
    """
    return " ".join(f"{name}:{sha256(_body(name, path)).hexdigest()}" for name, path in sorted(trees.items()))


def _body(name: str, path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise SettingsError(f"align.onto.{name}: {path}: the file is larger than {_LARGEST >> 20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"align.onto.{name}: {path}: {error.strerror}. Name a file that can be read.") from None


def parse_tree(name: str, body: bytes) -> TargetTree:
    """Return the tree in a file's bytes.

    Text in UTF-8: ``ID - A > B`` (Google's taxonomy-with-ids), ``gid://… : A > B`` (Shopify's categories.txt) or
    ``A > B`` in every line; lines that begin with ``#`` are comments. JSON: Shopify's categories.json or taxonomy.json,
    whose attributes are kept with the values that the file lists, or GS1 GPC. XML: GS1 GPC. Inactive nodes of GPC are
    left out.

    Raises:
        DataError: The bytes are no such tree.
    """
    start = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return build_tree(name, _gpc_xml(body))
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not UTF-8") from None
    return build_tree(name, _json(text) if start in (b"{", b"[") else _lines(text))


def _lines(text: str) -> Placed:
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    form = next((form for form in _WITH_ID if lines and form.fullmatch(lines[0][1])), None)
    for number, line in lines:
        found = form.fullmatch(line) if form else None
        if form and not found:
            raise DataError(f"line {number}: {line[:60]!r} has no id, unlike the first line")
        path = split_path(found["path"] if found else line)
        yield f"line {number}", TargetNode(found["id"] if found else " > ".join(path), path)


def _json(text: str) -> Placed:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is not JSON ({str(error)[:80]})") from None
    if isinstance(read, dict) and isinstance(read.get("verticals"), list):
        return _shopify(read)
    if isinstance(read, dict) and isinstance(read.get("Schema"), list):
        return _gpc_json(read["Schema"], ())
    raise DataError("the JSON has neither the key verticals (Shopify) nor Schema (GS1 GPC)")


def _shopify(read: Mapping[str, Any]) -> Placed:
    listed = {one["id"]: one for one in _objects(read.get("attributes", []), "attributes", "id", "name")}
    for vertical in _objects(read["verticals"], "verticals", "categories"):
        for one in _objects(vertical["categories"], "categories", "id", "full_name"):
            yield (
                str(one["id"]),
                TargetNode(str(one["id"]), split_path(str(one["full_name"])), _attributes(one, listed)),
            )


def _attributes(category: Mapping[str, Any], listed: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in _objects(category.get("attributes") or [], "attributes", "id", "name"):
        values = one.get("values") or listed.get(one["id"], {}).get("values") or []
        found[str(one["name"])] = tuple(str(value["name"]) for value in _objects(values, "values", "name"))
    return found


def _gpc_json(listed: object, above: tuple[str, ...]) -> Placed:
    for one in _objects(listed, "Schema or Childs", "Code", "Title"):
        if not one.get("Active", True):
            continue
        path, below = (*above, _one_line(one["Title"])), one.get("Childs") or []
        inner = len(path) < _BRICK
        attributes = {} if inner else {_one_line(kind["Title"]): _titles(kind.get("Childs")) for kind in _typed(below)}
        yield f"code {one['Code']}", TargetNode(str(one["Code"]), path, attributes, str(one.get("Definition") or ""))
        if inner:
            yield from _gpc_json(below, path)


def _typed(listed: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in _objects(listed, "Childs", "Title") if one.get("Active", True)]


def _titles(listed: object) -> tuple[str, ...]:
    return tuple(_one_line(one["Title"]) for one in _typed(listed or []))


def _objects(listed: object, where: str, *needed: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of JSON objects that have the needed keys."""
    if not isinstance(listed, list):
        raise DataError(f"{where} is no list")
    for number, one in enumerate(listed, 1):
        missing = [key for key in needed if not isinstance(one, dict) or one.get(key) is None]
        if missing:
            raise DataError(f"entry {number} of {where} has no {missing[0]}")
    return listed


def _gpc_xml(body: bytes) -> Placed:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise DataError(f"this is not XML ({str(error.msg)[:80]})") from None
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise DataError("the XML declares a document type, which GS1's files do not")
    segments = [one for one in root.iter(etree.Element) if etree.QName(one).localname == _GPC_LEVELS[0]]
    if not segments:
        raise DataError("the XML has no element segment (GS1 GPC)")
    for segment in segments:
        yield from _gpc_element(segment, ())


def _gpc_element(element: etree._Element, above: tuple[str, ...]) -> Placed:
    if element.get("active", "true").casefold() == "false":
        return
    place = f"line {element.sourceline}"
    path, code = (*above, _one_line(element.get("text", ""))), element.get("code")
    if not code:
        raise DataError(f"{place}: the element {etree.QName(element).localname} has no code")
    kinds = _children(element, "attType")
    attributes = {
        _one_line(kind.get("text", "")): tuple(_one_line(one.get("text", "")) for one in _children(kind, "attValue"))
        for kind in kinds
    }
    yield place, TargetNode(code, path, attributes, element.get("definition", ""))
    if len(path) < _BRICK:
        for child in _children(element, _GPC_LEVELS[len(path)]):
            yield from _gpc_element(child, path)


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return [one for one in element.iterchildren(etree.Element) if etree.QName(one).localname == name]


def _one_line(text: object) -> str:
    """Return a title in one line; a ``>`` inside would look like a level."""
    return " ".join(str(text).replace(">", "/").split())
