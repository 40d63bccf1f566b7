"""Published links: the files of an export in the format ``links`` or ``links-jsonl``, read with declared types."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core.engine import quote, text
from core.errors import DataError, UsageError
from core.files import file_sha256
from core.paths import inside
from export.folders import LocalFolder
from export.links import IMAGES, LINK_FORMS, MATCHES, VIDEOS
from export.manifest import MANIFEST, read_manifest

__all__ = ["COLUMNS", "Published", "open_published"]

_SPEC = "STRUCT(property VARCHAR, value VARCHAR)[]"
_FRAME = 'STRUCT("second" INTEGER, pts_s DOUBLE, phash BIGINT)[]'
_SAMPLE = {
    **dict.fromkeys(("split", "product_id", "role", "label", "label_level", "group_id"), "VARCHAR"),
    "image_position": "INTEGER",
    **dict.fromkeys(("source", "url", "native_id", "caption"), "VARCHAR"),
    "category": "VARCHAR[]",
    "brand": "VARCHAR",
    "price": "DECIMAL(18, 4)",
    **dict.fromkeys(("currency", "availability", "gtin", "gtin14", "mpn"), "VARCHAR"),
    "masked": "INTEGER",
    **dict.fromkeys(("first_seen", "last_seen"), "TIMESTAMPTZ"),
    **{
        f"{level}_{part}": kind
        for level in ("class", "sub_class", "subsub_class")
        for part, kind in (("id", "INTEGER"), ("name", "VARCHAR"))
    },
    "specs": _SPEC,
    "duplicate_rule": "VARCHAR",
    "held_out": "BOOLEAN",
}
_MEDIUM = {
    **dict.fromkeys(("url", "product_id", "kind", "sha256", "mime", "source"), "VARCHAR"),
    "position": "INTEGER",
    "bytes": "BIGINT",
}
COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "samples": _SAMPLE,
        IMAGES: {**_MEDIUM, "phash": "BIGINT"},
        VIDEOS: {
            **_MEDIUM,
            "frames": _FRAME,
            **dict.fromkeys(("frames_sha256", "mp3_sha256", "mfcc_sha256"), "VARCHAR"),
        },
        MATCHES: {
            **dict.fromkeys(("product_id", "candidate", "decision"), "VARCHAR"),
            "posterior": "DOUBLE",
            "votes": "INTEGER",
        },
    }
)
"""Kind of file -> the columns that are read, with their types in DuckDB."""


@dataclass(frozen=True, slots=True)
class Published:
    """The links of one published dataset."""

    folder: Path
    recipe: str
    record: Mapping[str, Any]
    """Definition and seed of the recipe, the digest of each split, and source -> licence."""
    splits: tuple[str, ...]
    """The splits that are wanted."""
    identity: str
    """Digest of the manifest and of the choice of splits."""
    files: Mapping[str, tuple[str, ...]]
    """Kind of file -> paths."""
    is_table: bool
    """Whether the files are Parquet; else JSON Lines."""

    def relation(self, kind: str, files: Sequence[str] | None = None) -> str:
        """Return a query of the rows of one kind of file.

        Args:
            kind: One of ``COLUMNS``.
            files: Some of their paths; None: all.
        """
        columns, paths = COLUMNS[kind], self.files[kind] if files is None else files
        if not paths:
            nothing = ", ".join(f"NULL::{form} AS {quote(name)}" for name, form in columns.items())
            return f"SELECT {nothing} WHERE false"
        listed = ", ".join(map(text, paths))
        if self.is_table:
            cast = ", ".join(f"{quote(name)}::{form} AS {quote(name)}" for name, form in columns.items())
            return f"SELECT {cast} FROM read_parquet([{listed}])"  # noqa: S608 - quoted
        types = ", ".join(f"{text(name)}: {text(form)}" for name, form in columns.items())
        named = ", ".join(map(quote, columns))
        return f"SELECT {named} FROM read_json([{listed}], format = 'newline_delimited', columns = {{{types}}})"  # noqa: S608

    def media(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and path of each file of media."""
        yield from ((kind, path) for kind in (IMAGES, VIDEOS) for path in self.files[kind])


def open_published(folder: Path, only: Sequence[str] = ()) -> Published:
    """Open the links of a folder, and check that its files are those that its manifest names.

    Args:
        folder: Folder with the manifest.
        only: Splits that are wanted; empty: all.

    Raises:
        UsageError: It holds no links, or not these splits.
        DataError: A file is missing or has another hash, or the manifest is damaged.
    """
    manifest = read_manifest(LocalFolder(folder), folder) if (folder / MANIFEST).is_file() else None
    if manifest is None or manifest.get("format") not in LINK_FORMS or "published" not in manifest:
        raise UsageError(
            f"{folder}: no links to rebuild a dataset from. Name the folder of an export in the format links, "
            f"the one with {MANIFEST}."
        )
    record = manifest["published"]
    if record.get("definition") is None:
        raise DataError(f"{folder}/{MANIFEST}: it does not say how its splits were made. Export the links again.")
    there = tuple(name for name in manifest["splits"] if name != MATCHES and "/" not in name)
    if unknown := sorted(set(only) - set(there)):
        raise UsageError(f"--only split={unknown[0]}: {folder} has no such split; name some of {', '.join(there)}")
    splits = tuple(only) or there
    files = {
        "samples": _checked(folder, manifest, splits),
        **{kind: _checked(folder, manifest, [f"{kind}/{split}" for split in splits]) for kind in (IMAGES, VIDEOS)},
        MATCHES: _checked(folder, manifest, [MATCHES]),
    }
    identity = json.dumps([file_sha256(folder / MANIFEST), sorted(splits)])
    is_table = LINK_FORMS[manifest["format"]].suffix == ".parquet"
    return Published(folder, manifest["recipe"], record, splits, identity, files, is_table)


def _checked(folder: Path, manifest: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of the files in some folders of the export.

    Raises:
        DataError: One is missing or differs from the manifest.
    """
    found = []
    for name in names:
        for shard in manifest["splits"].get(name, ()):
            path = inside(folder, f"{name}/{shard['file']}")
            if not path.is_file():
                raise DataError(f"{path}: the file is missing. Copy the whole export, with the files of {MANIFEST}.")
            if file_sha256(path) != shard["sha256"]:
                raise DataError(f"{path}: its SHA-256 differs from {MANIFEST}. Copy the export again.")
            found.append(str(path.absolute()))
    return tuple(found)
