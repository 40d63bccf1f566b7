"""Reading saved pages, and records as JSON."""

import gzip
import zlib
from dataclasses import asdict
from pathlib import Path

from m5data.errors import UsageError
from m5data.records import ProductRecord

__all__ = ["read_page", "record_as_json"]

_LONGEST = 64 * 1024 * 1024
"""Bytes, decompressed: a small gzip file can hold a thousand times itself."""


def read_page(path: Path) -> bytes:
    """Return the bytes of a saved page.

    Raises:
        UsageError: There is no such file, it is broken gzip, no ordinary file, or longer than any page.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: wanted a saved page, got a folder, pipe or device; name a file")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            body = file.read(_LONGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: wanted a saved page: {error}; name another file") from None
    if len(body) > _LONGEST:
        raise UsageError(f"{path}: wanted a saved page of at most {_LONGEST:,} bytes, got more; name another file")
    return body


def record_as_json(record: ProductRecord) -> dict[str, object]:
    """Return a record under the names that feeds use."""
    row = asdict(record)
    row["title"] = row.pop("caption")
    row["specs"] = [{"property": spec.property, "value": spec.value} for spec in record.specs]
    row["price"] = None if record.price is None else str(record.price)
    return row
