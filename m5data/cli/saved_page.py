"""Reading saved pages, and records as JSON."""

import gzip
from dataclasses import asdict
from pathlib import Path

from m5data.errors import UsageError
from m5data.records import ProductRecord

__all__ = ["read_page", "record_as_json"]


def read_page(path: Path) -> bytes:
    """Return the bytes of a saved page.

    Raises:
        UsageError: There is no such file, or it is broken gzip.
    """
    try:
        body = path.read_bytes()
        return gzip.decompress(body) if path.suffix == ".gz" else body
    except (OSError, EOFError) as error:
        raise UsageError(f"{path}: wanted a saved page: {error}; name another file") from None


def record_as_json(record: ProductRecord) -> dict[str, object]:
    """Return a record under the names that feeds use."""
    row = asdict(record)
    row["title"] = row.pop("caption")
    row["specs"] = [{"property": spec.property, "value": spec.value} for spec in record.specs]
    row["price"] = None if record.price is None else str(record.price)
    return row
