"""Tables of the crawl: products, specifications, media, stored objects and rejects."""

import pyarrow as pa

from core.table_spec import ID, INT, LIST, LONG, REAL, TEXT, TIME, Column, TableSpec

__all__ = ["HISTORY", "MEDIA", "OBJECTS", "PRODUCTS", "REJECTS", "SPECS", "USAGE_RIGHTS", "VARIANTS"]

PRODUCTS = TableSpec(
    name="products",
    meaning="One row per product page, as last seen.",
    key=("product_id",),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "source:native_id"),
        Column("source", TEXT, "name of the source in m5data.toml"),
        Column("url", TEXT, "canonical URL of the page"),
        Column("native_id", TEXT, "the site's own id (sku)"),
        Column("caption", TEXT, "title, contact details masked; NULL: none", nullable=True),
        Column("category", LIST, "category path, outermost first; empty: none"),
        Column("brand", TEXT, "brand as published; NULL: none", nullable=True),
        Column("price", pa.decimal128(18, 4), "amount in currency; NULL: none", nullable=True),
        Column("currency", TEXT, "ISO 4217 where known, else as published", nullable=True),
        Column("availability", TEXT, "InStock or OutOfStock; NULL: not said", nullable=True),
        Column("merchant", TEXT, "keyed hash of the merchant's name; NULL: not said", nullable=True),
        Column("gtin", TEXT, "GTIN as published; NULL: none", nullable=True),
        Column(
            "gtin14",
            TEXT,
            "14 digits of the GTIN or ISBN; NULL: none, wrong check digit, or not unique beyond one shop",
            nullable=True,
            may_lack=True,
        ),
        Column("mpn", TEXT, "manufacturer's part number; NULL: none", nullable=True),
        Column(
            "description",
            TEXT,
            "text about the product, a paragraph a line, contact details masked; NULL: none",
            nullable=True,
            may_lack=True,
        ),
        Column("features", LIST, "selling points, contact details masked; NULL: none", nullable=True, may_lack=True),
        Column(
            "list_price",
            pa.decimal128(18, 4),
            "higher amount in currency that price replaces; NULL: none",
            nullable=True,
            may_lack=True,
        ),
        Column("rating", REAL, "mean rating, 0 to 5; NULL: none", nullable=True, may_lack=True),
        Column("rating_count", INT, "ratings, else reviews; NULL: not said", nullable=True, may_lack=True),
        Column("condition", TEXT, "New, Used, Refurbished or Damaged; NULL: not said", nullable=True, may_lack=True),
        Column(
            "item_group", TEXT, "the site's own id of its group of variants; NULL: none", nullable=True, may_lack=True
        ),
        Column("masked", INT, "contact details masked in caption, description, features and specifications"),
        Column("page_sha256", TEXT, "object of the raw page; NULL: came by feed", nullable=True),
        Column("first_seen", TIME, "when the product was first recorded", observed=True),
        Column("last_seen", TIME, "when the content recorded here was fetched", observed=True),
    ),
)

SPECS = TableSpec(
    name="specs",
    meaning="One row per line of a product's specification table.",
    key=("product_id", "position"),
    bucket_of="product_id",
    codec="lz4_raw",  # the largest table; a query about one property takes a third less time, in 1.8 times the space
    columns=(
        Column("product_id", ID, "product"),
        Column("position", INT, "line of the table, from 0"),
        Column("property", TEXT, "property name as published"),
        Column("value", TEXT, "value as published, contact details masked"),
        Column("property_norm", TEXT, "shared name; NULL: not aligned", nullable=True),
        Column("value_norm", TEXT, "normalised value; NULL: not aligned", nullable=True),
        Column("unit", TEXT, "unit of value_norm; NULL: none", nullable=True),
    ),
)

VARIANTS = TableSpec(
    name="variants",
    meaning="One row per combination of options, such as colour and size, that a product is sold in.",
    key=("product_id", "variant_id"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("variant_id", TEXT, "the shop's own id of the variant (sku)"),
        Column("position", INT, "place on the page, from 0"),
        Column("options", LIST, "what it differs in, each as name: value, contact details masked"),
        Column("price", pa.decimal128(18, 4), "amount in currency; NULL: none of its own", nullable=True),
        Column("currency", TEXT, "ISO 4217 where known, else as published", nullable=True),
        Column("availability", TEXT, "InStock or OutOfStock; NULL: not said", nullable=True),
        Column("image_url", TEXT, "its own image; NULL: none", nullable=True),
    ),
)

MEDIA = TableSpec(
    name="media",
    meaning="One row per image or video that a product page names.",
    key=("product_id", "kind", "position"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("kind", TEXT, "image or video"),
        Column("position", INT, "place on the page, from 0; image 0 is the main one"),
        Column("url", TEXT, "URL it was fetched from"),
        Column("state", TEXT, "pending, ok, failed or dropped"),
        Column("reason", TEXT, "why it failed or was dropped; NULL: pending or ok", nullable=True),
        Column("attempts", INT, "requests made", observed=True),
        Column("http_status", INT, "last HTTP status; NULL: no response yet", nullable=True),
        Column("sha256", TEXT, "object of the bytes; NULL unless ok", nullable=True),
        Column("bytes", LONG, "length; NULL unless ok", nullable=True),
        Column("mime", TEXT, "type detected from the bytes; NULL unless ok", nullable=True),
        Column("width", INT, "pixels; NULL unless ok", nullable=True),
        Column("height", INT, "pixels; NULL unless ok", nullable=True),
        Column("duration_s", REAL, "seconds, from the header; NULL: image, or not said", nullable=True),
        Column("etag", TEXT, "validator for the next conditional request", nullable=True),
        Column("last_modified", TEXT, "likewise, as the server sent it", nullable=True),
    ),
)


HISTORY = TableSpec(
    name="history",
    meaning="One row per change of a product that a person would notice.",
    key=("product_id", "changed_at", "field", "name"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product; one that vanished is no longer in products"),
        Column("changed_at", TIME, "when the change was recorded"),
        Column(
            "field",
            TEXT,
            "caption, price, currency, availability, category, brand, description, features, list_price, condition, "
            "item_group, specification, images, videos, or product",
        ),
        Column("name", TEXT, "property of a specification; else empty"),
        Column("before", TEXT, "value before; NULL: none", nullable=True),
        Column("after", TEXT, "value after; NULL: none. Of product: vanished or listed", nullable=True),
    ),
)

_VERDICT = "allowed, refused or unknown"

USAGE_RIGHTS = TableSpec(
    name="usage_rights",
    meaning="One row per signal about the use of a product's page, for as long as it was served.",
    key=("product_id", "signal", "place", "since"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product; one that vanished is no longer in products"),
        Column("url", TEXT, "page that the signal is about"),
        Column("signal", TEXT, "kind, e.g. content-signal, content-usage, rsl, http-402, noai"),
        Column("place", TEXT, "where it was served, e.g. robots.txt, header, link"),
        Column("served", TEXT, "the signal as it was served; of a licence its URL and terms"),
        Column("train", TEXT, f"may a model be trained: {_VERDICT}"),
        Column("evaluate", TEXT, f"may a model be measured: {_VERDICT}"),
        Column("search", TEXT, f"may it be searched: {_VERDICT}"),
        Column("display", TEXT, f"may it be shown: {_VERDICT}"),
        Column("since", TIME, "when it was first served so"),
        Column("until", TIME, "when it was no longer; NULL: it still is", nullable=True),
    ),
)

REJECTS = TableSpec(
    name="rejects",
    meaning="One row per item that a stage dropped, and why.",
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
    meaning="One row per stored object: where its bytes are.",
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
