"""Tables about the work itself: rejects and the index of objects."""

from storage.schemas.column import Column, TableSpec
from storage.schemas.types import ID, LONG, TEXT

__all__ = ["OBJECTS", "REJECTS"]

REJECTS = TableSpec(
    name="rejects",
    meaning="One row an item that a stage dropped, and why.",
    key=("stage", "item", "reason", "detail"),
    split_by="stage",
    columns=(
        Column("stage", TEXT, "stage that dropped it"),
        Column("item", TEXT, "url, product id, object or file:line"),
        Column("reason", TEXT, "one word of the stage's vocabulary"),
        Column("detail", TEXT, "one line for a person; may be empty"),
    ),
)

OBJECTS = TableSpec(
    name="objects",
    meaning="One row a stored object: where its bytes lie.",
    key=("sha256",),
    bucket_of="sha256",
    columns=(
        Column("sha256", ID, "SHA-256 of the payload, hex"),
        Column("kind", TEXT, "page, media or derived"),
        Column("mime", TEXT, "type of the payload"),
        Column("segment", TEXT, "WARC file under objects/", observed=True),
        Column("offset", LONG, "where the WARC record starts, bytes", observed=True),
        Column("length", LONG, "length of the WARC record, bytes", observed=True),
        Column("payload_offset", LONG, "where the payload starts; -1: record is gzipped", observed=True),
        Column("payload_length", LONG, "length of the payload, bytes"),
    ),
)
