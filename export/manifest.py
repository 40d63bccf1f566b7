"""The manifest of an export, and its claim to the files of its folder: no other files are replaced or removed.

An export of one format fills one folder. Its manifest names every file; it is removed first and written last. In
between, ``unfinished.json`` lists the export's files, so that the run after a kill recognises them.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import DataError, UsageError
from core.files import TEMPORARY
from core.paths import is_plain
from export.folders import DRAFT, Folder, LocalFolder

__all__ = [
    "CARD",
    "CROISSANT",
    "MANIFEST",
    "UNFINISHED",
    "Claim",
    "is_whole",
    "is_written_by",
    "named_files",
    "read_manifest",
    "remove_unfinished",
    "write_manifest",
]

MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"
CARD = "README.md"
CROISSANT = "croissant.json"
_WRITTEN_WHOLE = (MANIFEST, UNFINISHED, CARD, CROISSANT)
"""Files written under a temporary name first; a kill may leave the temporary file."""


class Claim:
    """The files of one folder that this export and earlier ones wrote.

    Args:
        folder: The folder of one format.
        shown: Its path or URL, for messages.
        mark: Mark of the workspace that exports.

    Raises:
        UsageError: The folder holds a file that no export wrote, or that was changed since.
        DataError: Its manifest is damaged.
    """

    def __init__(self, folder: Folder, shown: str | Path, mark: str = "") -> None:
        self.folder = folder
        self._mark = mark
        self.there = folder.files()
        """Name -> size and tag of each file that existed before."""
        self._own = set(named_files(folder, shown))
        self._wanted: set[str] = set()
        foreign = sorted(self.there.keys() - self._own - _passing(self._own)) + _changed(folder, shown)
        if foreign:
            more = f" and {len(foreign) - 1:,} more files" if len(foreign) > 1 else ""
            raise UsageError(
                f"export: {shown}/{foreign[0]}{more}: not written by an export, or changed since. "
                "Nothing was touched: move them away, or choose another folder with --out."
            )

    def begin(self) -> None:
        """Record the files, then remove the manifest: until ``end``, the folder is not a finished export."""
        self._note()
        if MANIFEST in self.there:
            self.folder.remove(MANIFEST)

    def expect(self, split: str, number: int, suffix: str) -> None:
        """Record a shard to be written, and at least as many more as precede it: the record is rarely rewritten."""
        if f"{split}/{number:05d}{suffix}" not in self._own:
            self._own.update(f"{split}/{one:05d}{suffix}" for one in range(number, 2 * number + 16))
            self._note()

    def write(self, name: str, payload: bytes) -> None:
        """Write ``payload`` as the file ``name``."""
        self.keep(name)
        if name not in self._own:
            self._own.add(name)
            self._note()
        self.folder.write(name, payload)

    def keep(self, name: str) -> None:
        """Keep a file that this run or a killed one finished."""
        self._wanted.add(name)

    def end(self, content: Mapping[str, object]) -> None:
        """Remove files of earlier exports that were not written again, and write the manifest last."""
        for name in sorted((self._own | _passing(self._own)) & self.folder.files().keys() - self._wanted):
            if name != UNFINISHED:
                self.folder.remove(name)
        write_manifest(self.folder, content)
        self.folder.remove(UNFINISHED)

    def _note(self) -> None:
        self.folder.write(UNFINISHED, json.dumps({"files": sorted(self._own), "workspace": self._mark}).encode())


def read_manifest(folder: Folder, shown: str | Path) -> dict[str, Any] | None:
    """Return the manifest of a finished export; None if there is none.

    Raises:
        DataError: It is damaged.
    """
    payload = folder.read(MANIFEST)
    if payload is None:
        return None
    try:
        content: dict[str, Any] = json.loads(payload)
        _check_names([*(name for name, _ in _shards(content)), *dict(content["descriptions"])])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{shown}/{MANIFEST}: not the manifest of an export ({error!r}). "
            "Move the folder away or choose another one, and export again."
        ) from None
    return content


def write_manifest(folder: Folder, content: Mapping[str, object]) -> None:
    """Write the manifest of an export, with the hashes of its card and metadata."""
    descriptions = {name: _digest(folder, name) for name in (CARD, CROISSANT)}
    text = json.dumps({**content, "descriptions": descriptions}, ensure_ascii=False, indent=2, sort_keys=True)
    folder.write(MANIFEST, f"{text}\n".encode())


def named_files(folder: Folder, shown: str | Path) -> frozenset[str]:
    """Return the files that exports wrote to a folder, named by its manifest or the list of an unfinished export.

    Raises:
        DataError: Either is damaged.
    """
    names: set[str] = set()
    if (manifest := read_manifest(folder, shown)) is not None:
        names |= {name for name, _ in _shards(manifest)} | {*manifest["descriptions"], MANIFEST}
    if (payload := folder.read(UNFINISHED)) is not None:
        try:
            listed = [*json.loads(payload)["files"]]
            _check_names(listed)
            names |= {*listed, UNFINISHED}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{shown}/{UNFINISHED}: not the list of an unfinished export ({error!r}). "
                "Move the folder away or choose another one, and export again."
            ) from None
    return frozenset(names)


def is_written_by(folder: Folder, shown: str | Path, mark: str) -> bool:
    """Return whether a folder holds an export, finished or not, of the workspace with this mark.

    Raises:
        DataError: Its manifest is damaged.
    """
    named_files(folder, shown)
    found = [json.loads(data) for name in (MANIFEST, UNFINISHED) if (data := folder.read(name)) is not None]
    return any(one.get("workspace") == mark for one in found)


def is_whole(folder: Folder, shown: str | Path) -> bool:
    """Return whether a folder holds a finished export: a manifest, and every file it names, with the stated size."""
    files = folder.files()
    manifest = None if UNFINISHED in files else read_manifest(folder, shown)
    if manifest is None or not manifest["descriptions"].keys() <= files.keys():
        return False
    return all(name in files and files[name].size == shard["bytes"] for name, shard in _shards(manifest))


def remove_unfinished(path: Path) -> None:
    """Remove the files of an unfinished export from a folder on this machine."""
    folder = LocalFolder(path)
    own = named_files(folder, path)
    for name in sorted((own | _passing(own)) & folder.files().keys() - {UNFINISHED}):
        folder.remove(name)
    folder.remove(UNFINISHED)


def _shards(manifest: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and entry of every shard."""
    for split, shards in manifest["splits"].items():
        yield from ((f"{split}/{shard['file']}", shard) for shard in shards)


def _check_names(names: Iterable[str]) -> None:
    """Check that files are inside the export.

    Raises:
        ValueError: One is not.
    """
    for name in names:
        if not is_plain(name):
            raise ValueError(f"{name!r} is not inside it")


def _passing(own: Collection[str]) -> set[str]:
    """Return the names of the drafts that a killed export or take-down of these files may leave behind."""
    drafts = {f".{name}{TEMPORARY}" for name in _WRITTEN_WHOLE}
    return drafts | {f"{name}{DRAFT}" for name in own}


def _changed(folder: Folder, shown: str | Path) -> list[str]:
    """Return which of the card and metadata were edited after the export finished."""
    manifest = read_manifest(folder, shown)
    hashes = manifest["descriptions"] if manifest else {}
    return [name for name, digest in sorted(hashes.items()) if _digest(folder, name) not in {digest, None}]


def _digest(folder: Folder, name: str) -> str | None:
    payload = folder.read(name)
    return None if payload is None else hashlib.sha256(payload).hexdigest()
