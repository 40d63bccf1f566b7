"""A small synthetic workspace: three products of one source in two splits, written through storage."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
from PIL import Image

from storage.tables import TABLES

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MFCC = np.arange(12, dtype="<f4").reshape(3, 4)
FRAMES = (b"\xff\xd8first\xff\xd9", b"\xff\xd8second one\xff\xd9")
MP3 = b"ID3 a synthetic sound"


STATED: dict[str, object] = {
    "description": "手工制作。\n容量一升。",
    "features": ["保温", "轻"],
    "price": Decimal("49.50"),
    "list_price": Decimal(59),
    "currency": "CNY",
    "rating": 4.5,
    "rating_count": 12,
    "condition": "New",
    "item_group": "R7",
    "gtin14": "00012345600012",
}
"""What product 1 states beside its caption."""


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


def rows(table: str, *given: Mapping[str, object]) -> pa.Table:
    """Fill missing columns with None, zero or an empty text, and return a table with the schema's types."""
    schema = TABLES[table].schema
    blank = {field.name: None if field.nullable else "" if pa.types.is_string(field.type) else 0 for field in schema}
    return pa.Table.from_pylist([{**blank, **row} for row in given], schema=schema)


def product(number: int, caption: str | None) -> dict[str, object]:
    return {
        "product_id": f"shop:{number}",
        "source": "shop",
        "url": f"https://shop.example/{number}",
        "native_id": str(number),
        "caption": caption,
        "category": [],
        "first_seen": NOW,
        "last_seen": NOW,
    }
