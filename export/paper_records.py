"""Records in the formats that the papers' code reads: facts and URLs, no media (Product1M's are in ``link_files``).

``m5product``  M5Product's JSON: one object, id -> title, pv (``name#:#value#;#name#:#value``, ``-`` for no table),
               label (name of the category) and url (of the image).
``mep3m``      MEP-3M's records: a list of class_id … subsub_class_name, img_path, img_resolution and title.
               Without a sub-sub-class the name is ``FALSE``, as in the released file.

Every sample also states its provenance and licence, in the additional keys product_id, role, source, page_url, licence
and purposes, which the papers' code ignores.
"""

import json
from pathlib import Path

from core.files import file_sha256
from core.modalities import Sample

__all__ = ["RECORDS_SUFFIX", "M5ProductShard", "Mep3mShard", "plain_sql"]

RECORDS_SUFFIX = ".json"

_PAIR, _NAME = "#;#", "#:#"
_LEVELS = ("class", "sub_class", "subsub_class")
_TWINS = {"##": "＃＃", "#;": "＃;", "#:": "＃:"}
"""``#`` that could be read as part of a separator -> its full-width form."""
_SPACES = r"\t-\r\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
"""Python's white space other than the blank, for DuckDB's regular expressions."""
_NO_TABLE = "-"
_NONE = "FALSE"


class _Json:
    """A JSON file written entry by entry, one per line."""

    opening, closing = "[", "]"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._between = f"{self.opening}\n"

    def close(self) -> str:
        """Finish the file; return its SHA-256."""
        self._file.write(f"\n{self.closing}\n")
        self._file.close()
        return file_sha256(self._path)

    def _write(self, entry: str) -> None:
        self._file.write(self._between + entry)
        self._between = ",\n"


class M5ProductShard(_Json):
    """One file of M5Product's JSON."""

    opening, closing = "{", "}"

    def add(self, sample: Sample, number: int) -> None:
        """Add a product."""
        del number
        level = sample.label_level if sample.label_level in _LEVELS else "sub_class"
        pairs = (f"{_plain(spec.property)}{_NAME}{_plain(spec.value)}" for spec in sample.specs)
        item = {
            "title": sample.caption or "",
            "pv": _PAIR.join(pairs) or _NO_TABLE,
            "label": sample.classes[f"{level}_name"],
            "url": sample.image_url or "",
            **_provenance(sample),
        }
        self._write(f"{json.dumps(sample.product_id)}: {json.dumps(item, ensure_ascii=False)}")


class Mep3mShard(_Json):
    """One file of MEP-3M's records."""

    def add(self, sample: Sample, number: int) -> None:
        """Add a record."""
        del number
        classes = {f"{level}_{part}": sample.classes[f"{level}_{part}"] for level in _LEVELS for part in ("id", "name")}
        size = sample.image_size
        record = {
            **classes,
            "subsub_class_name": classes["subsub_class_name"] or _NONE,
            "img_path": sample.image_url or "",
            "img_resolution": f"{size[0]}x{size[1]}" if size else "",
            "title": sample.caption or "",
            **_provenance(sample),
        }
        self._write(json.dumps(record, ensure_ascii=False))


def _provenance(sample: Sample) -> dict[str, object]:
    return {
        "product_id": sample.product_id,
        "role": sample.role,
        "source": sample.source,
        "page_url": sample.url,
        "licence": sample.licence,
        "purposes": sample.purposes,
    }


def _plain(text: str) -> str:
    """Return text as one line that contains no separator."""
    text = " ".join(text.split())
    if "#" not in text:
        return text
    for risk, twin in _TWINS.items():
        text = text.replace(risk, twin)
    return text.strip("#")


def plain_sql(field: str) -> str:
    """Return SQL that applies ``_plain`` to a field."""
    line = f"""CASE WHEN regexp_matches({field}, '^ | $|  |[{_SPACES}]')
        THEN trim(regexp_replace({field}, '[ {_SPACES}]+', ' ', 'g')) ELSE {field} END"""
    replaced = line
    for risk, twin in _TWINS.items():
        replaced = f"replace({replaced}, '{risk}', '{twin}')"
    return f"CASE WHEN contains({field}, '#') THEN trim({replaced}, '#') ELSE {line} END"
