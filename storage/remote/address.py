"""Addresses of object stores, and the folder on this machine that works for one."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from m5data.errors import UsageError
from storage.durable import replace_file

__all__ = ["OWN_FOLDER", "WORKING_COPIES", "address_of", "is_address", "mark", "working_copy"]

WORKING_COPIES = "M5DATA_WORKING_COPIES"
"""Environment variable: the folder that working copies lie in."""
OWN_FOLDER = ".m5data"
"""Folder of a working copy that holds what is known of its store."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def is_address(place: str | Path) -> bool:
    """Tell whether a place is an address of an object store, e.g. ``s3://bucket/prefix``, and no folder."""
    return "://" in str(place) and urlsplit(str(place)).scheme != "file"


def working_copy(place: str | Path) -> Path:
    """Return the folder to work on: the one named, by path or ``file:`` address, or the working copy of a store.

    A working copy lies in the folder that ``M5DATA_WORKING_COPIES`` names, else in the user's cache (``m5data`` in
    ``XDG_CACHE_HOME`` or ``~/.cache``). It is made if need be; nothing is fetched yet.

    Raises:
        UsageError: The address names no bucket.
    """
    text = str(place)
    if not is_address(text):
        parts = urlsplit(text)
        return Path(unquote(parts.path)) if parts.scheme == "file" and "://" in text else Path(text)
    address = text.rstrip("/")
    parts = urlsplit(address)
    if not parts.netloc and not parts.path:
        raise UsageError(f"{text}: wanted an address such as s3://bucket/prefix, it names no bucket; add it")
    digest = hashlib.sha256(address.encode()).hexdigest()[:12]
    name = _UNSAFE.sub("-", address.rpartition("/")[2]) or "workspace"
    folder = _parent().absolute() / f"{name}-{digest}"
    mark(folder, address)
    return folder


def mark(folder: Path, address: str) -> None:
    """Make a folder the working copy of a store."""
    if address_of(folder) is None:
        (folder / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        replace_file(_path(folder), address.encode())


def address_of(folder: Path) -> str | None:
    """Return the address that a folder is the working copy of; None: it is a workspace of its own."""
    try:
        return _path(folder).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _path(folder: Path) -> Path:
    return folder / OWN_FOLDER / "address"


def _parent() -> Path:
    named = os.environ.get(WORKING_COPIES)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "m5data"
